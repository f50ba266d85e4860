// What any value offers, always in the same order: only this, not this, group by it, copy. Numbers also offer bounds.
// One menu for the page; values open it through the context. It changes the page by the pure functions of state/edit.
import { createContext, useContext } from 'react';
import type { Explore } from '../state/explore';
import { bound, groupBy, notThis, onlyThis } from '../state/edit';
import { count, share } from '../words/numbers';
import { cut, valueText, type Value } from '../words/values';
import { AnchoredMenu } from './AnchoredMenu';
import type { MenuLine } from './MenuList';
import { copy } from './copy';

export type Asked = { column: string; value: Value; at: DOMRect; events: number | null; total: number | null };
export const ValueMenuContext = createContext<(asked: Asked) => void>(() => {});
export const useValueMenu = () => useContext(ValueMenuContext);

export function ValueMenu({ asked, explore, onEdit, onClose }: { asked: Asked; explore: Explore; onEdit: (next: Explore) => void; onClose: () => void }) {
  const { column, value, at, events, total } = asked;
  const number = typeof value === 'number';
  const lines: MenuLine[] = [];
  if (!number || Number.isInteger(value)) lines.push({ id: 'only', label: 'Only this', icon: 'only', letter: 'O', run: () => onEdit(onlyThis(explore, column, value)) });
  if (number) {
    lines.push({ id: 'least', label: `At least ${valueText(value)}`, icon: 'atLeast', letter: 'L', run: () => onEdit(bound(explore, column, '>=', value)) });
    lines.push({ id: 'most', label: `At most ${valueText(value)}`, icon: 'atMost', letter: 'M', run: () => onEdit(bound(explore, column, '<=', value)) });
  }
  lines.push({ id: 'not', label: 'Not this', icon: 'not', letter: 'N', run: () => onEdit(notThis(explore, column, value)) });
  if (!explore.by.includes(column)) lines.push({ id: 'group', label: <>Group by <span className="mono">{cut(column, 28)}</span></>, icon: 'group', letter: 'G', run: () => onEdit(groupBy(explore, column)) });
  if (value !== null) lines.push({ id: 'copy', label: 'Copy value', icon: 'copy', letter: 'C', run: () => void copy(String(value)) });
  const head = (
    <>
      <p className="mono strong whole"><bdi>{column}</bdi>{value === null ? <span className="dim"> has no value</span> : <> = <bdi dir="auto">{cut(valueText(value), 240)}</bdi></>}</p>
      {events !== null && <p className="dim">{count(events)} {events === 1 ? 'event' : 'events'}{total ? `, ${share(events / total)} of these results` : ''}</p>}
    </>
  );
  return <AnchoredMenu at={at} head={head} lines={lines} onClose={onClose} />;
}

/** A value on the page: a button that opens the menu. `null` is dim words and still a way in. */
export function ValueButton({ column, value, most = 64, events = null, total = null }: { column: string; value: Value; most?: number; events?: number | null; total?: number | null }) {
  const open = useValueMenu();
  const text = valueText(value);
  return (
    <button
      type="button"
      className={value === null ? 'val none' : 'val'}
      dir="auto"
      title={text.length > most ? text : undefined}
      aria-haspopup="menu"
      onClick={(event) => {
        event.stopPropagation();
        open({ column, value, at: event.currentTarget.getBoundingClientRect(), events, total });
      }}
      onContextMenu={(event) => {
        event.preventDefault();
        open({ column, value, at: event.currentTarget.getBoundingClientRect(), events, total });
      }}
    >
      {cut(text, most)}
    </button>
  );
}
