// The groups of an answer: series colour, values, numbers with a bar in the cell, and each group over time. Heads order
// the query; every value opens the value menu. It draws an answer and must not know how it was asked for.
import { useMemo, useRef } from 'react';
import type { QueryAnswer } from '../api/types';
import { groupToken } from '../charts/shape';
import { orderName, orderOf, type Explore, type Order } from '../state/explore';
import { effectiveOrder } from '../state/spec';
import { CalculationTitle } from '../parts/CalculationTitle';
import { ValueButton } from '../parts/ValueMenu';
import { earlierWords } from '../words/different';
import { exact } from '../words/numbers';
import type { Value } from '../words/values';
import { changesOf, eventsWith, groupShape, numberIn, sparkPath, type NumberColumn } from './shape';
import { arrows } from './arrows';
import { rowHeightNow, useRowWindow } from './useRowWindow';
import './tables.css';

type Props = { answer: QueryAnswer; explore: Explore; onOrder: (order: Omit<Order, 'descending'>) => void };

export function GroupTable({ answer, explore, onOrder }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const shape = useMemo(() => groupShape(answer, explore), [answer, explore]);
  const height = rowHeightNow();
  const { items, above, below } = useRowWindow(answer.rows.length, height, scroller);
  const order = effectiveOrder(explore);
  const sparkOf = shape.numbers.find((n) => order && n.name === orderName(order)) ?? shape.numbers[0];
  const sparks = useMemo(() => answer.series?.groups.map((g) => (sparkOf ? (g.values[sparkOf.name] ?? []) : [])) ?? [], [answer, sparkOf]);
  const sparkMost = useMemo(() => sparks.reduce((most, line) => line.reduce<number>((m, v) => (v !== null && v > m ? v : m), most), 0), [sparks]);
  const total = shape.countAt === null ? null : (answer.total?.['COUNT'] ?? null);
  const changes = sparkOf && answer.compare && explore.compare ? changesOf(answer, sparkOf) : null;
  const columns = shape.by.length + shape.numbers.length + (sparkOf ? 1 : 0) + (changes ? 1 : 0);
  const grouped = shape.by.length > 0;
  /** Of the window, at most, for one value of a group. */
  const part = shape.by.length === 1 ? 0.45 : 0.3;
  const sort = (what: Omit<Order, 'descending'>, name: string) => ({ 'aria-sort': order && orderName(order) === name ? (order.descending ? ('descending' as const) : ('ascending' as const)) : undefined, onClick: () => onOrder(what) });
  if (columns === 0) return <p className="note dim">A heatmap alone has no numbers to list. Add a calculation, or look at the events.</p>;
  const groupOf = (row: unknown[]) => ({ by: shape.by.map((c) => c.column), key: shape.by.map((c) => row[c.at] as Value) });
  const head = (label: React.ReactNode, what: Omit<Order, 'descending'>, name: string, className?: string) => {
    const { onClick, ...aria } = sort(what, name);
    return (
      <th key={name} scope="col" className={className} {...aria}>
        <button type="button" onClick={onClick}>{label}{aria['aria-sort'] && <span aria-hidden="true"> {aria['aria-sort'] === 'descending' ? '↓' : '↑'}</span>}</button>
      </th>
    );
  };
  return (
    <div className="scroll" ref={scroller} tabIndex={0} role="region" aria-label="Groups">
      <table className="groups" onKeyDown={arrows}>
        <colgroup>
          {shape.by.map((c) => <col key={c.column} style={{ width: `min(${c.width}px, ${part * 100}vw)` }} />)}
          {shape.numbers.map((n) => <col key={n.name} className={n === sparkOf ? 'number-col' : 'number-col minor'} />)}
          {sparkOf && <col className="spark-col" />}
          {changes && <col className="number-col" />}
        </colgroup>
        <thead>
          <tr>
            {shape.by.map((c) => head(<bdi className="mono">{c.column}</bdi>, { column: c.column }, c.column))}
            {shape.numbers.map((n) => head(<CalculationTitle c={n.of} />, orderOf(n.of), n.name, n === sparkOf ? 'num' : 'num minor'))}
            {sparkOf && <th scope="col" className="minor">{sparkOf.of.name ?? sparkOf.of.op} over time</th>}
            {changes && <th scope="col" className="num">against {earlierWords(explore.compare!)}</th>}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <tr className="spacer"><td colSpan={columns} style={{ height: above }} /></tr>}
          {items.map((item) => {
            const row = answer.rows[item.index]!;
            const token = grouped ? groupToken(item.index) : '--others';
            return (
              <tr key={item.index} style={{ height }}>
                {shape.by.map((c, i) => {
                  const value = row[c.at] as Value;
                  return (
                    <td key={c.column}>
                      <span className="cell">
                        {i === 0 && <i className="sw" style={{ background: `var(${token})` }} />}
                        <ValueButton column={c.column} value={value} most={lettersIn(Math.min(c.width, window.innerWidth * part), i === 0)} events={eventsWith(answer, c.at, shape.countAt, value)} total={total} group={shape.by.length > 1 ? groupOf(row) : undefined} />
                      </span>
                    </td>
                  );
                })}
                {shape.numbers.map((n) => <NumberCell key={n.name} n={n} minor={n !== sparkOf} value={numberIn(row[n.at] as Value)} token={n === sparkOf && item.index === 0 && grouped ? token : '--others'} bar={grouped} />)}
                {sparkOf && <td className="minor"><Spark values={sparks[item.index] ?? []} most={sparkMost} token={token} /></td>}
                {changes && <td className="num">{changes[item.index] ?? <span className="dim">not there then</span>}</td>}
              </tr>
            );
          })}
          {below > 0 && <tr className="spacer"><td colSpan={columns} style={{ height: below }} /></tr>}
        </tbody>
        {grouped && <Foot answer={answer} by={shape.by.length} numbers={shape.numbers} sparkOf={sparkOf} more={changes !== null} />}
      </table>
    </div>
  );
}

