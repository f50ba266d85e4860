// Which traces a choice means, as a question to the server, and its answer as lines. Pure.
import type { QueryAnswer, QuerySpec, RowsAnswer, RowsSpec } from '../../api/types';
import type { TracesLook } from '../../state/looking';
import type { Roles } from '../../state/roles';
import type { Value } from '../../words/values';

const LINES = 100;

type Asked = { kind: 'query'; body: QuerySpec } | { kind: 'rows'; body: RowsSpec };

export function chosenSpec(look: TracesLook, roles: Roles, now: number): Asked {
  const when = { start_time: new Date(now - look.last * 1000).toISOString(), end_time: new Date(now).toISOString(), filter_combination: 'AND' as const };
  const inTrace = { column: roles.trace, op: 'exists' };
  if (look.choice === 'slowest' && roles.duration) {
    // A trace took as long as its root.
    return { kind: 'query', body: { ...when, calculations: [{ op: 'MAX', column: roles.duration }], breakdowns: [roles.trace, roles.name, roles.service], filters: [inTrace, { column: roles.parent, op: 'does-not-exist' }], orders: [{ op: 'MAX', column: roles.duration, order: 'descending' }], limit: LINES, disable_series: true, disable_other_by_aggregate: true, disable_total_by_aggregate: true } };
  }
  const only = look.choice === 'failed' ? { column: roles.error, op: '=', value: true } : { column: roles.parent, op: 'does-not-exist' };
  const columns = ['timestamp', roles.trace, roles.span, roles.name, roles.service, ...(roles.duration ? [roles.duration] : [])];
  return { kind: 'rows', body: { ...when, filters: [inTrace, only], columns, order: 'descending', limit: LINES } };
}

export type TraceLine = { trace: string; span: string | null; name: Value; service: Value; duration: number | null; at: number | null };

/** One line a trace, in the order of the answer. */
export function tracesOf(answer: Pick<QueryAnswer | RowsAnswer, 'columns' | 'rows'>, roles: Roles): TraceLine[] {
  const place = (name: string) => answer.columns.findIndex((c) => c.name === name);
  const at = { trace: place(roles.trace), span: place(roles.span), name: place(roles.name), service: place(roles.service), duration: Math.max(place(roles.duration ?? ''), place(`MAX(${roles.duration})`)), time: place('timestamp') };
  const lines = new Map<string, TraceLine>();
  for (const row of answer.rows) {
    const value = (i: number): Value => (i >= 0 ? (row[i] ?? null) : null);
    const trace = value(at.trace);
    if (typeof trace !== 'string' || lines.has(trace)) continue;
    const [span, duration, time] = [value(at.span), value(at.duration), Date.parse(String(value(at.time) ?? ''))];
    lines.set(trace, { trace, span: typeof span === 'string' ? span : null, name: value(at.name), service: value(at.service), duration: typeof duration === 'number' ? duration : null, at: Number.isNaN(time) ? null : time });
  }
  return [...lines.values()];
}
