// From a page to what is asked of the server: only keys of the contract, because the server refuses unknown ones.
// Pure: the present moment is an argument, so that all questions of one page mean the same two times.
import { emptyExplore, isHeatmap, isLast, type Calculation, type Explore, type Filter, type Order } from './explore';
import type { FieldInfo, QuerySpec, RowsSpec } from '../api/types';

export type Times = { start_time: string; end_time: string };

export function times(e: Explore, now: number): Times {
  const [from, to] = isLast(e.range) ? [now - e.range.last * 1000, now] : [e.range.from, e.range.to];
  return { start_time: new Date(from).toISOString(), end_time: new Date(to).toISOString() };
}

export const contractFilter = (f: Filter) => (f.value === undefined ? { column: f.column, op: f.op } : { column: f.column, op: f.op, value: f.value });

function contractOrder(o: Order) {
  const order = o.descending ? ('descending' as const) : ('ascending' as const);
  return { ...(o.op ? { op: o.op } : {}), ...(o.column ? { column: o.column } : {}), order };
}

export function querySpec(e: Explore, when: Times): QuerySpec {
  return {
    calculations: e.show.map((c) => (c.column ? { op: c.op, column: c.column } : { op: c.op })),
    filters: e.where.map(contractFilter),
    filter_combination: e.combine,
    breakdowns: e.by,
    orders: e.orders.map(contractOrder),
    havings: e.havings.map((h) => ({ calculate_op: h.op, ...(h.column ? { column: h.column } : {}), op: h.compare, value: h.value })),
    limit: e.limit,
    ...when,
    ...(e.granularity ? { granularity: e.granularity } : {}),
    ...(e.compare ? { compare_time_offset_seconds: e.compare } : {}),
  };
}

export function rowsSpec(e: Explore, when: Times, cursor: string | null, limit: number): RowsSpec {
  return { filters: e.where.map(contractFilter), filter_combination: e.combine, ...when, columns: null, order: 'descending', limit, ...(cursor ? { cursor } : {}) };
}

/** How many events one set of filters leaves: for the empty page, which says which filter emptied it. */
export function countSpec(filters: Filter[], combine: 'AND' | 'OR', when: Times): QuerySpec {
  return { calculations: [{ op: 'COUNT' }], filters: filters.map(contractFilter), filter_combination: combine, ...when, disable_series: true };
}

const numeric = (field: FieldInfo) => (field.types.integer ?? 0) + (field.types.float ?? 0) > (field.types.string ?? 0);
const LIKELY = ['duration_ms', 'duration', 'latency_ms', 'elapsed_ms', 'latency', 'elapsed', 'took_ms', 'response_time_ms'];

/** The field that best says how long things took, or null. */
export function durationField(fields: FieldInfo[]): string | null {
  const numbers = fields.filter(numeric);
  for (const name of LIKELY) if (numbers.some((f) => f.name === name)) return name;
  const named = numbers.filter((f) => /duration|latency|elapsed/i.test(f.name)).sort((a, b) => b.events - a.events);
  return named[0]?.name ?? null;
}

export function defaultShow(fields: FieldInfo[]): Calculation[] {
  const column = durationField(fields);
  return column ? [{ op: 'HEATMAP', column }, { op: 'COUNT' }, { op: 'P99', column }] : [{ op: 'COUNT' }];
}

/** The page that opens when a dataset is chosen without a question. */
export const defaultPage = (dataset: string, fields: FieldInfo[]): Explore => ({ ...emptyExplore, dataset, show: defaultShow(fields) });

/** The order the server falls back to: the first calculation with a scalar, descending. */
export function effectiveOrder(e: Explore): Order | null {
  const first = e.orders[0] ?? null;
  if (first) return first;
  const scalar = e.show.find((c) => !isHeatmap(c));
  return scalar ? { ...scalar, descending: true } : null;
}
