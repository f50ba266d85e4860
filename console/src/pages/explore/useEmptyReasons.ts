// Why nothing matches: how many events there would be without each filter, and a value near the one that emptied it.
// It asks the server a handful of small questions; it must not know how the answer is shown.
import { useQuery } from '@tanstack/react-query';
import { getValues, postQuery } from '../../api/client';
import type { Explore, Filter } from '../../state/explore';
import { nearest } from '../../state/complete';
import { countSpec, type Times } from '../../state/spec';

export type Reason = { at: number; filter: Filter; without: number; instead: { text: string; events: number } | null };
const ASKED_MOST = 6;
const VALUES_READ = 500;

async function countOf(dataset: string, filters: Filter[], e: Explore, when: Times, signal: AbortSignal): Promise<number> {
  const answer = await postQuery(dataset, countSpec(e, filters, when), signal);
  const value = answer.rows[0]?.[answer.columns.findIndex((c) => c.name === 'COUNT')];
  return typeof value === 'number' ? value : Number(value ?? 0);
}

async function near(e: Explore, at: number, when: Times, signal: AbortSignal): Promise<Reason['instead']> {
  const f = e.where[at]!;
  if (f.op !== '=' || typeof f.value !== 'string') return null;
  const values = await getValues(e.dataset, f.column, '', VALUES_READ, signal);
  const text = nearest(f.value, values.map((v) => v.value).filter((v): v is string => typeof v === 'string'));
  if (text === null) return null;
  const events = await countOf(e.dataset, e.where.map((g, i) => (i === at ? { ...g, value: text } : g)), e, when, signal);
  return events > 0 ? { text, events } : null;
}

/** The filters worth naming, best first: those without which something is left. */
export function useEmptyReasons(e: Explore, when: Times, enabled: boolean) {
  return useQuery<Reason[]>({
    queryKey: ['empty', e.dataset, JSON.stringify(e.where), e.combine, when.start_time, when.end_time],
    enabled: enabled && e.where.length > 0,
    staleTime: Infinity,
    retry: false,
    queryFn: async ({ signal }) => {
      const reasons = await Promise.all(
        e.where.slice(-ASKED_MOST).map(async (filter) => {
          const at = e.where.indexOf(filter);
          const without = await countOf(e.dataset, e.where.filter((_, i) => i !== at), e, when, signal);
          return { at, filter, without, instead: without > 0 ? await near(e, at, when, signal) : null };
        }),
      );
      return reasons.filter((r) => r.without > 0).sort((a, b) => Number(b.instead !== null) - Number(a.instead !== null) || b.without - a.without);
    },
  });
}
