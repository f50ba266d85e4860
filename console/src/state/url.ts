// The URL is the state: encode and decode are pure, and opening a link elsewhere gives the same page.
//   /?dataset=shop&show=COUNT&show=P99(duration_ms)&where=region = "eu-west-1"&by=build_id&last=7200
// Parts that cannot be read are left out, never guessed; what does not belong to a page's answer (theme) is not here.
import type { Different, Span, Than } from './different';
import { emptyExplore, LIMIT_DEFAULT, LIMIT_MOST, LAST_DEFAULT, isLast, type Calculation, type Explore, type Filter, type Range, type Tab, type View } from './explore';
import { GROUPS, type Intents } from './intents';
import { datasetLooked, readLooking, writeLooking, type Looking } from './looking';
import { readCalculation, readFilter, readHaving, readMade, readOrder, writeCalculation, writeFilter, writeHaving, writeMade, writeOrder } from './grammar';

export type Page = { page: 'explore'; explore: Explore } | { page: 'different'; different: Different } | { page: 'data'; dataset: string; /** Its fields are shown without one. */ part?: 'settings' } | { page: 'settings' } | { page: 'boards' } | { page: 'board'; id: string; /** Instead of the board's own; null and empty where it is as it was made. */ range: Range | null; where: Filter[] } | { page: 'intents'; intents: Intents } | Looking;

/** The dataset a page is about; empty when its address names none. */
export function datasetOf(page: Page): string {
  if (page.page === 'settings' || page.page === 'boards' || page.page === 'board') return '';
  if (page.page === 'intents') return page.intents.dataset;
  if (page.page === 'data') return page.dataset;
  if (page.page === 'explore') return page.explore.dataset;
  return page.page === 'different' ? page.different.explore.dataset : datasetLooked(page);
}

const VIEWS: View[] = ['heatmap', 'lines', 'stacked', 'bars', 'number'];
const TABS: Tab[] = ['groups', 'events'];
const LAST_MOST = 315_360_000;
const iso = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z');

/** What the query string leaves readable although URLSearchParams would escape it. */
function readable(query: string): string {
  return query.replace(/%2F/g, '/').replace(/%3A/g, ':').replace(/%28/g, '(').replace(/%29/g, ')').replace(/%2C/g, ',');
}

export function encodePage(page: Page): string {
  const q = new URLSearchParams();
  if (page.page === 'settings' || page.page === 'boards') return `?page=${page.page}`;
  if (page.page === 'board') return `?${readable(writeBoard(page).toString())}`;
  if (page.page === 'intents') return `?${readable(writeIntents(page.intents).toString())}`;
  if (page.page === 'data') {
    q.set('page', 'data');
    if (page.dataset) q.set('dataset', page.dataset);
    if (page.part) q.set('part', page.part);
    return `?${readable(q.toString())}`;
  }
  if (page.page !== 'explore' && page.page !== 'different') return `?${readable(writeLooking(page).toString())}`;
  if (page.page === 'different') q.set('page', 'different');
  writeExplore(q, page.page === 'different' ? page.different.explore : page.explore);
  if (page.page === 'different') writePicked(q, page.different);
  return `?${readable(q.toString())}`;
}

function writeExplore(q: URLSearchParams, e: Explore) {
  if (e.dataset) q.set('dataset', e.dataset);
  for (const m of e.calculated) q.append('field', writeMade(m));
  for (const c of e.show) q.append(c.hidden ? 'using' : 'show', writeCalculation(c));
  for (const m of e.formulas) q.append('formula', writeMade(m));
  for (const f of e.where) q.append('where', writeFilter(f));
  if (e.combine === 'OR') q.set('combine', 'or');
  for (const column of e.by) q.append('by', column);
  for (const o of e.orders) q.append('order', writeOrder(o));
  for (const h of e.havings) q.append('having', writeHaving(h));
  if (e.limit !== LIMIT_DEFAULT) q.set('limit', String(e.limit));
  writeRange(q, e.range);
  if (e.granularity) q.set('step', String(e.granularity));
  if (e.compare) q.set('compare', String(e.compare));
  if (e.view) q.set('view', e.view);
  if (e.tab) q.set('tab', e.tab);
  if (e.live) q.set('live', '1');
}

function writeRange(q: URLSearchParams, range: Range) {
  if (isLast(range)) q.set('last', String(range.last));
  else {
    q.set('from', iso(range.from));
    q.set('to', iso(range.to));
  }
}

function writeIntents(i: Intents): URLSearchParams {
  const q = new URLSearchParams({ page: 'intents' });
  if (i.dataset) q.set('dataset', i.dataset);
  writeRange(q, i.range);
  if (i.only) q.set('only', i.only);
  if (i.sought) q.set('find', i.sought);
  if (i.open !== null) q.set('open', i.open);
  return q;
}

function writeBoard({ id, range, where }: Extract<Page, { page: 'board' }>): URLSearchParams {
  const q = new URLSearchParams({ page: 'board', board: id });
  if (range) writeRange(q, range);
  for (const f of where) q.append('where', writeFilter(f));
  return q;
}

