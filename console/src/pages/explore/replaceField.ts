// A misspelt field replaced everywhere in a query: the fix an error offers. Pure.
import type { Explore } from '../../state/explore';

export function replaceField(e: Explore, wrong: string, right: string): Explore {
  const swap = <T extends { column?: string }>(part: T): T => (part.column === wrong ? { ...part, column: right } : part);
  return { ...e, show: e.show.map(swap), where: e.where.map(swap), by: e.by.map((c) => (c === wrong ? right : c)), orders: e.orders.map(swap), havings: e.havings.map(swap) };
}
