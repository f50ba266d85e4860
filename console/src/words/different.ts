// What is different, as sentences: from an explanation's filters to "97 % of the slow ones are build b-0037 in eu-west-1
// with new_checkout on; of the others, 0.1 % are". Pure. It says that things are, never why.
import { boxColumn, boxValues, DAY_SECONDS, pickedBy, type Different, type These } from '../state/different';
import type { Filter } from '../state/explore';
import { count, counted, share } from './numbers';
import { span } from './times';
import { unitOfField, withUnit } from './units';
import { cut, valueText, type Value } from './values';

/** One condition: words that lead to it, the words that are a button, and the filters they stand for. */
export type Condition = { lead: string; text: string; filters: Filter[] };
export type Sentence = { share: string; who: string; verb: string; conditions: Condition[]; others: string };

type Rank = 'who' | 'where' | 'on' | 'from' | 'with';
const RANKS: Rank[] = ['who', 'where', 'on', 'from', 'with'];
const KINDS: [Rank, RegExp][] = [
  ['who', /(^|[._])(build|build_id|version|release|commit|git\.sha)$/],
  ['where', /(^|[._])(region|zone|availability_zone|host|host\.name|hostname|cluster|datacenter|service|service\.name)$/],
  ['on', /(^|[._])(route|endpoint)$|^name$/],
  ['from', /(^|[._])(customer|tenant|country|account)([._](id|name))?$/],
];
const LEADS: Record<Rank, string> = { who: '', where: 'in', on: 'on', from: 'from', with: 'with' };
const NAME_MOST = 40;
const VALUE_MOST = 48;

/** Last parts of names that mean nothing without the part before them. */
const GENERIC = new Set(['', 'bytes', 'code', 'count', 'host', 'id', 'kind', 'key', 'message', 'method', 'ms', 'name', 'path', 'size', 'status', 'total', 'type', 'url', 'value', 'version']);

/** The last part of a name where it says which field is meant. */
export function shortName(field: string, known: string[]): string {
  const last = field.slice(field.lastIndexOf('.') + 1);
  const same = known.some((k) => k !== field && (k === last || k.endsWith(`.${last}`)));
  return cut(same || GENERIC.has(last) ? field : last, NAME_MOST);
}

const valueWords = (value: Value | Value[]) => cut(Array.isArray(value) ? value.map(valueText).join(', ') : valueText(value), VALUE_MOST);
/** How a condition is said: "with customer.id ending with 7". */
const SIGNS: Record<string, string> = {
  '>=': '≥', '<=': '≤', '!=': '≠', in: 'among', 'not-in': 'not among', contains: 'containing', 'does-not-contain': 'not containing', 'starts-with': 'starting with',
  'does-not-start-with': 'not starting with', 'ends-with': 'ending with', 'does-not-end-with': 'not ending with', matches: 'matching', 'does-not-match': 'not matching',
};
const opWords = (op: string) => SIGNS[op] ?? op;

function numberWords(column: string, name: string, filters: Filter[]): string {
  const unit = unitOfField(column);
  const at = (ops: string[]) => filters.find((f) => ops.includes(f.op) && typeof f.value === 'number');
  const low = at(['>=', '>']);
  const high = at(['<', '<=']);
  if (low && high) return `${name} ${withUnit(low.value as number, unit)} – ${withUnit(high.value as number, unit)}`;
  const one = (low ?? high)!;
  return `${name} ${opWords(one.op)} ${withUnit(one.value as number, unit)}`;
}

function conditionOf(filters: Filter[], known: string[]): Condition & { rank: Rank } {
  const f = filters[0]!;
  const name = shortName(f.column, known);
  const rest = { filters, rank: 'with' as const };
  if (f.op === 'exists') return { ...rest, lead: /^[aeiou]/i.test(f.column) ? 'with an' : 'with a', text: cut(f.column, NAME_MOST) };
  if (f.op === 'does-not-exist') return { ...rest, lead: /^[aeiou]/i.test(f.column) ? 'without an' : 'without a', text: cut(f.column, NAME_MOST) };
  if (filters.length > 1 || ['>', '>=', '<', '<='].includes(f.op)) return { ...rest, lead: 'with', text: typeof f.value === 'number' ? numberWords(f.column, name, filters) : `${name} ${opWords(f.op)} ${valueWords(f.value ?? null)}` };
  const value = valueWords(f.value ?? null);
  if (f.op === '=' && typeof f.value === 'boolean') return { ...rest, lead: 'with', text: `${name} ${f.value ? 'on' : 'off'}` };
  const rank = f.op === '=' && typeof f.value === 'string' && f.value.trim() !== '' ? KINDS.find(([, pattern]) => pattern.test(f.column))?.[0] : undefined;
  if (!rank) return { ...rest, lead: 'with', text: `${name} ${opWords(f.op)} ${value}` };
  return { filters, rank, lead: rank === 'who' ? whoWords(f.column) : LEADS[rank], text: value };
}

