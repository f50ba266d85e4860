// Pages that look at events as they are: a trace, the choice of one, events as they arrive, one event. Their addresses, and
// the query that a click on a value leads to. Pure.
import { addFilter } from './edit';
import { emptyExplore, type Explore, type Filter } from './explore';
import { readFilter, writeFilter } from './grammar';

export type TraceLook = { dataset: string; trace: string; /** The span whose fields are shown. */ span: string | null; /** About when it was, in milliseconds. */ at: number | null; find: string; /** Whether the critical path is drawn. */ critical: boolean };
export type Choice = 'slowest' | 'newest' | 'failed';
export type TracesLook = { dataset: string; choice: Choice; last: number };
export type LiveLook = { dataset: string; where: Filter[] };
export type EventLook = { dataset: string; sequence: string };
export type Looking = { page: 'trace'; trace: TraceLook } | { page: 'traces'; traces: TracesLook } | { page: 'live'; live: LiveLook } | { page: 'event'; event: EventLook };

export const CHOICES: Choice[] = ['slowest', 'newest', 'failed'];
export const TRACES_LAST = 7200;
const LAST_MOST = 315_360_000;
export const traceLook = (dataset: string, trace: string, at: number | null = null, span: string | null = null): TraceLook => ({ dataset, trace, span, at, find: '', critical: true });

/** The dataset that a page names itself. */
export function datasetLooked(page: Looking): string {
  if (page.page === 'trace') return page.trace.dataset;
  if (page.page === 'traces') return page.traces.dataset;
  return page.page === 'live' ? page.live.dataset : page.event.dataset;
}

export function writeLooking(page: Looking): URLSearchParams {
  const q = new URLSearchParams({ page: page.page });
  const dataset = datasetLooked(page);
  if (dataset) q.set('dataset', dataset);
  if (page.page === 'trace') {
    const { trace, span, at, find, critical } = page.trace;
    q.set('trace', trace);
    if (span) q.set('span', span);
    if (at !== null) q.set('at', new Date(at).toISOString());
    if (find) q.set('find', find);
    if (!critical) q.set('critical', '0');
  }
  if (page.page === 'traces') {
    if (page.traces.choice !== 'slowest') q.set('choice', page.traces.choice);
    if (page.traces.last !== TRACES_LAST) q.set('last', String(page.traces.last));
  }
  if (page.page === 'live') for (const f of page.live.where) q.append('where', writeFilter(f));
  if (page.page === 'event') q.set('sequence', page.event.sequence);
  return q;
}

/** The page of an address; null when it names none of these, or one without what it is about. */
export function readLooking(q: URLSearchParams): Looking | null {
  const dataset = q.get('dataset') ?? '';
  if (q.get('page') === 'trace' && q.get('trace')) {
    const at = Date.parse(q.get('at') ?? '');
    return { page: 'trace', trace: { dataset, trace: q.get('trace')!, span: q.get('span') || null, at: Number.isNaN(at) ? null : at, find: q.get('find') ?? '', critical: q.get('critical') !== '0' } };
  }
  if (q.get('page') === 'traces' || q.get('page') === 'trace') {
    const last = Number(q.get('last'));
    return { page: 'traces', traces: { dataset, choice: CHOICES.find((c) => c === q.get('choice')) ?? 'slowest', last: Number.isInteger(last) && last > 0 && last <= LAST_MOST ? last : TRACES_LAST } };
  }
  if (q.get('page') === 'live') return { page: 'live', live: { dataset, where: q.getAll('where').map(readFilter).filter((f): f is Filter => f !== null) } };
  if (q.get('page') === 'event' && /^\d{1,20}$/.test(q.get('sequence') ?? '')) return { page: 'event', event: { dataset, sequence: q.get('sequence')! } };
  return null;
}

const HOUR = 3_600_000;

/** The query around a moment that clicks on values go on from: the last two hours while it lies in them, else an hour to
    either side. */
export function exploreAround(dataset: string, at: number, now: number): Explore {
  const fresh = now - at < 2 * HOUR && at <= now;
  const whole = Math.floor(at / 60_000) * 60_000;
  return { ...emptyExplore, dataset, range: fresh ? emptyExplore.range : { from: whole - HOUR, to: whole + HOUR } };
}

/** Live with one more filter; those it has stay. */
export const liveWith = (live: LiveLook, filter: Filter): LiveLook => ({ ...live, where: addFilter({ ...emptyExplore, where: live.where }, filter).where });

/** What somebody pasted, if it can be a trace's id: hexadecimal as OpenTelemetry writes them, or a UUID. */
export function traceIdIn(text: string): string | null {
  const id = text.trim();
  if (/^[0-9a-f]{16}$|^[0-9a-f]{32}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id.toLowerCase();
  const parent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/i.exec(id);
  return parent ? parent[1]!.toLowerCase() : null;
}
