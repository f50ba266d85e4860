// The fields of a dataset as a list somebody looks through: sought by name, narrowed to what is odd, in an order. Pure.
import type { FieldInfo } from '../../api/types';
import { rank } from '../../state/complete';

export type Column = 'name' | 'events' | 'distinct' | 'first' | 'last';
export type Order = { column: Column; descending: boolean };
export type Oddity = 'all' | 'mixed' | 'overflow' | 'quiet';

const DAY = 86_400_000;
export const kindsOf = (f: FieldInfo) => Object.entries(f.types).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
/** Whole and broken numbers are one kind to people. */
export const isMixed = (f: FieldInfo) => new Set(kindsOf(f).map(([type]) => (type === 'integer' || type === 'float' ? 'number' : type))).size > 1;

const IS: Record<Oddity, (f: FieldInfo, now: number) => boolean> = {
  all: () => true,
  mixed: isMixed,
  overflow: (f) => f.overflow,
  quiet: (f, now) => now - Date.parse(f.last_seen) > DAY,
};

export const oddOnes = (fields: FieldInfo[], oddity: Oddity, now: number) => fields.filter((f) => IS[oddity](f, now));

const KEYS: Record<Exclude<Column, 'name'>, (f: FieldInfo) => number> = { events: (f) => f.events, distinct: (f) => f.distinct_estimate, first: (f) => Date.parse(f.first_seen), last: (f) => Date.parse(f.last_seen) };

/** Sought names stand by how well they match, until somebody asks for an order. */
export function listed(fields: FieldInfo[], sought: string, order: Order | null): FieldInfo[] {
  const found = rank(fields, sought, (f) => f.name, (f) => f.events).map((r) => r.item);
  if (!order) return found;
  const sign = order.descending ? -1 : 1;
  const { column } = order;
  const compare = column === 'name' ? (a: FieldInfo, b: FieldInfo) => sign * a.name.localeCompare(b.name) : (a: FieldInfo, b: FieldInfo) => sign * (KEYS[column](a) - KEYS[column](b)) || a.name.localeCompare(b.name);
  return found.sort(compare);
}

/** A click on a head: the useful direction first, then the other, then no order. */
export function ordered(order: Order | null, column: Column): Order | null {
  const first = column !== 'name';
  if (order?.column !== column) return { column, descending: first };
  return order.descending === first ? { column, descending: !first } : null;
}
