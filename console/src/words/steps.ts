// What changed from one question to the next, as a step of the history says it: "Group by region", not the whole query. Pure.
import { isLast, orderName, type Calculation, type Explore, type Filter } from '../state/explore';
import { earlierWords } from './different';
import { lastWords } from './times';
import { titleOf } from './titles';
import { cut, valueText } from './values';

/** Words that lead, and the words that matter. */
export type Step = { lead: string; bold: string };

const shown = (f: Filter) => `${f.column === '*' ? 'any field' : f.column} ${f.op === '=' ? '' : `${f.op} `}${f.value === undefined ? '' : Array.isArray(f.value) ? f.value.map(valueText).join(', ') : valueText(f.value)}`.trim();
const added = <T>(before: T[], now: T[]) => now.filter((n) => !before.some((b) => JSON.stringify(b) === JSON.stringify(n)));

const removed = <T extends { name?: string }>(before: T[], now: T[]) => added(now, before).filter((b) => !b.name || !now.some((n) => n.name === b.name));

function changes<T extends { name?: string }>(before: T[], now: T[], words: (t: T) => string, say: (lead: string, words: string) => void) {
  for (const t of added(before, now)) say('Show', words(t));
  for (const t of removed(before, now)) say('Without', words(t));
}

/** The one thing that changed; where several did, or it is the first, the question's own title. */
export function stepOf(now: Explore, before: Explore | null): Step {
  const whole: Step = { lead: '', bold: titleOf(now) };
  if (!before || before.dataset !== now.dataset) return whole;
  const steps: Step[] = [];
  const say = (lead: string, words: string) => steps.push({ lead, bold: cut(words, 48) });
  for (const f of added(before.where, now.where)) say(f.op === '=' ? 'Only' : 'Where', shown(f));
  for (const f of added(now.where, before.where)) say('Without the filter', shown(f));
  for (const c of added(before.by, now.by)) say('Group by', c);
  for (const c of added(now.by, before.by)) say('No longer by', c);
  const words = (c: Calculation) => c.name ?? `${c.op}${c.column ? ` ${c.column}` : ''}`;
  changes(before.show, now.show, words, say);
  changes(before.formulas, now.formulas, (m) => m.name, say);
  for (const m of added(before.calculated, now.calculated)) say('Calculate', m.name);
  for (const m of removed(before.calculated, now.calculated)) say('No longer calculate', m.name);
  for (const o of added(before.orders, now.orders)) say('Order by', `${orderName(o)} ${o.descending ? '↓' : '↑'}`);
  if (now.limit !== before.limit) say('Limit', String(now.limit));
  if (now.compare !== before.compare) say('Compare with', now.compare ? earlierWords(now.compare) : 'nothing');
  return steps.length === 1 ? steps[0]! : whole;
}

/** Whether two questions ask the same, whenever. */
export const sameQuestion = (a: Explore, b: Explore) => JSON.stringify({ ...a, range: null }) === JSON.stringify({ ...b, range: null });

/** The range of a step, where it is not the one that is shown: "Last 2 h". */
export const rangeWords = (e: Explore) => (isLast(e.range) ? lastWords(e.range.last) : null);