const readIntents = (q: URLSearchParams): Intents => ({ dataset: q.get('dataset') ?? '', range: readRange(q), only: GROUPS.find((g) => g === q.get('only')) ?? null, sought: q.get('find') ?? '', open: q.get('open') });

function writePicked(q: URLSearchParams, { these, than, all }: Different) {
  for (const f of these.where) q.append('these', writeFilter(f));
  if (these.span) {
    q.set('these_from', iso(these.span.from));
    q.set('these_to', iso(these.span.to));
  }
  if (these.slow) q.set('slow', '1');
  if (than.kind === 'earlier') q.set('than', String(than.seconds));
  if (than.kind === 'where') for (const f of than.where) q.append('than_where', writeFilter(f));
  if (all) q.set('all', '1');
}

export function decodePage(search: string): Page {
  const q = new URLSearchParams(search);
  if (q.get('page') === 'settings') return { page: 'settings' };
  if (q.get('page') === 'boards') return { page: 'boards' };
  if (q.get('page') === 'board') return { page: 'board', id: q.get('board') ?? '', range: q.has('last') || q.has('from') ? readRange(q) : null, where: all(q, 'where', readFilter) };
  if (q.get('page') === 'intents') return { page: 'intents', intents: readIntents(q) };
  if (q.get('page') === 'data') return { page: 'data', dataset: q.get('dataset') ?? '', ...(q.get('part') === 'settings' ? { part: 'settings' as const } : {}) };
  const looking = readLooking(q);
  if (looking) return looking;
  const explore = readExplore(q);
  if (q.get('page') !== 'different') return { page: 'explore', explore };
  const picked = { where: all(q, 'these', readFilter), span: readSpan(q, 'these_from', 'these_to') };
  // A link that picks nothing is the query it came from.
  if (picked.where.length === 0 && !picked.span) return { page: 'explore', explore };
  return { page: 'different', different: { explore, these: { ...picked, slow: q.get('slow') === '1' }, than: readThan(q), all: q.get('all') === '1' } };
}

function all<T>(q: URLSearchParams, name: string, read: (text: string) => T | null): T[] {
  return q.getAll(name).map(read).filter((v): v is T => v !== null);
}

function readThan(q: URLSearchParams): Than {
  const seconds = whole(q.get('than'), 1, LAST_MOST);
  if (seconds) return { kind: 'earlier', seconds };
  const where = all(q, 'than_where', readFilter);
  return where.length > 0 ? { kind: 'where', where } : { kind: 'others' };
}

function readExplore(q: URLSearchParams): Explore {
  return {
    dataset: q.get('dataset') ?? '',
    calculated: all(q, 'field', readMade),
    show: readShow(q),
    formulas: all(q, 'formula', readMade),
    where: all(q, 'where', readFilter),
    combine: q.get('combine') === 'or' ? 'OR' : 'AND',
    by: q.getAll('by').filter(Boolean),
    orders: all(q, 'order', readOrder),
    havings: all(q, 'having', readHaving),
    limit: whole(q.get('limit'), 1, LIMIT_MOST) ?? LIMIT_DEFAULT,
    range: readRange(q),
    granularity: whole(q.get('step'), 1, 31_536_000),
    compare: whole(q.get('compare'), 1, LAST_MOST),
    view: VIEWS.find((v) => v === q.get('view')) ?? emptyExplore.view,
    tab: TABS.find((t) => t === q.get('tab')) ?? emptyExplore.tab,
    live: q.get('live') === '1',
  };
}

/** Calculations in their order, those that are only there for formulas among them. */
function readShow(q: URLSearchParams): Calculation[] {
  return [...q].flatMap(([key, text]) => {
    const c = key === 'show' || key === 'using' ? readCalculation(text) : null;
    return c ? [key === 'using' ? { ...c, hidden: true as const } : c] : [];
  });
}

function readRange(q: URLSearchParams): Range {
  return readSpan(q, 'from', 'to') ?? { last: whole(q.get('last'), 1, LAST_MOST) ?? LAST_DEFAULT };
}

function readSpan(q: URLSearchParams, start: string, end: string): Span | null {
  const from = Date.parse(q.get(start) ?? '');
  const to = Date.parse(q.get(end) ?? '');
  return from < to ? { from, to } : null;
}

function whole(text: string | null, least: number, most: number): number | null {
  const n = Number(text);
  return text !== null && Number.isInteger(n) && n >= least && n <= most ? n : null;
}

/** The same page with absolute times and without live: what *Copy link* hands on, so that the reader sees what the sender saw. */
export function frozen(page: Page, now: number): Page {
  const absolute = (e: Explore): Explore => {
    if (!isLast(e.range)) return e;
    const to = Math.floor(now / 1000) * 1000;
    return { ...e, live: false, range: { from: to - e.range.last * 1000, to } };
  };
  if (page.page === 'explore') return { page: 'explore', explore: absolute(page.explore) };
  if (page.page === 'intents') return { page: 'intents', intents: { ...page.intents, range: absolute({ ...emptyExplore, range: page.intents.range }).range } };
  return page.page === 'different' ? { page: 'different', different: { ...page.different, explore: absolute(page.different.explore) } } : page;
}
