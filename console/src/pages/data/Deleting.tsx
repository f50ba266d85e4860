// Deleting events of a dataset: filters and a time, first counted, then done as a task that can be watched and cancelled.
import { useState } from 'react';
import { useCancelTask, useDeleteEvents, useTasks } from '../../api/datasets';
import { useFields } from '../../api/hooks';
import type { DatasetInfo, DeletionSpec, TaskInfo } from '../../api/types';
import { AddChip, Chip, FilterWords } from '../../parts/Chip';
import { FilterEditor } from '../../parts/FilterEditor';
import type { Filter } from '../../state/explore';
import { writeFilter } from '../../state/grammar';
import { contractFilter } from '../../state/spec';
import { troubleOfError } from '../../words/errors';
import { counted } from '../../words/numbers';
import { readTime, taskWords } from '../../words/keeping';
import { ago } from '../../words/times';

const TASKS_SHOWN = 5;

export function Deleting({ info, now }: { info: DatasetInfo; now: number }) {
  const fields = useFields(info.name).data ?? [];
  const [where, setWhere] = useState<Filter[]>([]);
  const [editing, setEditing] = useState<number | 'new' | null>(null);
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const [counting, setCounting] = useState<string | null>(null);
  const dry = useDeleteEvents(info.name);
  const deletion = useDeleteEvents(info.name);
  const [start, end] = [readTime(from), readTime(to)];
  const wrong = start === undefined || end === undefined ? 'A time is written 2026-11-18 or 2026-11-18 02:46, in UTC.' : start !== null && end !== null && start >= end ? 'From must be before to.' : null;
  const spec: DeletionSpec = { filters: where.map(contractFilter), filter_combination: 'AND', ...(start ? { start_time: new Date(start).toISOString() } : {}), ...(end ? { end_time: new Date(end).toISOString() } : {}) };
  const question = JSON.stringify(spec);
  const nothing = where.length === 0 && start === null && end === null;
  // What was counted counts for the choice that it was counted for.
  const matching = counting === question ? (dry.data?.matching ?? null) : null;
  const set = (next: Filter[]) => {
    setEditing(null);
    setWhere(next);
  };
  const count = () => {
    setCounting(question);
    deletion.reset();
    dry.mutate({ ...spec, dry_run: true });
  };
  const error = dry.error ?? deletion.error;
  const editor = (filter: Filter | null, at: number | null) => <FilterEditor dataset={info.name} fields={fields} filter={filter} onDone={(f) => set(at === null ? [...where, f] : where.map((o, i) => (i === at ? f : o)))} onRemove={() => set(at === null ? where : where.filter((_, i) => i !== at))} onClose={() => setEditing(null)} />;
  return (
    <section aria-labelledby="delete-head">
      <h2 id="delete-head">Delete some events</h2>
      <p className="mid">All that meet the filters and lie in the time, in one step or not at all. Counting them changes nothing.</p>
      <div className="part delete-where">
        {where.map((f, i) => (
          <span className="part inner" key={i}>
            {i > 0 && <span className="joint still">and</span>}
            {editing === i ? editor(f, i) : <Chip label={writeFilter(f)} onEdit={() => setEditing(i)} onRemove={() => set(where.filter((_, k) => k !== i))}><FilterWords f={f} /></Chip>}
          </span>
        ))}
        {editing === 'new' ? editor(null, null) : <AddChip label="Add a filter on what is deleted" onClick={() => setEditing('new')}>+ filter</AddChip>}
      </div>
      <div className="pairs">
        <label>From, UTC<input value={from} onChange={(e) => setFrom(e.target.value)} placeholder="the first event" spellCheck={false} aria-invalid={start === undefined} /></label>
        <label>To, UTC<input value={to} onChange={(e) => setTo(e.target.value)} placeholder="the last event" spellCheck={false} aria-invalid={end === undefined} /></label>
      </div>
      {wrong ? <p className="bad">{wrong}</p> : error ? <p className="bad" role="alert">{troubleOfError(error, info.name).headline}</p> : <p className="dim" role="status" data-testid="matching">{nothing ? 'Choose by a filter or a time; the whole dataset is dropped below.' : matching === null ? (dry.isPending ? 'Counting' : 'Not counted yet.') : matching === 0 ? 'No event meets this.' : `${counted(matching, 'event')} would be deleted, of ${counted(info.events, 'event')}.`}</p>}
      <div className="acts">
        <button type="button" className={matching ? 'btn' : 'btn ink'} disabled={nothing || wrong !== null || dry.isPending} onClick={count}>Count them</button>
        {matching !== null && matching > 0 && <button type="button" className="btn danger" disabled={deletion.isPending} onClick={() => deletion.mutate(spec, { onSuccess: () => setCounting(null) })}>Delete {counted(matching, 'event')} for good</button>}
      </div>
      <Tasks dataset={info.name} now={now} />
    </section>
  );
}

function Tasks({ dataset, now }: { dataset: string; now: number }) {
  const tasks = useTasks(true);
  const own = (tasks.data ?? []).filter((t) => t.kind === 'deletion' && t.dataset === dataset).slice(0, TASKS_SHOWN);
  if (own.length === 0) return null;
  return <ul className="tasks" aria-label="Deletions">{own.map((t) => <Task key={t.id} task={t} now={now} />)}</ul>;
}

function Task({ task, now }: { task: TaskInfo; now: number }) {
  const cancel = useCancelTask();
  const open = task.state === 'waiting' || task.state === 'running';
  const part = task.state === 'done' ? 1 : task.progress && task.progress.total > 0 ? task.progress.done / task.progress.total : 0;
  return (
    <li data-state={task.state}>
      <span className={task.state === 'failed' ? 'bad' : undefined}>{taskWords(task)}</span>
      <span className="sp" />
      <span className="dim num">{ago(Date.parse(task.created), Math.max(now, Date.now()))}</span>
      {open && <button type="button" className="btn" disabled={cancel.isPending} onClick={() => cancel.mutate(task.id)}>Cancel</button>}
      {open && <span className="task-bar"><i style={{ width: `${part * 100}%` }} /></span>}
    </li>
  );
}