/** "build" for build_id, "version" for service.version. */
const whoWords = (column: string) => /(build|version|release|commit)/.exec(column.slice(column.lastIndexOf('.') + 1))?.[1] ?? 'commit';

/** Conditions in the order who, where, with what; filters of one field are one condition. The second of two that start alike says *and*. */
export function conditionsOf(filters: Filter[], known: string[]): Condition[] {
  const columns = [...new Set(filters.map((f) => f.column))];
  const all = columns.map((column) => conditionOf(filters.filter((f) => f.column === column), known));
  all.sort((a, b) => RANKS.indexOf(a.rank) - RANKS.indexOf(b.rank));
  return all.map(({ lead, text, filters: mine, rank }, i) => {
    const before = all[i - 1];
    const alike = before?.rank === rank && (rank !== 'who' || before.lead === lead);
    return { text, filters: mine, lead: !alike ? lead : before.lead === lead && rank !== 'who' ? 'and' : `and ${lead}` };
  });
}

/** The words of a list of conditions in a row: "build b-0037 in eu-west-1". */
export const conditionWords = (conditions: Condition[]) => conditions.map((c) => `${c.lead} ${c.text}`.trim()).join(' ');

const FAILED = /(^|[._])(error|exception|failed|failure)([._]|$)/;
const failed = (f: Filter) => (FAILED.test(f.column) && (f.op === 'exists' || f.value === true)) || (/status_code$/.test(f.column) && ['>=', '='].includes(f.op) && typeof f.value === 'number' && f.value >= 500);
const above = (f: Filter) => unitOfField(f.column).kind === 'duration' && ['>', '>='].includes(f.op);

/** Who was picked: the slow ones, the failed ones, the ones in your range, or these. */
export function pickedWords({ these }: Different): string {
  if (these.where.some(above) && (these.slow || !these.span)) return 'the slow ones';
  if (these.where.some(failed)) return 'the failed ones';
  if (these.where.some((f) => /^intent\.met$/.test(f.column) && f.value === false)) return 'the unmet';
  return pickedBy(these) === 'range' ? 'the ones in your range' : 'these';
}

const THINGS = { box: 'box', range: 'range', filters: 'filters' } as const;

/** How far back, as people say it: "yesterday", "an hour earlier". */
export function earlierWords(seconds: number): string {
  if (seconds === DAY_SECONDS) return 'yesterday';
  if (seconds === 7 * DAY_SECONDS) return 'a week earlier';
  if (seconds === 3600) return 'an hour earlier';
  const [n, noun] = seconds % DAY_SECONDS === 0 ? [seconds / DAY_SECONDS, 'days'] : seconds % 3600 === 0 ? [seconds / 3600, 'hours'] : [Math.round(seconds / 60), 'minutes'];
  return `${n} ${noun} earlier`;
}

/** What they are compared with: "the others", "the same box yesterday", "those in us-east-1". */
export function othersWords(d: Different, known: string[]): string {
  if (d.than.kind === 'earlier') return `the same ${THINGS[pickedBy(d.these)]} ${earlierWords(d.than.seconds)}`;
  if (d.than.kind === 'where') return `those ${conditionWords(conditionsOf(d.than.where, known).map((c) => (/^(build|version|release|commit)$/.test(c.lead) ? { ...c, lead: `of ${c.lead}` } : c)))}`;
  return 'the others';
}

const ofOthers = (part: number, rough: boolean) => (part === 0 ? 'none' : `${rough && !share(part).startsWith('under') ? 'about ' : ''}${share(part)}`);

