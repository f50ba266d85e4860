// A chip: one piece of a query, everywhere. Function in small capitals, field in mono, operator dim, value bold.
import type { ReactNode } from 'react';
import type { Calculation, Made, Filter, Having, Order } from '../state/explore';
import { cut, valueText } from '../words/values';
import { decimal } from '../words/numbers';
import { ANY_FIELD } from '../state/found';
import { writeFilters } from '../state/grammar';
import { Icon } from './Icon';

export function Chip({ children, label, bad = false, unshown = false, onEdit, onRemove }: { children: ReactNode; label: string; bad?: boolean; /** It is only there for others. */ unshown?: boolean; onEdit: () => void; onRemove: () => void }) {
  return (
    <span className={`chip${bad ? ' err' : ''}${unshown ? ' unshown' : ''}`}>
      <button type="button" className="chip-main" onClick={onEdit} onKeyDown={(event) => (event.key === 'Backspace' || event.key === 'Delete') && onRemove()}><span className="vh">Edit </span>{children}</button>
      <button type="button" className="chip-x" aria-label={`Remove ${label}`} tabIndex={-1} onClick={onRemove}><Icon name="x" small /></button>
    </span>
  );
}

export function AddChip({ children, label, used = false, onClick }: { children: ReactNode; label: string; used?: boolean; onClick: () => void }) {
  return <button type="button" className={used ? 'chip add used' : 'chip add'} aria-label={label} onClick={onClick}>{children}</button>;
}

const Field = ({ name }: { name: string }) => name === ANY_FIELD ? <span className="op">any field</span> : <bdi title={name.length > 36 ? name : undefined}>{cut(name, 36)}</bdi>;

export const CalculationWords = ({ c }: { c: Calculation }) => (
  <>
    {c.name !== undefined && <><Field name={c.name} /><span className="op">=</span></>}
    <span className="fn">{c.op}</span>{c.column && <Field name={c.column} />}
    {c.filters && <><span className="op">if</span><bdi className="cut">{cut(writeFilters(c.filters, c.combine), 48)}</bdi></>}
  </>
);

export const MadeWords = ({ made }: { made: Made }) => <><span className="fn">ƒ</span><Field name={made.name} /><span className="cut expression">{made.expression.replace(/\s+/g, ' ')}</span></>;

export function FilterWords({ f }: { f: Filter }) {
  const text = f.value === undefined ? '' : Array.isArray(f.value) ? f.value.map(valueText).join(', ') : valueText(f.value);
  return <><Field name={f.column} /><span className="op">{f.op}</span>{f.value !== undefined && <bdi className="v" title={text.length > 40 ? text : undefined}>{cut(text, 40)}</bdi>}</>;
}

export const OrderWords = ({ o }: { o: Order }) => <>{o.op && <span className="fn">{o.op}</span>}{o.column && <Field name={o.column} />}<span className="op">{o.descending ? '↓' : '↑'}</span></>;

export const HavingWords = ({ h }: { h: Having }) => <><span className="fn">{h.op}</span>{h.column && <Field name={h.column} />}<span className="op">{h.compare}</span><span className="v">{decimal(h.value)}</span></>;
