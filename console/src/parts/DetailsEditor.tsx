// A calculation with a name, so that formulas can use it, and a condition of its own: "errors" are those events that have an
// error. It hands back a finished calculation and must not know the page.
import { Popover } from '@mantine/core';
import { useId, useState, type KeyboardEvent } from 'react';
import { nearest } from '../state/complete';
import { calculationName, isHeatmap, type Calculation, type Explore } from '../state/explore';
import { readCalculation, readFilters, writeCalculation, writeFilters } from '../state/grammar';
import type { KnownField } from './fieldOptions';
import { FirstBox } from './FirstBox';
import './made.css';

type Props = { explore: Explore; fields: KnownField[]; calculation: Calculation; /** Whether it is in the query already. */ known: boolean; onDone: (c: Calculation) => void; onRemove: () => void; onClose: () => void };

const plain = (c: Calculation) => writeCalculation({ op: c.op, column: c.column });

export function DetailsEditor({ explore, fields, calculation, known, onDone, onRemove, onClose }: Props) {
  const id = useId();
  const [name, setName] = useState(calculation.name ?? '');
  const [of, setOf] = useState(plain(calculation));
  const [condition, setCondition] = useState(writeFilters(calculation.filters ?? [], calculation.combine));
  const [shown, setShown] = useState(!calculation.hidden);
  const read = readCalculation(of);
  const filters = condition.trim() === '' ? { filters: [] } : readFilters(condition);
  const others = explore.show.filter((c) => c !== calculation).map(calculationName);
  const made: Calculation | null = read && filters && { op: read.op, ...(read.column ? { column: read.column } : {}), ...(name.trim() ? { name: name.trim() } : {}), ...(filters.filters.length > 0 ? filters : {}), ...(shown ? {} : { hidden: true as const }) };
  const trouble = (() => {
    if (!read) return 'What to calculate is not understood: COUNT, P99(duration_ms), SUM(bytes).';
    if (isHeatmap(read)) return 'A heatmap has no number that a formula could use.';
    if (!filters) return 'The condition is not understood: error = true, or duration_ms >= 500 and region = eu-west-1.';
    const unknown = filters.filters.find((f) => fields.length > 0 && !fields.some((k) => k.name === f.column));
    if (unknown) return `There is no field ${unknown.column}.${near(unknown.column, fields)}`;
    if (filters.filters.length > 0 && name.trim() === '') return 'Name it, so that it is told from the same of all events.';
    if (made && (others.includes(calculationName(made)) || explore.formulas.some((f) => f.name === calculationName(made)) || explore.by.includes(calculationName(made)))) return 'There is one of this name.';
    return null;
  })();
  const apply = () => made && !trouble && onDone(made);
  const keys = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onClose();
    else if (event.key === 'Enter' && !(event.target instanceof HTMLButtonElement)) apply();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const box = (label: string, value: string, change: (text: string) => void, placeholder: string, mono = true) => (
    <label>
      <span>{label}</span>
      <FirstBox on={label === 'Name'} className={mono ? 'mono' : undefined} value={value} onChange={(event) => change(event.target.value)} placeholder={placeholder} list={label === 'Of events with' ? `${id}-fields` : undefined} aria-describedby={`${id}-said`} autoComplete="off" autoCapitalize="off" spellCheck={false} dir="auto" />
    </label>
  );
  return (
    <Popover opened width="min(520px, 94vw)" onDismiss={() => condition === '' && name === '' && onClose()} position="bottom-start" offset={6} withinPortal trapFocus={false} withRoles={false} returnFocus={false} closeOnEscape={false}>
      <Popover.Target><span className="chip typing"><bdi>{name || 'calculation'}</bdi><span className="fn">{read?.op}</span></span></Popover.Target>
      <Popover.Dropdown className="made" role="dialog" aria-label="Calculation" data-testid="details-editor" onKeyDown={keys}>
        <div className="made-lines">
          {box('Name', name, setName, 'errors', false)}
          {box('Calculate', of, setOf, 'COUNT')}
          {box('Of events with', condition, setCondition, 'all events, or error = true')}
          <datalist id={`${id}-fields`}>{[...fields].sort((a, b) => b.events - a.events).slice(0, FIELDS_LISTED).map((f) => <option key={f.name} value={`${f.name} = `} />)}</datalist>
          <label className="check"><input type="checkbox" checked={shown} onChange={(event) => setShown(event.target.checked)} />Show it, not only in formulas</label>
        </div>
        <p id={`${id}-said`} className="made-said" role="status" aria-live="polite">{trouble && <span className="bad">{trouble}</span>}</p>
        <div className="hints">
          <span><kbd>↵</kbd> take</span>
          <span><kbd>Esc</kbd> close</span>
          <span className="sp" />
          {known && <button type="button" className="text-button" onClick={onRemove}>Remove</button>}
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="button" className="btn ink" disabled={trouble !== null} onClick={apply}>{known ? 'Change' : 'Add'}</button>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

const FIELDS_LISTED = 200;

function near(column: string, fields: KnownField[]): string {
  const close = nearest(column, fields.map((f) => f.name));
  return close ? ` The closest is ${close}.` : '';
}
