// Live events as lines, newest on top. Columns are chosen once from the dataset's fields, so that nothing moves sideways
// while events arrive; a line opens the whole event.
import { zoneWords } from '../../words/zone';
import type { RefObject } from 'react';
import type { FieldInfo } from '../../api/types';
import { ValueButton } from '../../parts/ValueMenu';
import { traceOf, type Roles } from '../../state/roles';
import type { Tailed } from '../../state/tail';
import { arrows } from '../../tables/arrows';
import { liveColumns } from '../../tables/shape';
import { rowHeightNow, useRowWindow } from '../../tables/useRowWindow';
import { clock } from '../../words/times';
import { cut } from '../../words/values';
import { useMemo } from 'react';

type Props = { events: Tailed[]; fields: FieldInfo[]; wanted: string[]; open: string | null; scroller: RefObject<HTMLDivElement | null>; roles: Roles | null; onOpen: (sequence: string) => void; onTrace: (trace: string, at: number, span: string | null) => void; onScrolled: (scrolled: boolean) => void };

export function LiveTable({ events, fields, wanted, open, scroller, roles, onOpen, onTrace, onScrolled }: Props) {
  const columns = useMemo(() => liveColumns(fields, wanted), [fields, wanted]);
  const height = rowHeightNow();
  const { items, above, below } = useRowWindow(events.length, height, scroller);
  const width = 128 + columns.reduce((sum, c) => sum + c.width, 0);
  return (
    <div className="scroll" ref={scroller} tabIndex={0} role="region" aria-label="Live events" onScroll={(event) => onScrolled(event.currentTarget.scrollTop > 0)}>
      <table className="fixed" style={{ width, minWidth: '100%' }} onKeyDown={arrows}>
        <colgroup><col style={{ width: 128 }} />{columns.map((c) => <col key={c.name} style={{ width: c.width }} />)}</colgroup>
        <thead><tr><th scope="col">Time, {zoneWords()}</th>{columns.map((c) => <th key={c.name} scope="col" className={c.number ? 'num' : undefined}><bdi className="mono" title={c.name}>{cut(c.name, 30)}</bdi></th>)}</tr></thead>
        <tbody>
          {above > 0 && <tr className="spacer"><td colSpan={columns.length + 1} style={{ height: above }} /></tr>}
          {items.map((item) => {
            const e = events[item.index]!;
            const trace = roles && traceOf(e.values, roles);
            const openTrace = trace ? () => onTrace(trace.trace, Date.parse(e.time), trace.span) : undefined;
            return (
              <tr key={e.sequence} className={e.sequence === open ? 'open' : undefined} style={{ height }} onClick={() => onOpen(e.sequence)}>
                <td><button type="button" className="val time" title={e.time} aria-expanded={e.sequence === open}>{clock(Date.parse(e.time), 1)}</button></td>
                {columns.map((c) => {
                  const value = e.values.get(c.name) ?? null;
                  return <td key={c.name} className={c.number ? 'num' : undefined}>{value === null ? null : <ValueButton column={c.name} value={value} most={Math.floor((c.width - 22) / 7.4)} openTrace={openTrace} />}</td>;
                })}
              </tr>
            );
          })}
          {below > 0 && <tr className="spacer"><td colSpan={columns.length + 1} style={{ height: below }} /></tr>}
        </tbody>
      </table>
    </div>
  );
}
