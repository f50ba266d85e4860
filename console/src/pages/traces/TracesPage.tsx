// Choosing a trace: by its id, or from those that took longest, came last or failed. Each line is a trace.
import { zoneWords } from '../../words/zone';
import { useEffect, useMemo, useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { postQuery, postRows, serverNow } from '../../api/client';
import { useTraceRoles } from '../../api/datasets';
import type { ApiError } from '../../api/errors';
import type { DatasetInfo, FieldInfo, QueryAnswer, RowsAnswer } from '../../api/types';
import { DatasetMenu } from '../../parts/DatasetMenu';
import { Icon } from '../../parts/Icon';
import { useKeys } from '../../parts/keys';
import { ProgressLine, useSince } from '../../parts/Progress';
import { StateBlock } from '../../parts/StateBlock';
import type { Go } from '../../state/location';
import { CHOICES, traceIdIn, traceLook, type Choice, type TracesLook } from '../../state/looking';
import type { Roles } from '../../state/roles';
import { setTrail } from '../../state/trail';
import { arrows } from '../../tables/arrows';
import { lastSentence, lastWords, moment } from '../../words/times';
import { unitOfField, withUnit } from '../../words/units';
import { cut, valueText, type Value } from '../../words/values';
import { chosenSpec, tracesOf } from './choose';
import '../../tables/tables.css';
import './traces.css';

type Props = { look: TracesLook; dataset: string; datasets: DatasetInfo[]; fields: FieldInfo[]; ready: boolean; go: Go };
const WORDS: Record<Choice, string> = { slowest: 'Slowest', newest: 'Newest', failed: 'Failed' };
const LASTS = [900, 7200, 86_400, 604_800];

export function TracesPage({ look, dataset, datasets, fields, ready, go }: Props) {
  const roles = useTraceRoles(dataset, fields);
  const set = (part: Partial<TracesLook>) => go({ page: 'traces', traces: { ...look, dataset, ...part } });
  return (
    <>
      <header className="top">
        <DatasetMenu name={dataset} datasets={datasets} onChoose={(name) => set({ dataset: name })} />
        <span className="slash wide" aria-hidden="true">/</span>
        <h1>Traces</h1>
        <span className="sp" />
        <label className="range-select"><Icon name="clock" /><span className="vh">Time range</span><select value={look.last} onChange={(event) => set({ last: Number(event.target.value) })}>{[...new Set([...LASTS, look.last])].sort((a, b) => a - b).map((s) => <option key={s} value={s}>{lastWords(s)}</option>)}</select></label>
      </header>
      <main className="traces" data-testid="traces">
        <OpenById dataset={dataset} go={go} />
        {roles ? <Chosen key={`${dataset}${look.choice}${look.last}`} look={look} dataset={dataset} roles={roles} go={go} onChoice={(choice) => set({ choice })} /> : ready && (
          <StateBlock title={`No event of ${dataset} belongs to a trace`} offers={[{ icon: 'data', label: 'Look at its fields', run: () => go({ page: 'data', dataset }) }]}>
            <p className="mid">Spans carry <span className="mono">trace.trace_id</span>, <span className="mono">trace.span_id</span> and, below a root, <span className="mono">trace.parent_id</span>. OpenTelemetry’s exporters send them as they are.</p>
          </StateBlock>
        )}
      </main>
    </>
  );
}

function OpenById({ dataset, go }: { dataset: string; go: Go }) {
  const [text, setText] = useState('');
  const [input, setInput] = useState<HTMLInputElement | null>(null);
  useKeys(useMemo(() => ({ '/': () => input?.focus() }), [input]));
  const open = (id: string) => go({ page: 'trace', trace: traceLook(dataset, id) });
  return (
    <form className="open-trace" onSubmit={(event) => {
      event.preventDefault();
      if (text.trim() !== '') open(traceIdIn(text) ?? text.trim());
    }}>
      <label className="find"><Icon name="search" /><input ref={setInput} value={text} spellCheck={false} autoComplete="off" placeholder="Paste a trace id or a traceparent" aria-label="Trace id" onChange={(event) => setText(event.target.value)} onPaste={(event) => {
        const id = traceIdIn(event.clipboardData.getData('text'));
        if (!id) return;
        event.preventDefault();
        open(id);
      }} /><kbd>/</kbd></label>
      <button type="submit" className="btn ink" disabled={text.trim() === ''}>Open</button>
    </form>
  );
}

type ChosenProps = { look: TracesLook; dataset: string; roles: Roles; go: Go; onChoice: (choice: Choice) => void };

function Chosen({ look, dataset, roles, go, onChoice }: ChosenProps) {
  const now = useMemo(() => serverNow(), []);
  const query = useQuery<QueryAnswer | RowsAnswer, ApiError>({
    queryKey: ['traces', dataset, look.choice, look.last, now],
    queryFn: ({ signal }) => {
      const spec = chosenSpec(look, roles, now);
      return spec.kind === 'query' ? postQuery(dataset, spec.body, signal) : postRows(dataset, spec.body, signal);
    },
    staleTime: Infinity,
  });
  const lines = useMemo(() => (query.data ? tracesOf(query.data, roles) : []), [query.data, roles]);
  const late = useSince(query.isFetching, 100);
  useEffect(() => setTrail(lines.map((l) => ({ trace: l.trace, at: l.at }))), [lines]);
  const most = lines.reduce((m, l) => Math.max(m, l.duration ?? 0), 0);
  const timed = lines.some((l) => l.at !== null);
  const unit = unitOfField(roles.duration ?? 'duration_ms');
  return (
    <section className="chosen" aria-label="Traces">
      <div className="chosen-bar">
        <div className="seg" role="group" aria-label="Which traces">{CHOICES.map((c) => <button type="button" key={c} aria-pressed={c === look.choice} disabled={c === 'slowest' && roles.duration === null} onClick={() => onChoice(c)}>{WORDS[c]}</button>)}</div>
        <span className="dim">{query.isSuccess && lines.length > 0 ? `${lines.length} of ${lastSentence(look.last)}` : ''}</span>
      </div>
      {late && <ProgressLine />}
      {query.isError && <p className="note bad" role="alert">{query.error.message}</p>}
      {query.isSuccess && lines.length === 0 && <StateBlock title={look.choice === 'failed' ? `Nothing failed in ${lastSentence(look.last)}` : `No trace in ${lastSentence(look.last)}`} offers={LASTS.filter((s) => s > look.last).slice(0, 1).map((s) => ({ icon: 'clock' as const, label: `Look at ${lastSentence(s)}`, run: () => go({ page: 'traces', traces: { ...look, dataset, last: s } }) }))} />}
      {lines.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="List of traces">
          <table className="trace-list" onKeyDown={arrows}>
            <thead><tr><th scope="col">{look.choice === 'failed' ? 'What failed' : 'Root'}</th><th scope="col" className="wide">Service</th><th scope="col" className="num">Duration</th><th scope="col" className="wide">Trace</th>{timed && <th scope="col" className="num when">Time, {zoneWords()}</th>}</tr></thead>
            <tbody>
              {lines.map((l, i) => (
                <tr key={`${l.trace}${i}`} onClick={() => go({ page: 'trace', trace: traceLook(dataset, l.trace, l.at, l.span) })}>
                  <td><button type="button" className="val name-cell" title={l.name === null ? undefined : valueText(l.name)}><bdi>{l.name === null ? 'no name' : cut(valueText(l.name), 64)}</bdi></button></td>
                  <td className="wide mid">{text(l.service)}</td>
                  <td className="num">{l.duration !== null && <><span className="cellbar" style={{ width: `${most > 0 ? Math.max(1, (l.duration / most) * 96) : 0}px`, background: 'var(--others)' }} />{withUnit(l.duration, unit)}</>}</td>
                  <td className="wide mono mid">{cut(l.trace, 20)}</td>
                  {timed && <td className="num when">{l.at === null ? '' : moment(l.at, now, 1000)}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

const text = (value: Value) => (value === null ? '' : cut(valueText(value), 32));
