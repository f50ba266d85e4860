// What the page "What is different" shows, as one plain value: the query it came from, the events somebody picked of it
// (these), and what they are compared with. Every change is pure. It must not know React, the router or the network.
import type { CompareSpec } from '../api/types';
import type { Value } from '../words/values';
import { canNarrow } from './edit';
import type { Explore, Filter } from './explore';
import { calculatedFields, contractFilter, times } from './spec';

export type Span = { from: number; to: number };
/** Filters on top of the query's, all of which hold, and a time of their own. */
export type These = { where: Filter[]; span: Span | null; /** Picked above the middle of a duration. */ slow: boolean };
/** All the others of the query; the same filters so many seconds earlier; or what other filters leave. */
export type Than = { kind: 'others' } | { kind: 'earlier'; seconds: number } | { kind: 'where'; where: Filter[] };
export type Different = { explore: Explore; these: These; than: Than; /** Fields without a difference too. */ all: boolean };

export const DAY_SECONDS = 86_400;
const FIELDS_SHOWN = 100;
const FIELDS_ALL = 1000;

/** The page for events picked of a query. Its times become absolute: it is about what was on the screen, so that the
    first and last bucket end where the query does. */
export function differentOf(e: Explore, shown: Span, these: These): Different {
  const span = these.span && { from: Math.max(these.span.from, shown.from), to: Math.min(these.span.to, shown.to) };
  return { explore: { ...e, range: shown, live: false }, these: { ...these, span: span && span.from < span.to ? span : these.span }, than: { kind: 'others' }, all: false };
}

export const theseWhere = (where: Filter[]): These => ({ where, span: null, slow: false });
export const theseDuring = (span: Span): These => ({ where: [], span, slow: false });

const equals = (column: string, value: Value): Filter => (value === null ? { column, op: 'does-not-exist' } : { column, op: '=', value });

/** A result group as filters: its key, with absence as absence. */
export const theseOfGroup = (by: string[], key: Value[]): These => theseWhere(by.map((column, i) => equals(column, key[i] ?? null)));

/** How the events were picked: the words and the pictures of the page follow from it. */
export function pickedBy(these: These): 'box' | 'range' | 'filters' {
  if (!these.span) return 'filters';
  return these.where.length === 0 ? 'range' : 'box';
}

/** The column that a box was drawn on. */
export const boxColumn = (these: These): string | null => (these.span ? (these.where[0]?.column ?? null) : null);

/** The two values a box lies between; null where it is open. */
export function boxValues(these: These): { low: number | null; high: number | null } {
  const value = (ops: string[]) => these.where.find((f) => ops.includes(f.op) && typeof f.value === 'number')?.value as number | undefined;
  return { low: value(['>', '>=']) ?? null, high: value(['<', '<=']) ?? null };
}

const side = (filters: Filter[], span: Span | null) => ({
  filters: filters.map(contractFilter),
  ...(span ? { start_time: new Date(span.from).toISOString(), end_time: new Date(span.to).toISOString() } : {}),
});

export function spanOf(d: Different): Span {
  if (d.these.span) return d.these.span;
  const when = times(d.explore, 0);
  return { from: Date.parse(when.start_time), to: Date.parse(when.end_time) };
}

function baselineOf(d: Different) {
  if (d.than.kind === 'others') return null;
  if (d.than.kind === 'where') return side(d.than.where, null);
  const { from, to } = spanOf(d);
  return side(d.these.where, { from: from - d.than.seconds * 1000, to: to - d.than.seconds * 1000 });
}

/** How a unit of work ended, by docs/intent.md: what is unmet follows from these, so they explain nothing about it. */
const OUTCOME = /^(intent\.(met|unmet|unchecked)|duration_ms|error|error\.type|exception\.(message|stacktrace))$/;
const asksUnmet = (d: Different) => d.these.where.some((f) => f.column === 'intent.met');

/** `known` are the dataset's fields, for questions about intents: those leave out how the work ended. */
export function compareSpec(d: Different, known: string[] = []): CompareSpec {
  const fields = asksUnmet(d) ? known.filter((name) => !OUTCOME.test(name)) : [];
  return {
    ...(fields.length > 0 ? { fields } : {}),
    ...calculatedFields(d.explore),
    filters: d.explore.where.map(contractFilter),
    filter_combination: d.explore.combine,
    ...times(d.explore, 0),
    selection: side(d.these.where, d.these.span),
    baseline: baselineOf(d),
    max_fields: d.all ? FIELDS_ALL : FIELDS_SHOWN,
  };
}

/** The query with more filters that all hold; null where its own are joined by *or*, which one query cannot say. */
export function narrowed(e: Explore, filters: Filter[]): Explore | null {
  if (filters.length > 0 && !canNarrow(e)) return null;
  const known = new Set(e.where.map((f) => JSON.stringify(f)));
  return { ...e, combine: filters.length > 0 ? 'AND' : e.combine, where: [...e.where, ...filters.filter((f) => !known.has(JSON.stringify(f)))] };
}

/** The picked events, or those of them that meet an explanation, as a query. */
export function queryOfThese(d: Different, filters: Filter[]): Explore | null {
  const e = narrowed(d.explore, [...d.these.where, ...filters]);
  return e && { ...e, range: d.these.span ?? e.range, tab: 'events', granularity: null };
}

const COMPLEMENTS: Record<string, string> = { '=': '!=', contains: 'does-not-contain', 'starts-with': 'does-not-start-with', 'ends-with': 'does-not-end-with', in: 'not-in', exists: 'does-not-exist', matches: 'does-not-match' };
const complement = (op: string) => COMPLEMENTS[op] ?? Object.keys(COMPLEMENTS).find((k) => COMPLEMENTS[k] === op) ?? null;

/** Everything but what meets all of some filters. Comparisons have no complement (an absent field meets neither), and
    several conditions can only be negated where nothing else is asked. */
export function queryWithout(e: Explore, filters: Filter[]): Explore | null {
  const negated = filters.map((f) => ({ ...f, op: complement(f.op) ?? '' }));
  if (filters.length === 0 || negated.some((f) => f.op === '')) return null;
  if (negated.length === 1) return narrowed(e, negated);
  return e.where.length === 0 ? { ...e, where: negated, combine: 'OR' } : null;
}
