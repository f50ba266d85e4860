// The URL is the state: encode and decode are pure, and opening a link elsewhere gives the same page.
//   /?dataset=shop&show=COUNT&show=P99(duration_ms)&where=region = "eu-west-1"&by=build_id&last=7200
// Parts that cannot be read are left out, never guessed; what does not belong to a page's answer (theme) is not here.
import { emptyExplore, LIMIT_DEFAULT, LIMIT_MOST, LAST_DEFAULT, isLast, type Explore, type Range, type Tab, type View } from './explore';
import { readCalculation, readFilter, readHaving, readOrder, writeCalculation, writeFilter, writeHaving, writeOrder } from './grammar';

export type Page = { page: 'explore'; explore: Explore } | { page: 'data'; dataset: string };

const VIEWS: View[] = ['heatmap', 'lines', 'stacked', 'bars', 'number'];
const TABS: Tab[] = ['groups', 'events'];
const iso = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z');

/** What the query string leaves readable although URLSearchParams would escape it. */
function readable(query: string): string {
  return query.replace(/%2F/g, '/').replace(/%3A/g, ':').replace(/%28/g, '(').replace(/%29/g, ')').replace(/%2C/g, ',');
}

export function encodePage(page: Page): string {
  const q = new URLSearchParams();
  if (page.page === 'data') {
    q.set('page', 'data');
    if (page.dataset) q.set('dataset', page.dataset);
    return `?${readable(q.toString())}`;
  }
  const e = page.explore;
  if (e.dataset) q.set('dataset', e.dataset);
  for (const c of e.show) q.append('show', writeCalculation(c));
  for (const f of e.where) q.append('where', writeFilter(f));
  if (e.combine === 'OR') q.set('combine', 'or');
  for (const column of e.by) q.append('by', column);
  for (const o of e.orders) q.append('order', writeOrder(o));
  for (const h of e.havings) q.append('having', writeHaving(h));
  if (e.limit !== LIMIT_DEFAULT) q.set('limit', String(e.limit));
  if (isLast(e.range)) q.set('last', String(e.range.last));
  else {
    q.set('from', iso(e.range.from));
    q.set('to', iso(e.range.to));
  }
  if (e.granularity) q.set('step', String(e.granularity));
  if (e.view) q.set('view', e.view);
  if (e.tab) q.set('tab', e.tab);
  if (e.live) q.set('live', '1');
  return `?${readable(q.toString())}`;
}

export function decodePage(search: string): Page {
  const q = new URLSearchParams(search);
  if (q.get('page') === 'data') return { page: 'data', dataset: q.get('dataset') ?? '' };
  const all = <T>(name: string, read: (text: string) => T | null) => q.getAll(name).map(read).filter((v): v is T => v !== null);
  return {
    page: 'explore',
    explore: {
      dataset: q.get('dataset') ?? '',
      show: all('show', readCalculation),
      where: all('where', readFilter),
      combine: q.get('combine') === 'or' ? 'OR' : 'AND',
      by: q.getAll('by').filter(Boolean),
      orders: all('order', readOrder),
      havings: all('having', readHaving),
      limit: whole(q.get('limit'), 1, LIMIT_MOST) ?? LIMIT_DEFAULT,
      range: readRange(q),
      granularity: whole(q.get('step'), 1, 31_536_000),
      view: VIEWS.find((v) => v === q.get('view')) ?? emptyExplore.view,
      tab: TABS.find((t) => t === q.get('tab')) ?? emptyExplore.tab,
      live: q.get('live') === '1',
    },
  };
}

function readRange(q: URLSearchParams): Range {
  const from = Date.parse(q.get('from') ?? '');
  const to = Date.parse(q.get('to') ?? '');
  if (from < to) return { from, to };
  return { last: whole(q.get('last'), 1, 315_360_000) ?? LAST_DEFAULT };
}

function whole(text: string | null, least: number, most: number): number | null {
  const n = Number(text);
  return text !== null && Number.isInteger(n) && n >= least && n <= most ? n : null;
}

/** The same page with absolute times and without live: what *Copy link* hands on, so that the reader sees what the sender saw. */
export function frozen(page: Page, now: number): Page {
  if (page.page !== 'explore' || !isLast(page.explore.range)) return page;
  const to = Math.floor(now / 1000) * 1000;
  return { page: 'explore', explore: { ...page.explore, live: false, range: { from: to - page.explore.range.last * 1000, to } } };
}
