// From a page to what is asked of the server: only keys of the contract, because the server refuses unknown ones.
// Pure: the present moment is an argument, so that all questions of one page mean the same two times.
import { calculationName, emptyExplore, isHeatmap, isLast, orderOf, valuesOf, type Calculation, type Explore, type Filter, type Made, type Order } from './explore';
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

/** Before the name of a calculation that is shown beside formulas. An answer with formulas shows nothing else, so that what
    else is shown is a formula of its own, under the name that people know. */
const BEHIND = 'raw ';
const nameOfColumn = (name: string) => `$${JSON.stringify(name)}`;

function contractCalculation(c: Calculation, beside: boolean) {
  const name = beside && !c.hidden && !isHeatmap(c) ? BEHIND + calculationName(c) : c.name;
  return { op: c.op, ...(c.column ? { column: c.column } : {}), ...(name === undefined ? {} : { name }), ...(c.filters?.length ? { filters: c.filters.map(contractFilter), ...(c.combine ? { filter_combination: c.combine } : {}) } : {}) };
}

function contractFormulas(e: Explore): Made[] {
  if (e.formulas.length === 0) return [];
  const shown = e.show.filter((c) => !isHeatmap(c) && !c.hidden).map(calculationName);
  return [...shown.map((name) => ({ name, expression: nameOfColumn(BEHIND + name) })), ...e.formulas];
}

type WireCalculation = { op: string; column?: string | null; name?: string | null; filters?: { column: string; op: string; value?: unknown }[]; filter_combination?: string };

export const readContractFilter = (f: { column: string; op: string; value?: unknown }): Filter => ({ column: f.column, op: f.op, ...(f.value === undefined || f.value === null ? {} : { value: f.value as Filter['value'] }) });

/** The calculations and formulas of a page, from those of a question, whoever wrote it. */
export function readCalculations(calculations: WireCalculation[], formulas: Made[]): Pick<Explore, 'show' | 'formulas'> {
  const behind = new Map(formulas.filter((f) => f.expression === nameOfColumn(BEHIND + f.name)).map((f) => [BEHIND + f.name, f.name]));
  const show = calculations.map((c): Calculation => {
    const bare = { op: c.op, ...(c.column ? { column: c.column } : {}) };
    const shown = behind.get(c.name ?? '');
    const name = shown ?? c.name ?? undefined;
    return {
      ...bare,
      ...(name === undefined || name === calculationName(bare) ? {} : { name }),
      ...(c.filters?.length ? { filters: c.filters.map(readContractFilter), ...(c.filter_combination === 'OR' ? { combine: 'OR' as const } : {}) } : {}),
      ...(formulas.length > 0 && shown === undefined && !isHeatmap(bare) ? { hidden: true as const } : {}),
    };
  });
  return { show, formulas: formulas.filter((f) => !behind.has(BEHIND + f.name)).map(({ name, expression }) => ({ name, expression })) };
}

/** Whether the server says of a column that it is estimated. */
export const isEstimated = (approximate: string[] | undefined, name: string) => approximate?.some((a) => a === name || a === BEHIND + name) ?? false;

/** The fields that a page calculates, where it has some. */
export const calculatedFields = (e: { calculated: Made[] }) => (e.calculated.length > 0 ? { calculated_fields: e.calculated } : {});

export function querySpec(e: Explore, when: Times): QuerySpec {
  return {
    ...calculatedFields(e),
    calculations: e.show.map((c) => contractCalculation(c, e.formulas.length > 0)),
    ...(e.formulas.length > 0 ? { formulas: contractFormulas(e) } : {}),
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
  return { ...calculatedFields(e), filters: e.where.map(contractFilter), filter_combination: e.combine, ...when, columns: null, order: 'descending', limit, ...(cursor ? { cursor } : {}) };
}

/** How many events one set of filters leaves: for the empty page, which says which filter emptied it. */
export function countSpec(e: Pick<Explore, 'calculated' | 'combine'>, filters: Filter[], when: Times): QuerySpec {
  return { ...calculatedFields(e), calculations: [{ op: 'COUNT' }], filters: filters.map(contractFilter), filter_combination: e.combine, ...when, disable_series: true };
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
  const value = valuesOf(e)[0];
  return value ? { ...orderOf(value), descending: true } : null;
}
