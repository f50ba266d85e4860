// What any value offers, always in the same order: only this, not this, group by it, what is different about these, an example trace, copy.
// Numbers also offer bounds.
// One menu for the page; values open it through the context. It changes the page by the pure functions of state/edit.
import { createContext, useContext, useEffect, type KeyboardEvent } from 'react';
import type { Explore } from '../state/explore';
import { bound, canNarrow, groupBy, notThis, onlyThis } from '../state/edit';
import { theseOfGroup, type These } from '../state/different';
import { count, share } from '../words/numbers';
import { cut, valueText, type Value } from '../words/values';
import { AnchoredMenu } from './AnchoredMenu';
import type { MenuLine } from './MenuList';
import { copy } from './copy';

export type Asked = { column: string; value: Value; at: DOMRect; events: number | null; total: number | null; /** The whole group of the row that it stands in, if that is more than this value. */ group?: { by: string[]; key: Value[] }; /** The line that a key on the value itself takes. */ letter?: string; /** What the head says of it, instead of how many events. */ said?: string; /** Opens the trace of the one event that it stands in. */ openTrace?: () => void };
export const ValueMenuContext = createContext<(asked: Asked) => void>(() => {});
export const useValueMenu = () => useContext(ValueMenuContext);

type Props = { asked: Asked; explore: Explore; onEdit: (next: Explore) => void; onDifferent: (these: These) => void; /** Opens the slowest trace of some events; null where events belong to none. */ onExample?: ((these: These) => void) | null; onClose: () => void };

export function ValueMenu({ asked, explore, onEdit, onDifferent, onExample, onClose }: Props) {
  const { column, value, at, events, total, said } = asked;
  const number = typeof value === 'number';
  const narrows = canNarrow(explore);
  const lines: MenuLine[] = [];
  if (narrows && (!number || Number.isInteger(value))) lines.push({ id: 'only', label: 'Only this', icon: 'only', letter: 'O', run: () => onEdit(onlyThis(explore, column, value)) });
  if (narrows && number) {
    lines.push({ id: 'least', label: `At least ${valueText(value)}`, icon: 'atLeast', letter: 'L', run: () => onEdit(bound(explore, column, '>=', value)) });
    lines.push({ id: 'most', label: `At most ${valueText(value)}`, icon: 'atMost', letter: 'M', run: () => onEdit(bound(explore, column, '<=', value)) });
  }
  if (narrows) lines.push({ id: 'not', label: 'Not this', icon: 'not', letter: 'N', run: () => onEdit(notThis(explore, column, value)) });
  if (!explore.by.includes(column)) lines.push({ id: 'group', label: <>Group by <span className="mono">{cut(column, 28)}</span></>, icon: 'group', letter: 'G', run: () => onEdit(groupBy(explore, column)) });
  const these = theseOfGroup([column], [value]);
  if (asked.group) {
    const { by, key } = asked.group;
    lines.push({ id: 'different', label: 'What is different about this group?', icon: 'different', letter: 'D', these: true, run: () => onDifferent(theseOfGroup(by, key)) });
    lines.push({ id: 'value', label: 'What is different about this value?', icon: 'different', letter: 'V', these: true, run: () => onDifferent(these) });
  } else lines.push({ id: 'different', label: 'What is different about these?', icon: 'different', letter: 'D', these: true, run: () => onDifferent(these) });
  if (asked.openTrace) lines.push({ id: 'trace', label: 'Open its trace', icon: 'traces', letter: 'T', run: asked.openTrace });
  else if (onExample) lines.push({ id: 'trace', label: 'Open an example trace', icon: 'traces', letter: 'T', run: () => onExample(asked.group ? theseOfGroup(asked.group.by, asked.group.key) : these) });
  if (value !== null) lines.push({ id: 'copy', label: 'Copy value', icon: 'copy', letter: 'C', run: () => void copy(String(value)) });
  const taken = asked.letter ? lines.find((l) => l.letter === asked.letter) : undefined;
  useEffect(() => {
    if (!taken) return;
    onClose();
    taken.run();
  }, []); // eslint-disable-line react-hooks/exhaustive-deps -- taken once
  if (taken) return null;
  const head = (
    <>
      <p className="mono strong whole"><bdi>{column}</bdi>{value === null ? <span className="dim"> has no value</span> : <> = <bdi dir="auto">{cut(valueText(value), 240)}</bdi></>}</p>
      {said ? <p className="dim">{said}</p> : events !== null && <p className="dim">{count(events)} {events === 1 ? 'event' : 'events'}{total ? `, ${share(events / total)} of these results` : ''}</p>}
    </>
  );
  return <AnchoredMenu at={at} head={head} lines={lines} onClose={onClose} />;
}

const LETTERS = 'onglmdvtc';

/** Opens the menu of a value, by click, right click, Enter, or takes one of its lines by the letter. */
export function useValueOpener(asked: Omit<Asked, 'at' | 'letter'>) {
  const open = useValueMenu();
  const show = (event: { currentTarget: HTMLElement; stopPropagation: () => void; preventDefault: () => void }, letter?: string) => {
    event.preventDefault();
    event.stopPropagation();
    open({ ...asked, at: event.currentTarget.getBoundingClientRect(), letter });
  };
  return {
    'aria-haspopup': 'menu' as const,
    onClick: show,
    onContextMenu: show,
    onKeyDown: (event: KeyboardEvent<HTMLElement>) => {
      if (event.metaKey || event.ctrlKey || event.altKey || event.key.length > 1 || !LETTERS.includes(event.key.toLowerCase())) return;
      show(event, event.key.toUpperCase());
    },
  };
}

type ValueProps = { column: string; value: Value; most?: number; events?: number | null; total?: number | null; group?: Asked['group']; openTrace?: () => void };

/** A value on the page: a button that opens the menu. `null` is dim words and still a way in. */
export function ValueButton({ column, value, most = 64, events = null, total = null, group, openTrace }: ValueProps) {
  const ways = useValueOpener({ column, value, events, total, group, openTrace });
  const text = valueText(value);
  return (
    <button type="button" className={value === null ? 'val none' : 'val'} dir="auto" title={text.length > most ? text : undefined} {...ways}>
      {cut(text, most)}
    </button>
  );
}
