// What the Intents page shows, as plain values: its address, the questions it asks (docs/intent.md says which fields mean
// what), and from their answers a line for each intent, what got worse first. Pure; it knows no words and no page.
import type { QueryAnswer, QuerySpec, RowsAnswer, RowsSpec } from '../api/types';
import type { Value } from '../words/values';
import { emptyExplore, LAST_DEFAULT, type Explore, type Range } from './explore';
import { differentOf, theseWhere, type Different, type Span } from './different';

export type Group = 'worse' | 'holding' | 'never' | 'new' | 'gone';
export const GROUPS: Group[] = ['worse', 'holding', 'never', 'new', 'gone'];
/** The page: a dataset, a range that is held against the one before, which lines, and the one that is open. */
export type Intents = { dataset: string; range: Range; only: Group | null; sought: string; open: string | null };
export const emptyIntents: Intents = { dataset: '', range: { last: LAST_DEFAULT }, only: null, sought: '', open: null };

const DAY = 86_400_000;
/** How long an intent may be unexercised before it counts as never. */
export const NEVER_DAYS = 30;
const GROUPS_MOST = 10_000;
const DECLARED_MOST = 10_000;

const exercised = { column: 'intent.met', op: 'exists' };
const iso = (ms: number) => new Date(ms).toISOString();
const during = (s: Span) => ({ start_time: iso(s.from), end_time: iso(s.to) });

/** The same length, just before. */
export const before = (s: Span): Span => ({ from: s.from - (s.to - s.from), to: s.from });

export function countsSpec(s: Span, series: boolean): QuerySpec {
  return { calculations: [{ op: 'COUNT' }], filters: [exercised], breakdowns: ['intent.name', 'service.version', 'intent.met'], limit: GROUPS_MOST, ...during(s), ...(series ? {} : { disable_series: true }), disable_total_by_aggregate: true, disable_other_by_aggregate: true };
}

/** Which intents were exercised at all in the last days. */
export function seenSpec(now: number): QuerySpec {
  return { calculations: [{ op: 'COUNT' }], filters: [exercised], breakdowns: ['intent.name', 'intent.text', 'intent.owner', 'service.name', 'code.file.path', 'code.line.number'], limit: GROUPS_MOST, ...during({ from: now - NEVER_DAYS * DAY, to: now }), disable_series: true, disable_total_by_aggregate: true, disable_other_by_aggregate: true };
}

/** The register: what programs say at their start that they mean to do. */
export function declaredSpec(now: number, limit = DECLARED_MOST): RowsSpec {
  return { filters: [{ column: 'intent.declared', op: '=', value: true }], ...during({ from: now - NEVER_DAYS * DAY, to: now }), columns: ['timestamp', 'intent.name', 'intent.text', 'intent.owner', 'intent.expectations', 'service.name', 'service.version', 'code.file.path', 'code.line.number'], order: 'descending', limit };
}

export type Counts = { met: number; all: number };
export type Version = { version: string | null; now: Counts; before: Counts };
export type Place = { file: string; line: number | null };
export type Line = {
  name: string;
  text: string;
  owner: string | null;
  service: string | null;
  place: Place | null;
  expectations: string[];
  now: Counts;
  before: Counts;
  versions: Version[];
  /** The share met in each bucket of the range; null where it was not exercised. */
  over: (number | null)[];
  /** When it was first and last declared in the register, as far back as that is read. */
  declared: { first: number; last: number; version: string | null } | null;
  group: Group;
};

export const metShare = (c: Counts): number | null => (c.all > 0 ? c.met / c.all : null);
const none = (): Counts => ({ met: 0, all: 0 });
const text = (v: Value | undefined): string | null => (v === null || v === undefined || v === '' ? null : String(v));
const number = (v: Value | undefined) => (typeof v === 'number' ? v : Number(v ?? 0) || 0);