/** How many letters fit beside the swatch and the padding. */
const lettersIn = (width: number, swatch: boolean) => Math.max(6, Math.floor((width - (swatch ? 44 : 22)) / 7.4));

function NumberCell({ n, minor, value, token, bar }: { n: NumberColumn; minor: boolean; value: number | null; token: string; bar: boolean }) {
  const className = minor ? 'num minor' : 'num';
  if (value === null) return <td className={className}><span className="dim">no value</span></td>;
  return (
    <td className={className}>
      {bar && n.most > 0 && value > 0 && <span className="cellbar" style={{ width: `${Math.max(1, (value / n.most) * 72)}px`, background: `var(${token})` }} />}
      {n.write(value)}
    </td>
  );
}

function Spark({ values, most, token }: { values: (number | null)[]; most: number; token: string }) {
  const path = sparkPath(values, 120, 18, most * 1.05);
  return path ? <svg height="18" viewBox="0 0 120 18" preserveAspectRatio="none" aria-hidden="true" className="spark"><path d={path} vectorEffect="non-scaling-stroke" style={{ stroke: `var(${token})` }} /></svg> : null;
}

function Foot({ answer, by, numbers, sparkOf, more }: { answer: QueryAnswer; by: number; numbers: NumberColumn[]; sparkOf: NumberColumn | undefined; more: boolean }) {
  const cells = (values: Record<string, number | null | undefined>) => numbers.map((n) => <td key={n.name} className={n === sparkOf ? 'num' : 'num minor'}>{values[n.name] == null ? '' : n.write(values[n.name]!)}</td>);
  return (
    <tfoot>
      {answer.other && <tr><td colSpan={by}>All other groups</td>{cells(answer.other)}{sparkOf && <td className="minor" />}{more && <td />}</tr>}
      {answer.total && <tr><td colSpan={by}>Total{answer.other ? '' : `, ${exact(answer.rows.length)} ${answer.rows.length === 1 ? 'group' : 'groups'}`}</td>{cells(answer.total)}{sparkOf && <td className="minor" />}{more && <td />}</tr>}
    </tfoot>
  );
}
