// Changes of an Explore page, one function for each thing a person can do. Pure; each returns a new page.
import { calculationName, orderName, orderOf, valuesOf, type Calculation, type Explore, type Filter, type Made, type Order, type Range, type Scalar } from './explore';
import { renamed } from './expression';
import type { Value } from '../words/values';

const sameFilter = (a: Filter, b: Filter) => JSON.stringify(a) === JSON.stringify(b);

function asFilter(column: string, value: Value, positive: boolean): Filter {
  if (value === null) return { column, op: positive ? 'does-not-exist' : 'exists' };
  return { column, op: positive ? '=' : '!=', value };
}

/** One filter or none, joined by *or*, means the same joined by *and*; what a click adds must hold too. */
const joined = (e: Explore): Explore => (e.where.length < 2 ? { ...e, combine: 'AND' } : e);

/** Whether a click on a value can be added: filters joined by *or* would only let more in. */
export const canNarrow = (e: Explore) => e.combine === 'AND' || e.where.length < 2;

/** Only this: an older "=" on the same field is replaced, because both together would leave nothing. */
export function onlyThis(before: Explore, column: string, value: Value): Explore {
  const e = joined(before);
  const where = e.combine === 'AND' ? e.where.filter((f) => !(f.column === column && (f.op === '=' || f.op === 'in'))) : e.where;
  return addFilter({ ...e, where }, asFilter(column, value, true));
}

export const notThis = (e: Explore, column: string, value: Value): Explore => addFilter(joined(e), asFilter(column, value, false));

export function bound(before: Explore, column: string, op: '>=' | '<=' | '<', value: Scalar): Explore {
  const e = joined(before);
  const side = op[0]!;
  return addFilter({ ...e, where: e.where.filter((f) => !(f.column === column && f.op.startsWith(side))) }, { column, op, value });
}

/** All pairs of a result group at once: only these events. */
export function onlyGroup(e: Explore, key: Value[]): Explore {
  return e.by.reduce((page, column, i) => onlyThis(page, column, key[i] ?? null), e);
}

export function addFilter(e: Explore, filter: Filter): Explore {
  return e.where.some((f) => sameFilter(f, filter)) ? e : { ...e, where: [...e.where, filter] };
}

export const setFilter = (e: Explore, at: number, filter: Filter): Explore => ({ ...e, where: e.where.map((f, i) => (i === at ? filter : f)) });
export const removeFilter = (e: Explore, at: number): Explore => ({ ...e, where: e.where.filter((_, i) => i !== at) });

export function groupBy(e: Explore, column: string): Explore {
  return e.by.includes(column) ? e : { ...e, by: [...e.by, column], tab: null };
}

export function setGroup(e: Explore, at: number, column: string): Explore {
  return tidy({ ...e, by: [...new Set(e.by.map((c, i) => (i === at ? column : c)))] });
}

export const removeGroup = (e: Explore, at: number): Explore => tidy({ ...e, by: e.by.filter((_, i) => i !== at) });

export function addCalculation(e: Explore, c: Calculation): Explore {
  return e.show.some((s) => calculationName(s) === calculationName(c)) ? e : { ...e, show: [...e.show, c] };
}

export function setCalculation(e: Explore, at: number, c: Calculation): Explore {
  const show = e.show.map((s, i) => (i === at ? c : s));
  const before = e.show[at];
  const page = before && (before.name || c.name) ? renameValue(e, calculationName(before), calculationName(c)) : e;
  return tidy({ ...page, show: show.filter((s, i) => show.findIndex((t) => calculationName(t) === calculationName(s)) === i) });
}

export const removeCalculation = (e: Explore, at: number): Explore => tidy({ ...e, show: e.show.filter((_, i) => i !== at) });

/** Orders and havings name calculations and groups; those that name nothing any more go with them. Without any
    calculation a query counts, and the chips say so. */
