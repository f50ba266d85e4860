// The bar under the top: back to the query, its filters, what was picked, and what these are compared with.
import { useState } from 'react';
import { Popover } from '@mantine/core';
import type { FieldInfo } from '../../api/types';
import { FilterWords } from '../../parts/Chip';
import { FilterEditor } from '../../parts/FilterEditor';
import { Icon } from '../../parts/Icon';
import { DAY_SECONDS, pickedBy, type Different, type Than } from '../../state/different';
import { earlierWords, othersWords } from '../../words/different';

type Props = { different: Different; fields: FieldInfo[]; known: string[]; onBack: () => void; onThan: (than: Than) => void };
const EARLIER = [3600, DAY_SECONDS, 7 * DAY_SECONDS];

export function ScopeBar({ different: d, fields, known, onBack, onThan }: Props) {
  const [editing, setEditing] = useState(false);
  const { explore, these, than } = d;
  const offsets = [...new Set([...(than.kind === 'earlier' ? [than.seconds] : []), ...EARLIER])].sort((a, b) => a - b);
  const same = { box: 'The same box', range: 'The same range', filters: 'The same' }[pickedBy(these)];
  const chosen = than.kind === 'earlier' ? String(than.seconds) : than.kind;
  const choose = (value: string) => {
    if (value === 'where') setEditing(true);
    else onThan(value === 'others' ? { kind: 'others' } : { kind: 'earlier', seconds: Number(value) });
  };
  return (
    <section className="scope" aria-label="What is compared">
      <button type="button" className="btn ghost" onClick={onBack}><Icon name="back" />Query</button>
      {explore.where.map((f, i) => <span className="part inner" key={i}>{i > 0 && explore.combine === 'OR' && <span className="dim">or</span>}<span className="chip still"><FilterWords f={f} /></span></span>)}
      {pickedBy(these) === 'filters' && these.where.map((f, i) => <span className="chip still these" key={`t${i}`}><FilterWords f={f} /></span>)}
      <span className="sp" />
      <span className="dim wide" id="than">These are compared with</span>
      <div className="seg wide" role="group" aria-labelledby="than">
        <button type="button" aria-pressed={chosen === 'others'} onClick={() => choose('others')}>All the others</button>
        <button type="button" aria-pressed={chosen === String(DAY_SECONDS)} onClick={() => choose(String(DAY_SECONDS))}>{same} {earlierWords(DAY_SECONDS)}</button>
        <Other editing={editing} setEditing={setEditing} different={d} fields={fields} known={known} onThan={onThan} offsets={offsets.filter((s) => s !== DAY_SECONDS)} />
      </div>
      <select className="narrow than-select" aria-label="These are compared with" value={chosen} onChange={(event) => choose(event.target.value)}>
        <option value="others">Compared with all the others</option>
        {offsets.map((s) => <option key={s} value={String(s)}>Compared with {same.toLowerCase()} {earlierWords(s)}</option>)}
        {than.kind === 'where' && <option value="where">Compared with {othersWords(d, known)}</option>}
      </select>
    </section>
  );
}

type OtherProps = { different: Different; fields: FieldInfo[]; known: string[]; offsets: number[]; editing: boolean; setEditing: (on: boolean) => void; onThan: (than: Than) => void };

/** Anything else to compare with: another time, or events that meet a filter. */
function Other({ different: d, fields, known, offsets, editing, setEditing, onThan }: OtherProps) {
  const { than } = d;
  const other = than.kind === 'where' || (than.kind === 'earlier' && than.seconds !== DAY_SECONDS);
  const take = (next: Than) => {
    setEditing(false);
    onThan(next);
  };
  return (
    <Popover opened={editing} onChange={setEditing} position="bottom-end" withinPortal>
      <Popover.Target>
        <button type="button" aria-pressed={other} aria-haspopup="dialog" onClick={() => setEditing(!editing)}>{other ? othersWords(d, known) : 'Other…'}</button>
      </Popover.Target>
      <Popover.Dropdown className="than-menu" aria-label="Compare with something else">
        <p className="eyebrow">Another time</p>
        {offsets.map((s) => <button type="button" key={s} className="than-line" onClick={() => take({ kind: 'earlier', seconds: s })}>The same {earlierWords(s)}</button>)}
        <p className="eyebrow">Events of the query with</p>
        <FilterEditor dataset={d.explore.dataset} fields={fields} filter={null} onDone={(f) => take({ kind: 'where', where: [f] })} onRemove={() => setEditing(false)} onClose={() => setEditing(false)} />
      </Popover.Dropdown>
    </Popover>
  );
}