type Told = { now: QueryAnswer; before: QueryAnswer; seen: QueryAnswer; declared: RowsAnswer };
type Draft = Omit<Line, 'group' | 'versions' | 'over'> & { versions: Map<string | null, Version>; metOver: number[]; allOver: number[]; seen: boolean };

/** Whether two shares differ by more than chance explains: three standard errors of their difference. */
export function fell(now: Counts, then: Counts): boolean {
  if (now.all === 0 || then.all === 0) return false;
  const [a, b] = [now.met / now.all, then.met / then.all];
  const all = (now.met + then.met) / (now.all + then.all);
  const error = Math.sqrt(all * (1 - all) * (1 / now.all + 1 / then.all));
  return a < b && error > 0 && (b - a) / error > 3;
}

const column = (answer: { columns: { name: string }[] }, name: string) => answer.columns.findIndex((c) => c.name === name);

export function linesOf(told: Told): Line[] {
  const drafts = new Map<string, Draft>();
  const draft = (name: string) => {
    const known = drafts.get(name);
    if (known) return known;
    const fresh: Draft = { name, text: name, owner: null, service: null, place: null, expectations: [], now: none(), before: none(), versions: new Map(), metOver: [], allOver: [], declared: null, seen: false };
    drafts.set(name, fresh);
    return fresh;
  };
  count(told.now, 'now', draft);
  count(told.before, 'before', draft);
  describe(told.seen, draft);
  const newest = register(told.declared, draft);
  return [...drafts.values()].map((d) => finished(d, newest)).sort(byGroup);
}

function count(answer: QueryAnswer, when: 'now' | 'before', draft: (name: string) => Draft) {
  const [nameAt, versionAt, metAt, countAt] = ['intent.name', 'service.version', 'intent.met', 'COUNT'].map((n) => column(answer, n)) as [number, number, number, number];
  answer.rows.forEach((row, i) => {
    const name = text(row[nameAt]);
    if (name === null) return;
    const d = draft(name);
    const version = text(row[versionAt]);
    const met = row[metAt] === true || row[metAt] === 'true';
    const n = number(row[countAt]);
    const by = d.versions.get(version) ?? { version, now: none(), before: none() };
    d.versions.set(version, by);
    for (const c of [d[when], by[when]]) {
      c.all += n;
      if (met) c.met += n;
    }
    if (when === 'now') {
      const values = answer.series?.groups[i]?.values.COUNT ?? [];
      values.forEach((v, at) => {
        d.allOver[at] = (d.allOver[at] ?? 0) + (v ?? 0);
        d.metOver[at] = (d.metOver[at] ?? 0) + (met ? (v ?? 0) : 0);
      });
    }
  });
}

/** Words and place of what was exercised: of several texts the most frequent, which the server lists first. */
function describe(answer: QueryAnswer, draft: (name: string) => Draft) {
  const at = Object.fromEntries(['intent.name', 'intent.text', 'intent.owner', 'service.name', 'code.file.path', 'code.line.number'].map((n) => [n, column(answer, n)]));
  for (const row of answer.rows) {
    const name = text(row[at['intent.name']!]);
    if (name === null) continue;
    const d = draft(name);
    if (d.seen) continue;
    d.seen = true;
    fill(d, (n) => text(row[at[n]!]));
  }
}

function fill(d: Draft, of: (name: string) => string | null) {
  d.text = of('intent.text') ?? d.text;
  d.owner = of('intent.owner') ?? d.owner;
  d.service = of('service.name') ?? d.service;
  const file = of('code.file.path');
  if (file) d.place = { file, line: Number(of('code.line.number')) || null };
}

