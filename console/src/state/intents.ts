// What the Intents page shows, as plain values: its address, a line for each intent as the server found it, and the ways on
// from one to its events and to what is different. Pure; it knows no words and no page.
import type { IntentItem } from '../api/types';
import { emptyExplore, LAST_DEFAULT, type Explore, type Range } from './explore';
import { differentOf, theseWhere, type Different, type Span } from './different';

/** What the server says of an intent, in the order of the page. */
export type Group = IntentItem['state'];
export const GROUPS: Group[] = ['worse', 'new', 'holding', 'better', 'quiet', 'never_exercised', 'gone'];
/** The page: a dataset, a range that is held against the one before, which lines, and the one that is open. */
export type Intents = { dataset: string; range: Range; only: Group | null; sought: string; open: string | null };
export const emptyIntents: Intents = { dataset: '', range: { last: LAST_DEFAULT }, only: null, sought: '', open: null };

const exercised = { column: 'intent.met', op: 'exists' };

export type Counts = { met: number; all: number };
export type Line = {
  name: string;
  text: string;
  owner: string | null;
  service: string | null;
  place: { file: string; line: number | null } | null;
  expectations: string[];
  now: Counts;
  before: Counts;
  versions: { version: string | null; now: Counts }[];
  /** The share met in each bucket of the range; null where it was not exercised. */
  over: (number | null)[];
  group: Group;
};

export const metShare = (c: Counts): number | null => (c.all > 0 ? c.met / c.all : null);
const counts = (c: { events: number; unmet: number }): Counts => ({ all: c.events, met: c.events - c.unmet });

export function lineOf(i: IntentItem): Line {
  const { events, unmet } = i.series;
  return {
    name: i.name,
    text: i.text || i.name,
    owner: i.owner ?? null,
    service: i.services[0] ?? null,
    place: i.file ? { file: i.file, line: i.line ?? null } : null,
    expectations: i.expectations,
    now: counts(i.now),
    before: counts(i.before),
    versions: i.versions.map((v) => ({ version: v.version ?? null, now: counts(v) })),
    over: events.map((all, at) => (all > 0 ? (all - (unmet[at] ?? 0)) / all : null)),
    group: i.state,
  };
}

/** Whether a share is lower than another by more than chance explains: three standard errors of their difference. */
export function fell(now: Counts, then: Counts): boolean {
  if (now.all === 0 || then.all === 0) return false;
  const [a, b] = [now.met / now.all, then.met / then.all];
  const all = (now.met + then.met) / (now.all + then.all);
  const error = Math.sqrt(all * (1 - all) * (1 / now.all + 1 / then.all));
  return a < b && error > 0 && (b - a) / error > 3;
}

export function found(lines: Line[], page: Intents): Line[] {
  const needle = page.sought.trim().toLowerCase();
  const holds = (l: Line) => needle === '' || [l.name, l.text, l.owner, l.service, l.place?.file].some((t) => t?.toLowerCase().includes(needle));
  return lines.filter((l) => (page.only === null || l.group === page.only) && holds(l));
}

/** The one version that meets an intent less often than it was met before, where others do not. */
export function culprit(l: Line): string | null {
  const worse = l.versions.filter((v) => v.version !== null && fell(v.now, l.before));
  return worse.length === 1 && l.versions.length > 1 ? worse[0]!.version : null;
}

const exploreOf = (page: Intents, name: string): Explore => ({ ...emptyExplore, dataset: page.dataset, range: page.range, show: [{ op: 'HEATMAP', column: 'duration_ms' }, { op: 'COUNT' }], where: [{ column: 'intent.name', op: '=', value: name }, exercised] });

/** What is different about the unmet, against the met of the same intent. */
export const differentOfIntent = (page: Intents, name: string, shown: Span): Different => differentOf(exploreOf(page, name), shown, theseWhere([{ column: 'intent.met', op: '=', value: false }]));

/** The unmet events themselves. */
export function unmetEvents(page: Intents, name: string): Explore {
  const e = exploreOf(page, name);
  return { ...e, where: [e.where[0]!, { column: 'intent.met', op: '=', value: false }], tab: 'events' };
}
/** All its events. */
export const allEvents = (page: Intents, name: string): Explore => exploreOf(page, name);
