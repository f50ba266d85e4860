// What is stored: datasets as a table; of the chosen one its fields, or how long it is kept and what may be deleted.
import type { DatasetInfo, SessionInfo } from '../../api/types';
import type { Go } from '../../state/location';
import { bytes, count, counted, exact } from '../../words/numbers';
import { ago, moment } from '../../words/times';
import { Fields } from './Fields';
import { Keeping } from './Keeping';
import '../../tables/tables.css';
import './data.css';

type Part = 'fields' | 'settings';
type Props = { dataset: string; part: Part; datasets: DatasetInfo[]; session: SessionInfo | null; now: number; go: Go };
const PARTS: [Part, string][] = [['fields', 'Fields'], ['settings', 'Keep and delete']];

export function DataPage({ dataset, part, datasets, session, now, go }: Props) {
  const info = datasets.find((d) => d.name === dataset) ?? null;
  const all = datasets.reduce((sum, d) => sum + d.bytes, 0);
  const most = datasets.reduce((m, d) => Math.max(m, d.bytes), 0);
  const show = (next: Part) => go({ page: 'data', dataset, ...(next === 'settings' ? { part: next } : {}) });
  const arrows = (event: React.KeyboardEvent) => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    event.preventDefault();
    const next = part === 'fields' ? 'settings' : 'fields';
    show(next);
    requestAnimationFrame(() => document.getElementById(`data-${next}`)?.focus());
  };
  return (
    <>
      <header className="top"><h1 className="shown">Data</h1><span className="sp" /><span className="dim">{counted(datasets.length, 'dataset')}, {bytes(all)}</span></header>
      <main className="data" data-testid="data-page">
        <section aria-label="Datasets">
          <table>
            <thead><tr><th scope="col">Dataset</th><th scope="col" className="num">Events</th><th scope="col" className="num wide">Fields</th><th scope="col" className="num wide">Size</th><th scope="col" className="num wide">Oldest event</th><th scope="col" className="num">Newest event</th></tr></thead>
            <tbody>
              {datasets.map((d) => (
                <tr key={d.name} className={d.name === dataset ? 'open' : undefined} onClick={() => go({ page: 'data', dataset: d.name, ...(part === 'settings' ? { part } : {}) })}>
                  <td><button type="button" className="val" aria-pressed={d.name === dataset}><bdi>{d.name}</bdi></button></td>
                  <td className="num">{exact(d.events)}{d.missing_events > 0 && <span className="bad" title="Events of damaged segments: answers lack them"> and {count(d.missing_events)} unreadable</span>}</td>
                  <td className="num wide">{count(d.fields)}</td>
                  <td className="num wide">{most > 0 && <span className="cellbar" style={{ width: `${Math.max(1, (d.bytes / most) * 72)}px`, background: 'var(--others)' }} />}{bytes(d.bytes)}</td>
                  <td className="num wide">{d.first_event ? moment(Date.parse(d.first_event), now) : ''}</td>
                  <td className="num">{d.last_event ? ago(Date.parse(d.last_event), now) : <span className="dim">no event</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        {info && (
          <section className="dataset-part" aria-label={info.name}>
            <div className="tabs" role="tablist" aria-label={`Of ${info.name}`} onKeyDown={arrows}>
              {PARTS.map(([id, label]) => <button type="button" role="tab" key={id} id={`data-${id}`} aria-selected={id === part} aria-controls="dataset-part" tabIndex={id === part ? 0 : -1} onClick={() => show(id)}>{label} {id === 'fields' && <span className="dim">{count(info.fields)}</span>}</button>)}
            </div>
            <div role="tabpanel" id="dataset-part" aria-labelledby={`data-${part}`} className="dataset-panel">
              {part === 'fields' ? <Fields key={info.name} dataset={info.name} events={info.events} now={now} go={go} /> : <Keeping key={info.name} info={info} session={session} now={now} go={go} />}
            </div>
          </section>
        )}
      </main>
    </>
  );
}