/** Reads the register, newest first, and says the newest version of each service and whether it has an earlier one. */
function register(rows: RowsAnswer, draft: (name: string) => Draft): Map<string, { newest: string; several: boolean }> {
  const services = new Map<string, { newest: string; several: boolean }>();
  const at = (name: string) => column(rows, name);
  for (const row of rows.rows) {
    const of = (name: string) => text(at(name) >= 0 ? (row[at(name)] as Value) : null);
    const name = of('intent.name');
    if (name === null) continue;
    const d = draft(name);
    const time = Date.parse(of('timestamp') ?? '');
    const version = of('service.version');
    const service = of('service.name') ?? '';
    const known = services.get(service);
    if (version !== null && !known) services.set(service, { newest: version, several: false });
    else if (version !== null && known && known.newest !== version) known.several = true;
    if (d.declared) d.declared.first = time;
    else {
      fill(d, of);
      d.expectations = (of('intent.expectations') ?? '').split(';').map((e) => e.trim()).filter(Boolean);
      d.declared = { first: time, last: time, version };
      d.service = of('service.name');
    }
    if (version !== null) d.versions.set(version, d.versions.get(version) ?? { version, now: none(), before: none() });
  }
  return services;
}

function finished(d: Draft, services: Map<string, { newest: string; several: boolean }>): Line {
  const { metOver, allOver, seen, ...rest } = d;
  const service = services.get(d.service ?? '');
  const gone = d.declared !== null && service !== undefined && d.declared.version !== null && d.declared.version !== service.newest;
  const ever = seen || d.now.all > 0 || d.before.all > 0;
  // Only versions that are in the register, and declared nowhere before the newest.
  const isNew = service?.several === true && d.declared?.version === service.newest && d.versions.size === 1;
  const group: Group = gone && d.now.all === 0 ? 'gone' : fell(d.now, d.before) ? 'worse' : !ever ? 'never' : isNew ? 'new' : 'holding';
  const versions = [...d.versions.values()].filter((v) => v.now.all + v.before.all > 0).sort((a, b) => b.now.all - a.now.all);
  return { ...rest, versions, over: Array.from(allOver, (all, i) => (all ? metOver[i]! / all : null)), group };
}

const lost = (l: Line) => (metShare(l.before) ?? 0) - (metShare(l.now) ?? 0);

/** Worst first: within a group by what was lost, then by how often it is exercised. */
function byGroup(a: Line, b: Line): number {
  const groups = GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group);
  if (groups !== 0) return groups;
  return (a.group === 'worse' ? lost(b) - lost(a) : 0) || b.now.all - a.now.all || a.name.localeCompare(b.name);
}

export function found(lines: Line[], page: Intents): Line[] {
  const needle = page.sought.trim().toLowerCase();
  const holds = (l: Line) => needle === '' || [l.name, l.text, l.owner, l.service, l.place?.file].some((t) => t?.toLowerCase().includes(needle));
  return lines.filter((l) => (page.only === null || l.group === page.only) && holds(l));
}

/** A version that began within the range and meets an intent less often than the others did before. */
export function culprit(l: Line): string | null {
  const fresh = l.versions.filter((v) => v.version !== null && v.before.all === 0 && v.now.all > 0 && fell(v.now, l.before));
  return fresh.length === 1 ? fresh[0]!.version : null;
}

/** Which expectations fail, from the answer that groups by `intent.unmet`: an event may name several. */
export function unmetCounts(answer: QueryAnswer): { name: string; events: number }[] {
  const at = column(answer, 'intent.unmet');
  const countAt = column(answer, 'COUNT');
  const sums = new Map<string, number>();
  for (const row of answer.rows) for (const name of (text(row[at]) ?? '').split(';').map((t) => t.trim()).filter(Boolean)) sums.set(name, (sums.get(name) ?? 0) + number(row[countAt]));
  return [...sums].map(([name, events]) => ({ name, events })).sort((a, b) => b.events - a.events);
}

export function unmetSpec(name: string, s: Span): QuerySpec {
  return { calculations: [{ op: 'COUNT' }], filters: [{ column: 'intent.name', op: '=', value: name }, { column: 'intent.met', op: '=', value: false }], breakdowns: ['intent.unmet'], limit: 100, ...during(s), disable_series: true };
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
