// Opening an example of some events: the trace of the slowest of them, or of the newest where nothing says how long it took.
import { useMemo } from 'react';
import { postQuery, postRows } from '../../api/client';
import { useTraceRoles } from '../../api/datasets';
import type { FieldInfo } from '../../api/types';
import { say } from '../../parts/copy';
import { narrowed, type These } from '../../state/different';
import type { Explore } from '../../state/explore';
import { querySpec, rowsSpec, type Times } from '../../state/spec';

export function useExample(explore: Explore, fields: FieldInfo[], when: Times, onTrace: (trace: string, at: number | null, span: string | null) => void): ((these: These) => void) | null {
  const roles = useTraceRoles(explore.dataset, fields);
  return useMemo(() => {
    if (!roles) return null;
    const find = async (these: These): Promise<{ trace: string; at: number | null; span: string | null } | null> => {
      const e = narrowed(explore, [...these.where, { column: roles.trace, op: 'exists' }]);
      if (!e) return null;
      const time = these.span ? { start_time: new Date(these.span.from).toISOString(), end_time: new Date(these.span.to).toISOString() } : when;
      if (roles.duration) {
        const slowest = { op: 'MAX', column: roles.duration };
        const answer = await postQuery(e.dataset, { ...querySpec({ ...e, show: [slowest], by: [roles.trace, roles.span], orders: [{ ...slowest, descending: true }], havings: [], limit: 1, granularity: null }, time), disable_series: true, disable_other_by_aggregate: true, disable_total_by_aggregate: true });
        const row = answer.rows[0];
        if (typeof row?.[0] === 'string') return { trace: row[0], at: null, span: typeof row[1] === 'string' ? row[1] : null };
      }
      const answer = await postRows(e.dataset, { ...rowsSpec(e, time, null, 1), columns: ['timestamp', roles.trace, roles.span] });
      const row = answer.rows[0];
      return typeof row?.[1] === 'string' ? { trace: row[1], at: Date.parse(String(row[0])), span: typeof row[2] === 'string' ? row[2] : null } : null;
    };
    return (these) => void find(these).then((found) => (found ? onTrace(found.trace, found.at, found.span) : say('None of these belongs to a trace')), (reason: Error) => say(reason.message));
  }, [explore, roles, when, onTrace]);
}
