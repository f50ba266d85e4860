// Raw events, newest first. Each value is a way in; a row opens beside the table with every field. It asks for the next
// page when the end comes near, and must not know how events are asked for.
import { memo, useEffect, useMemo, useRef, useState } from 'react';
import type { RowsAnswer } from '../api/types';
import { ValueButton } from '../parts/ValueMenu';
import { counted } from '../words/numbers';
import { cut, type Value } from '../words/values';
import { moment } from '../words/times';
import { zoneWords } from '../words/zone';
import { traceOf, type Roles } from '../state/roles';
import { EventPanel } from './EventPanel';
import { eventColumns, eventRows, type EventColumn, type EventRow } from './shape';
import { arrows } from './arrows';
import { rowHeightNow, useRowWindow } from './useRowWindow';
import './tables.css';

type Props = { pages: RowsAnswer[]; wanted: string[]; now: number; more: boolean; loading: boolean; onMore: () => void; /** Somebody reads further down or has an event open. */ onHold: (held: boolean) => void; /** A link to the event of a row. */ linkTo: (index: number) => Promise<string | null>; onTrace: (trace: string, at: number, span: string | null) => void; roles: Roles | null };

export function EventTable({ pages, wanted, now, more, loading, onMore, onHold, linkTo, onTrace, roles }: Props) {
  const [scrolled, setScrolled] = useState(false);
  const scroller = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<number | null>(null);
  const rows = useMemo(() => eventRows(pages), [pages]);
  const { columns, hidden } = useMemo(() => eventColumns(pages, wanted), [pages, wanted]);
  const height = rowHeightNow();
  const { items, above, below } = useRowWindow(rows.length, height, scroller);
  const last = items[items.length - 1]?.index ?? 0;
  useEffect(() => {
    if (more && !loading && rows.length > 0 && last >= rows.length - 20) onMore();
  }, [more, loading, last, rows.length, onMore]);
  useEffect(() => {
    if (open !== null && open >= rows.length) setOpen(null);
  }, [open, rows.length]);
  useEffect(() => onHold(open !== null || scrolled), [onHold, open, scrolled]);
  useEffect(() => () => onHold(false), [onHold]);
  const width = 128 + columns.reduce((sum, c) => sum + c.width, 0);
  const shown = open === null ? null : (rows[open] ?? null);
  return (
    <div className={shown ? 'events with-panel' : 'events'}>
      <div className="scroll" ref={scroller} tabIndex={0} role="region" aria-label="Events" onScroll={(event) => setScrolled(event.currentTarget.scrollTop > 0)}>
        <table style={{ width, minWidth: '100%' }} className="fixed" onKeyDown={arrows}>
          <colgroup>
            <col style={{ width: 128 }} />
            {columns.map((c) => <col key={c.name} style={{ width: c.width }} />)}
          </colgroup>
          <thead>
            <tr>
              <th scope="col">Time, {zoneWords()}</th>
              {columns.map((c) => <th key={c.name} scope="col" className={c.number ? 'num' : undefined}><bdi className="mono" title={c.name}>{cut(c.name, 36)}</bdi></th>)}
            </tr>
          </thead>
          <tbody>
            {above > 0 && <tr className="spacer"><td colSpan={columns.length + 1} style={{ height: above }} /></tr>}
            {items.map((item) => <Row key={item.index} index={item.index} row={rows[item.index]!} columns={columns} open={item.index === open} height={height} now={now} roles={roles} onTrace={onTrace} onOpen={setOpen} />)}
            {below > 0 && <tr className="spacer"><td colSpan={columns.length + 1} style={{ height: below }} /></tr>}
          </tbody>
        </table>
        {hidden > 0 && <p className="note dim">{counted(hidden, 'more field')} in these events: a row opens all of them.</p>}
      </div>
      {shown && open !== null && <EventPanel row={shown} now={now} link={() => linkTo(open)} onTrace={onTrace} roles={roles} onClose={() => setOpen(null)} onStep={(by) => setOpen(Math.min(rows.length - 1, Math.max(0, open + by)))} />}
    </div>
  );
}

type RowProps = { index: number; row: EventRow; columns: EventColumn[]; open: boolean; height: number; now: number } & Pick<Props, 'roles' | 'onTrace'> & { onOpen: (index: number) => void };

/** One event. It has a cell for each of many columns, so it is drawn once, and not again for every row that comes into view. */
const Row = memo(function Row({ index, row, columns, open, height, now, roles, onTrace, onOpen }: RowProps) {
  const trace = roles && traceOf(row.values, roles);
  const openTrace = trace ? () => onTrace(trace.trace, Date.parse(row.time), trace.span) : undefined;
  return (
    <tr className={open ? 'open' : undefined} style={{ height }} onClick={() => onOpen(index)}>
      <td><button type="button" className="val time" title={row.time} aria-expanded={open}>{moment(Date.parse(row.time), now, 1)}</button></td>
      {columns.map((c) => {
        const value: Value = row.values.get(c.name) ?? null;
        return <td key={c.name} className={c.number ? 'num' : undefined}>{value === null ? null : <ValueButton column={c.name} value={value} most={Math.floor((c.width - 22) / 7.4)} openTrace={openTrace} />}</td>;
      })}
    </tr>
  );
});
