// The fields of a dataset: types with counts, how common, how many different values, when seen, and which are in overflow.
// A click on one explores it.
import { useMemo, useRef, useState } from 'react';
import { useFieldList } from '../../api/datasets';
import type { FieldInfo } from '../../api/types';
import { isNumber, isText } from '../../parts/fieldOptions';
import { Icon } from '../../parts/Icon';
import { useKeys } from '../../parts/keys';
import { emptyExplore } from '../../state/explore';
import type { Go } from '../../state/location';
import { arrows } from '../../tables/arrows';
import { rowHeightNow, useRowWindow } from '../../tables/useRowWindow';
import { count, exact, share } from '../../words/numbers';
import { ago } from '../../words/times';
import { cut, typeWords } from '../../words/values';
import { isMixed, kindsOf, listed, oddOnes, ordered, type Column, type Oddity, type Order } from './list';

const GROUPS_MOST = 50;
const ODDITIES: [Oddity, string][] = [['all', 'All'], ['mixed', 'Mixed types'], ['overflow', 'In overflow'], ['quiet', 'Not seen for a day']];
const HEADS: [Column, string, string][] = [['events', 'On events', 'num'], ['distinct', 'Different values', 'num wide'], ['first', 'First seen', 'num wide'], ['last', 'Last seen', 'num wide']];

export function Fields({ dataset, events, now, go }: { dataset: string; events: number; now: number; go: Go }) {
  const scroller = useRef<HTMLDivElement>(null);
  const find = useRef<HTMLInputElement>(null);
  const [sought, setSought] = useState('');
  const [oddity, setOddity] = useState<Oddity>('all');
  const [order, setOrder] = useState<Order | null>(null);
  const query = useFieldList(dataset);
  useKeys(useMemo(() => ({ '/': () => find.current?.focus() }), []));
  const all = useMemo(() => query.data?.fields ?? [], [query.data]);
  const whole = Math.max(events, all.reduce((m, f) => Math.max(m, f.events), 0));
  const found = useMemo(() => listed(oddOnes(all, oddity, now), sought, order), [all, oddity, sought, order, now]);
  const height = rowHeightNow();
  const { items, above, below } = useRowWindow(found.length, height, scroller);
  const open = (f: FieldInfo) => {
    // A number of a few values is a group like any other.
    const number = isNumber(f) && !isText(f) && f.distinct_estimate > GROUPS_MOST;
    go({ page: 'explore', explore: { ...emptyExplore, dataset, show: number ? [{ op: 'HEATMAP', column: f.name }, { op: 'COUNT' }, { op: 'P99', column: f.name }] : [{ op: 'COUNT' }], by: number ? [] : [f.name] } });
  };
  const head = (column: Column, label: string, className?: string) => (
    <th key={column} scope="col" className={className} aria-sort={order?.column === column ? (order.descending ? 'descending' : 'ascending') : undefined}>
      <button type="button" onClick={() => setOrder(ordered(order, column))}>{label}{order?.column === column && <span aria-hidden="true"> {order.descending ? '↓' : '↑'}</span>}</button>
    </th>
  );
  const unlisted = query.data?.unlisted_estimate ?? 0;
  return (
    <div className="fields">
      <div className="fields-head">
        <label className="find"><Icon name="search" /><input ref={find} value={sought} onChange={(e) => setSought(e.target.value)} placeholder="Find a field" aria-label="Find a field" /><kbd>/</kbd></label>
        <div className="seg" role="group" aria-label="Which fields">
          {ODDITIES.map(([id, label]) => {
            const size = oddOnes(all, id, now).length;
            return <button type="button" key={id} aria-pressed={id === oddity} disabled={size === 0 && id !== oddity} onClick={() => setOddity(id)}>{label} {id !== 'all' && <span className="dim">{count(size)}</span>}</button>;
          })}
        </div>
      </div>
      {query.isError && <p className="note bad" role="alert">{query.error.message}</p>}
      <div className="scroll" ref={scroller} tabIndex={0} role="region" aria-label="Fields">
        <table className="field-list" onKeyDown={arrows}>
          <thead><tr>{head('name', 'Field')}<th scope="col">Types</th>{HEADS.map(([column, label, className]) => head(column, label, className))}</tr></thead>
          <tbody>
            {above > 0 && <tr className="spacer"><td colSpan={6} style={{ height: above }} /></tr>}
            {items.map((item) => {
              const f = found[item.index]!;
              return (
                <tr key={f.name} style={{ height }} onClick={() => open(f)}>
                  <td><span className="cell"><button type="button" className="val" title={`Explore ${f.name}`}><bdi>{cut(f.name, 64)}</bdi></button>{f.overflow && <span className="badge" title="The dataset has too many fields to give this one a column of its own: questions about it read more">overflow</span>}</span></td>
                  <td title={kindsOf(f).map(([type, n]) => `${type} ${exact(n)}`).join(', ')}><span className="cell"><TypeBar field={f} /><span className="dim cut">{typesText(f)}</span></span></td>
                  <td className="num" title={exact(f.events)}>{f.at_least ? 'at least ' : ''}{share(whole ? f.events / whole : 0)}</td>
                  <td className="num wide">≈ {count(f.distinct_estimate)}</td>
                  <td className="num wide" title={f.first_seen}>{ago(Date.parse(f.first_seen), now)}</td>
                  <td className="num wide" title={f.last_seen}>{ago(Date.parse(f.last_seen), now)}</td>
                </tr>
              );
            })}
            {below > 0 && <tr className="spacer"><td colSpan={6} style={{ height: below }} /></tr>}
          </tbody>
        </table>
        {query.isSuccess && found.length === 0 && <p className="note dim">{all.length === 0 ? 'No event has brought a field yet.' : 'No field of this name.'}</p>}
        {unlisted > 0 && <p className="note dim">And about {count(unlisted)} further fields in overflow that are not listed one by one; a query finds them by name.</p>}
      </div>
    </div>
  );
}

/** One kind as a word; several with how many events have each. */
const typesText = (f: FieldInfo) => (isMixed(f) ? kindsOf(f).map(([type, n]) => `${type} ${count(n)}`).join(', ') : typeWords(f.types));

/** Types as shares of one thin bar; the words stand beside it. */
function TypeBar({ field }: { field: FieldInfo }) {
  const types = kindsOf(field);
  const all = types.reduce((sum, [, n]) => sum + n, 0);
  return <span className="type-bar" aria-hidden="true">{types.map(([type, n], i) => <i key={type} style={{ width: `${(n / all) * 100}%`, opacity: 1 - i * 0.35 }} />)}</span>;
}