function tidy(page: Explore): Explore {
  const counted = page.show.length === 0 && page.formulas.length === 0 ? { ...page, show: [{ op: 'COUNT' }] } : page;
  const e = counted.formulas.length === 0 && counted.show.some((c) => c.hidden) ? { ...counted, show: counted.show.map(shown) } : counted;
  const names = new Set([...valuesOf(e).map((c) => orderName({ ...orderOf(c), descending: true })), ...e.by]);
  return { ...e, orders: e.orders.filter((o) => names.has(orderName(o))), havings: e.havings.filter((h) => names.has(calculationName(h))) };
}

function shown(c: Calculation): Calculation {
  const plain = { ...c };
  delete plain.hidden;
  return plain;
}

const put = (list: Made[], at: number | null, made: Made) => (at === null ? [...list, made] : list.map((m, i) => (i === at ? made : m)));

/** A calculated field made or changed. A new name goes wherever the old one was. */
export function setCalculated(e: Explore, at: number | null, made: Made): Explore {
  const before = at === null ? null : (e.calculated[at]?.name ?? null);
  const next = { ...e, calculated: put(e.calculated, at, made) };
  return before === null || before === made.name ? next : renameField(next, before, made.name);
}

/** A calculated field gone, and with it what names it. */
export function removeCalculated(e: Explore, at: number): Explore {
  const gone = e.calculated[at]?.name;
  const stays = (c: { column?: string }) => c.column !== gone;
  return tidy({ ...e, calculated: e.calculated.filter((_, i) => i !== at), show: e.show.filter((c) => stays(c) && (c.filters ?? []).every(stays)), where: e.where.filter(stays), by: e.by.filter((column) => column !== gone) });
}

/** One field for another, wherever the query names it. */
export function renameField(e: Explore, wrong: string, right: string): Explore {
  const swap = <T extends { column?: string }>(part: T): T => (part.column === wrong ? { ...part, column: right } : part);
  const made = (m: Made): Made => ({ ...m, expression: renamed(m.expression, wrong, right) });
  return { ...e, calculated: e.calculated.map(made), show: e.show.map((c) => (c.filters ? { ...swap(c), filters: c.filters.map(swap) } : swap(c))), where: e.where.map(swap), by: e.by.map((c) => (c === wrong ? right : c)), orders: e.orders.map(swap), havings: e.havings.map(swap) };
}

export function setFormula(e: Explore, at: number | null, made: Made): Explore {
  const before = at === null ? null : (e.formulas[at]?.name ?? null);
  const formulas = put(e.formulas, at, made);
  return tidy(before === null || before === made.name ? { ...e, formulas } : renameValue({ ...e, formulas }, before, made.name));
}

export const removeFormula = (e: Explore, at: number): Explore => tidy({ ...e, formulas: e.formulas.filter((_, i) => i !== at) });

/** One name of a calculation or formula for another, in formulas, orders and havings. */
function renameValue(e: Explore, before: string, now: string): Explore {
  return {
    ...e,
    formulas: e.formulas.map((m) => ({ ...m, expression: renamed(m.expression, before, now) })),
    orders: e.orders.map((o) => (o.column === before && !e.by.includes(before) ? { ...o, column: now } : o)),
    havings: e.havings.map((h) => (h.op === before ? { ...h, op: now } : h)),
  };
}

/** A click on a table head: descending first, then ascending, then the default again. */
export function orderBy(e: Explore, order: Omit<Order, 'descending'>): Explore {
  const now = e.orders[0] && orderName(e.orders[0]) === orderName({ ...order, descending: true }) ? e.orders[0] : null;
  if (!now) return { ...e, orders: [{ ...order, descending: true }] };
  return { ...e, orders: now.descending ? [{ ...order, descending: false }] : [] };
}

/** Twice as long, around the same middle; a range that ends now goes on ending now. */
export function zoomOut(e: Explore): Explore {
  if ('last' in e.range) return setRange(e, { last: e.range.last * 2 });
  const half = (e.range.to - e.range.from) / 2;
  return setRange(e, { from: Math.round(e.range.from - half), to: Math.round(e.range.to + half) });
}

export const setRange = (e: Explore, range: Range): Explore => ({ ...e, range, granularity: null, live: e.live && 'last' in range });