/** An explanation as the parts of its sentence. `rough` is said while it comes from a sample. */
export function sentenceOf(e: { filters: Filter[]; selection: number; baseline: number }, d: Different, known: string[], rough: boolean): Sentence {
  const conditions = conditionsOf(e.filters, known);
  const first = conditions[0];
  const has = first !== undefined && /^with( |$)/.test(first.lead);
  if (has) conditions[0] = { ...first, lead: first.lead.replace(/^with ?/, '') };
  const past = d.than.kind === 'earlier';
  const verb = has ? 'have' : 'are';
  return {
    share: `${rough ? 'About ' : ''}${share(e.selection)}`,
    who: pickedWords(d),
    verb,
    conditions,
    others: `Of ${othersWords(d, known)}, ${ofOthers(e.baseline, rough)} ${past ? (has ? 'had' : 'were') : verb}.`,
  };
}

export const sentenceText = (s: Sentence) => `${s.share} of ${s.who} ${s.verb} ${conditionWords(s.conditions)}. ${s.others}`;

/** "1,482 events in your box", "212 events in eu-west-1". */
export function theseWords(d: Different, events: number, known: string[]): string {
  const how = pickedBy(d.these);
  if (how !== 'filters') return `${counted(events, 'event')} in your ${how}`;
  const conditions = conditionsOf(d.these.where, known).map((c) => (/^(build|version|release|commit)$/.test(c.lead) ? { ...c, lead: `of ${c.lead}` } : c));
  return `${counted(events, 'event')} ${conditionWords(conditions)}`;
}

/** "against 96,214 others", "against 1,204 of the same box yesterday". */
export function againstWords(d: Different, events: number, known: string[]): string {
  if (d.than.kind === 'others') return `against ${counted(events, 'other')}`;
  return `against ${count(events)} ${d.than.kind === 'where' ? othersWords(d, known).replace(/^those /, '') : `in ${othersWords(d, known)}`}`;
}

/** The bounds of a box: "2.2 s – 5 s, 02:31 – 03:10 UTC". */
export function boxWords(these: These, now: number): string {
  const { low, high } = boxValues(these);
  const unit = unitOfField(boxColumn(these) ?? '');
  const values = low !== null && high !== null ? `${withUnit(low, unit)} – ${withUnit(high, unit)}` : low !== null ? `≥ ${withUnit(low, unit)}` : high !== null ? `< ${withUnit(high, unit)}` : null;
  const time = these.span ? span(these.span.from, these.span.to, now) : null;
  return [values, time].filter(Boolean).join(', ');
}

/** A title and what may be tried. */
export type Told = { title: string; text: string };

/** Why two sides cannot be compared; null if they can. */
export function incomparableWords(d: Different, these: number, others: number): Told | null {
  const how = pickedBy(d.these);
  const thing = how === 'filters' ? null : how;
  if (these === 0) return { title: thing ? `There are no events in your ${thing}.` : 'There are no such events.', text: how === 'box' ? 'Draw it where the heatmap has marks.' : 'Pick others in the query.' };
  if (these === 1) return { title: 'One event is not enough to compare; here it is.', text: '' };
  if (others > 0) return null;
  if (d.than.kind !== 'others') return { title: `There are no events in ${othersWords(d, []).replace(/^those /, '')}; there is nothing to compare with.`, text: 'Compare with all the others, or with something else.' };
  return { title: thing ? `Your ${thing} holds everything; there is nothing to compare it with.` : 'These are everything; there is nothing to compare them with.', text: thing ? `Draw a smaller ${thing}, or compare it with another time.` : 'Compare them with another time.' };
}

/** Both sides look alike. */
export function alikeWords(d: Different, compared: number): Told {
  const how = pickedBy(d.these);
  const larger = how === 'box' ? 'try a larger box' : how === 'range' ? 'try a longer range' : 'pick others';
  return {
    title: 'Nothing sets these apart.',
    text: `${counted(compared, 'field')} ${compared === 1 ? 'was' : 'were'} compared and every difference is one that chance explains. These events look like the others; ${larger}, or compare them with ${d.than.kind === 'others' ? 'yesterday' : 'all the others'}.`,
  };
}

/** "exact, 412 fields in 0.41 s". */
export const exactWords = (fields: number, elapsed: string) => `exact, ${counted(fields, 'field')} in ${elapsed}`;

/** "from 4 % of the events". */
export const sampledWords = (fraction: number) => `from ${share(fraction)} of the events`;
