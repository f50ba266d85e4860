// Where a span's duration stands among the spans of the same name in the day before it, and how common its values are
// among them. Asked for a moment after a span is chosen, so that walking through spans asks nothing.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { postCompare, postQuery } from '../../api/client';
import type { ApiError } from '../../api/errors';
import type { CompareAnswer, HeatmapAnswer, TraceSpan } from '../../api/types';
import type { Filter } from '../../state/explore';
import type { Roles } from '../../state/roles';
import { contractFilter } from '../../state/spec';

const DAY = 86_400_000;
/** How common values are is read from less: it looks at every field. */
const COMMON_MS = 3_600_000;
const REST_MS = 350;
const KEPT_MS = 10 * 60_000;
const FIELDS_MOST = 1000;

/** The filters that mean "the same work as this span". */
export function sameFilters(span: TraceSpan, roles: Roles): Filter[] {
  const filters: Filter[] = [];
  if (span.name != null) filters.push({ column: roles.name, op: '=', value: span.name });
  if (span.service != null) filters.push({ column: roles.service, op: '=', value: span.service });
  return filters;
}

const timesBefore = (span: TraceSpan, ms: number, now: number) => {
  const end = Math.min(now, Date.parse(span.start) + (span.duration_ms ?? 0) + 60_000);
  // Whole minutes, so that spans of one trace ask the same question.
  const to = Math.ceil(end / 60_000) * 60_000;
  return { start_time: new Date(to - ms).toISOString(), end_time: new Date(to).toISOString() };
};

function useRested<T>(value: T): T | null {
  const [rested, setRested] = useState<T | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), REST_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return rested === value ? value : null;
}

export type Siblings = { map: HeatmapAnswer; median: number | null; all: number; faster: number };

export function useSiblings(dataset: string, span: TraceSpan | null, roles: Roles | null, now: number) {
  const rested = useRested(span);
  return useQuery<Siblings | null, ApiError>({
    queryKey: ['siblings', dataset, span?.name, span?.service, span?.span_id],
    enabled: rested !== null && roles?.duration != null && rested.name != null && rested.duration_ms != null && dataset !== '',
    staleTime: Infinity,
    gcTime: KEPT_MS,
    queryFn: async ({ signal }) => {
      const duration = roles!.duration!;
      const filters = sameFilters(span!, roles!).map(contractFilter);
      const when = timesBefore(span!, DAY, now);
      const one = { ...when, filter_combination: 'AND' as const, granularity: 86_400 };
      const [all, faster] = await Promise.all([
        postQuery(dataset, { ...one, calculations: [{ op: 'HEATMAP', column: duration }, { op: 'COUNT' }, { op: 'P50', column: duration }], filters }, signal),
        postQuery(dataset, { ...one, calculations: [{ op: 'COUNT' }], filters: [...filters, { column: duration, op: '<', value: span!.duration_ms! }], disable_series: true }, signal),
      ]);
      const map = all.heatmaps?.[0];
      const cell = (answer: typeof all, name: string) => answer.rows[0]?.[answer.columns.findIndex((c) => c.name === name)];
      if (!map || map.bounds.length < 2) return null;
      const median = cell(all, `P50(${duration})`);
      return { map, median: typeof median === 'number' ? median : null, all: Number(cell(all, 'COUNT') ?? 0), faster: Number(cell(faster, 'COUNT') ?? 0) };
    },
  });
}

/** The share of the same spans that has this value of a field, or a value as extreme as this number. */
export type Common = { share: number; /** Values that hardly ever repeat: ids. */ unique: boolean; median: number | null };

export function useCommon(dataset: string, span: TraceSpan | null, roles: Roles | null, now: number) {
  const rested = useRested(span);
  return useQuery<Map<string, Common>, ApiError>({
    queryKey: ['common', dataset, span?.span_id],
    enabled: rested !== null && roles !== null && rested.span_id != null && rested.name != null && dataset !== '' && Object.keys(rested.fields).length > 0,
    staleTime: Infinity,
    gcTime: KEPT_MS,
    queryFn: async ({ signal }) => {
      let answer: CompareAnswer | null = null;
      const same = sameFilters(span!, roles!).map(contractFilter);
      const id = { column: roles!.span, op: '=', value: span!.span_id! };
      await postCompare(dataset, { ...timesBefore(span!, COMMON_MS, now), filters: same, filter_combination: 'AND', selection: { filters: [id] }, baseline: null, fields: Object.keys(span!.fields), max_fields: FIELDS_MOST, max_explanations: 0, exact: false }, (told) => 'fields' in told && (answer = told), signal);
      return answer ? commonOf(answer, span!) : new Map<string, Common>();
    },
  });
}

/** More different values than this share of the events: each is its own. */
const UNIQUE = 0.5;

export function commonOf(answer: CompareAnswer, span: TraceSpan): Map<string, Common> {
  const common = new Map<string, Common>();
  const others = answer.baseline.events;
  if (others === 0) return common;
  for (const f of answer.fields) {
    const value = span.fields[f.field];
    if (value === undefined || value === null) continue;
    if (f.kind === 'numeric' && typeof value === 'number' && f.bins) {
      const above = f.bins.reduce((sum, b) => sum + (b.min >= value ? b.baseline : b.max > value ? b.baseline / 2 : 0), 0);
      const present = f.bins.reduce((sum, b) => sum + b.baseline, 0);
      common.set(f.field, { share: Math.min(1, 2 * Math.min(above, present - above)), unique: false, median: f.p50?.baseline ?? null });
      continue;
    }
    const found = f.values?.find((v) => v.value === value);
    if (!found) continue;
    const unique = (f.distinct?.baseline ?? 0) > others * UNIQUE && found.baseline_events <= 1;
    common.set(f.field, { share: found.baseline, unique, median: null });
  }
  return common;
}
