// One event with every field, beside the table. Values are whole here; fields can be searched.
import { useState } from 'react';
import { ValueButton } from '../parts/ValueMenu';
import { copy, say } from '../parts/copy';
import { Icon } from '../parts/Icon';
import { day, clock, sameYear } from '../words/times';
import { zoneWords } from '../words/zone';
import { counted } from '../words/numbers';
import { traceOf, type Roles } from '../state/roles';
import type { EventRow } from './shape';

/** Values up to the longest that is stored are shown whole, in a box that scrolls. */
const WHOLE = 65_536;

type Props = {
  row: EventRow;
  now: number;
  /** Makes a link to this event; null while its number is not known. */
  link?: (() => Promise<string | null>) | string;
  /** Leads to the trace of the event, if the roles of its dataset are known and it has one. */
  onTrace?: (trace: string, at: number, span: string | null) => void;
  roles?: Roles | null;
  onClose: () => void;
  onStep: (by: number) => void;
};

export function EventPanel({ row, now, link, onTrace, roles, onClose, onStep }: Props) {
  const [sought, setSought] = useState('');
  const fields = [...row.values].sort(([a], [b]) => a.localeCompare(b));
  const needle = sought.trim().toLowerCase();
  const found = needle ? fields.filter(([name, value]) => name.toLowerCase().includes(needle) || String(value).toLowerCase().includes(needle)) : fields;
  const time = Date.parse(row.time);
  const trace = onTrace && roles ? traceOf(row.values, roles) : null;
  const openTrace = trace && (() => onTrace!(trace.trace, time, trace.span));
  const copyLink = async () => {
    const search = typeof link === 'function' ? await link() : link;
    if (search) await copy(window.location.origin + window.location.pathname + search);
    else say('This event has moved; run the query again');
  };
  const keys = (event: React.KeyboardEvent) => {
    if (event.key === 'Escape') onClose();
    else if (event.key === 'ArrowDown') onStep(1);
    else if (event.key === 'ArrowUp') onStep(-1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const json = () => JSON.stringify({ timestamp: row.time, ...Object.fromEntries(row.values) }, null, 2);
  return (
    <aside className="event-panel" aria-label="Event" onKeyDown={keys} data-testid="event-panel">
      <header>
        <h2 className="cut" title={row.time}>{day(time, !sameYear(time, now))} {clock(time, 1)} <span className="dim">{zoneWords()}</span></h2>
        <span className="sp" />
        {openTrace && <button type="button" className="btn" onClick={openTrace} data-testid="open-trace"><Icon name="traces" />Trace</button>}
        {link && <button type="button" className="btn ghost icon" aria-label="Copy a link to this event" title="Copy a link to this event" onClick={() => void copyLink()}><Icon name="link" /></button>}
        <button type="button" className="btn ghost icon" aria-label="Copy the event as JSON" title="Copy the event as JSON" onClick={() => void copy(json())}><Icon name="copy" /></button>
        <button type="button" className="btn ghost icon" aria-label="Close the event" onClick={onClose}><Icon name="x" /></button>
      </header>
      <label className="find"><Icon name="search" /><input value={sought} onChange={(e) => setSought(e.target.value)} placeholder={`Find in ${counted(fields.length, 'field')}`} aria-label="Find a field or value" /></label>
      <dl tabIndex={0}>
        {found.map(([name, value]) => (
          <div key={name}>
            <dt className="mono"><bdi>{name}</bdi></dt>
            <dd><ValueButton column={name} value={value} most={WHOLE} /></dd>
          </div>
        ))}
        {found.length === 0 && <p className="dim">No field or value contains this.</p>}
      </dl>
    </aside>
  );
}
