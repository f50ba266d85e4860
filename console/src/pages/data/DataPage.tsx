// What is stored: datasets as a table, and the fields of the chosen one with types, presence and how many values.
import { useMemo, useRef, useState } from 'react';
import { useFields } from '../../api/hooks';
import type { DatasetInfo, FieldInfo } from '../../api/types';
import { Icon } from '../../parts/Icon';
import { rank } from '../../state/complete';
import { emptyExplore } from '../../state/explore';
import type { Go } from '../../state/location';
import { rowHeightNow, useRowWindow } from '../../tables/useRowWindow';
import { bytes, count, counted, exact, share } from '../../words/numbers';
import { ago } from '../../words/times';
import { typeWords } from '../../words/values';
import '../../tables/tables.css';
import './data.css';

type Props = { dataset: string; datasets: DatasetInfo[]; now: number; go: Go };

export function DataPage({ dataset, datasets, now, go }: Props) {
  return (
    <>
      <header className="top"><h1>Data</h1><span className="sp" /><span className="dim">{counted(datasets.length, 'dataset')}</span></header>
      <main className="data" data-testid="data-page">
        <section aria-label="Datasets">
          <table>
            <thead><tr><th scope="col">Dataset</th><th scope="col" className="num">Events</th><th scope="col" className="num wide">Fields</th><th scope="col" className="num wide">Size</th><th scope="col" className="num">Newest event</th></tr></thead>
            <tbody>
              {datasets.map((d) => (
                <tr key={d.name} className={d.name === dataset ? 'open' : undefined}>
                  <td><button type="button" className="val" aria-pressed={d.name === dataset} onClick={() => go({ page: 'data', dataset: d.name })}><bdi>{d.name}</bdi></button></td>
                  <td className="num">{exact(d.events)}</td>
                  <td className="num wide">{d.fields === undefined ? '' : count(d.fields)}</td>
                  <td className="num wide">{d.bytes === undefined ? '' : bytes(d.bytes)}</td>
                  <td className="num">{d.last_event ? ago(Date.parse(d.last_event), now) : <span className="dim">no event</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        {dataset && <Fields key={dataset} dataset={dataset} now={now} go={go} />}
      </main>
    </>
  );
}

function Fields({ dataset, now, go }: { dataset: string; now: number; go: Go }) {
  const scroller = useRef<HTMLDivElement>(null);
  const [sought, setSought] = useState('');
  const query = useFields(dataset);
  const all = useMemo(() => query.data ?? [], [query.data]);
  const most = all.reduce((m, f) => Math.max(m, f.events), 0);
  const found = useMemo(() => rank(all, sought, (f) => f.name, (f) => f.events).map((r) => r.item), [all, sought]);
  const height = rowHeightNow();
  const { items, above, below } = useRowWindow(found.length, height, scroller);
  const open = (column: string) => go({ page: 'explore', explore: { ...emptyExplore, dataset, show: [{ op: 'COUNT' }], by: [column] } });
  return (
    <section className="fields" aria-label={`Fields of ${dataset}`}>
      <div className="fields-head">
        <h2>Fields of <bdi>{dataset}</bdi> <span className="dim">{count(all.length)}</span></h2>
        <label className="find"><Icon name="search" /><input value={sought} onChange={(e) => setSought(e.target.value)} placeholder="Find a field" aria-label="Find a field" /></label>
      </div>
      {query.isError && <p className="note bad" role="alert">{query.error.message}</p>}
      <div className="scroll" ref={scroller} tabIndex={0} role="region" aria-label="Fields">
        <table>
          <thead><tr><th scope="col">Field</th><th scope="col">Types</th><th scope="col" className="num">On events</th><th scope="col" className="num wide">Different values</th><th scope="col" className="num wide">Last seen</th></tr></thead>
          <tbody>
            {above > 0 && <tr className="spacer"><td colSpan={5} style={{ height: above }} /></tr>}
            {items.map((item) => {
              const f = found[item.index]!;
              return (
                <tr key={f.name} style={{ height }}>
                  <td><button type="button" className="val" title={`Group by ${f.name} in Explore`} onClick={() => open(f.name)}><bdi>{f.name}</bdi></button></td>
                  <td><span className="cell"><TypeBar field={f} /><span className="dim">{typeWords(f.types)}</span></span></td>
                  <td className="num">{share(most ? f.events / most : 0)}</td>
                  <td className="num wide">{f.distinct_estimate === undefined ? '' : `≈ ${count(Math.round(f.distinct_estimate))}`}</td>
                  <td className="num wide">{f.last_seen ? ago(Date.parse(f.last_seen), now) : ''}</td>
                </tr>
              );
            })}
            {below > 0 && <tr className="spacer"><td colSpan={5} style={{ height: below }} /></tr>}
          </tbody>
        </table>
        {query.isSuccess && found.length === 0 && <p className="note dim">No field of this name.</p>}
      </div>
    </section>
  );
}

/** Types as shares of one thin bar; the words stand beside it. */
function TypeBar({ field }: { field: FieldInfo }) {
  const types = Object.entries(field.types).sort((a, b) => b[1] - a[1]);
  const all = types.reduce((sum, [, n]) => sum + n, 0);
  return <span className="type-bar" aria-hidden="true">{types.map(([type, n], i) => <i key={type} style={{ width: `${(n / all) * 100}%`, opacity: 1 - i * 0.35 }} />)}</span>;
}
