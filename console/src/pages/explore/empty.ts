// Whether an answer holds nothing, and how many events it is about. Pure.
import { hasCells } from '../../charts/heat';
import type { QueryAnswer } from '../../api/types';
import type { Explore } from '../../state/explore';

/** How many events the answer is about, when it was counted. */
export function eventsOf(answer: QueryAnswer): number | null {
  const total = answer.total?.['COUNT'];
  return typeof total === 'number' ? total : null;
}

export function holdsNothing(answer: QueryAnswer, explore: Explore): boolean {
  const events = eventsOf(answer);
  if (events !== null) return events === 0;
  if (explore.havings.length > 0) return false;
  if ((answer.heatmaps ?? []).some(hasCells)) return false;
  const by = explore.by.length;
  // A formula that is 0 is an answer; of nothing it has no value.
  const zero = (v: unknown) => v === 0 && explore.formulas.length === 0;
  return answer.rows.every((row) => by === 0 && row.slice(by).every((v) => v === null || zero(v)));
}
