// The URL is the state: what is written is read back, and what cannot be read is left out. And the changes of a page.
import { describe, expect, it } from 'vitest';
import { distance, nearest, rank } from './complete';
import { addCalculation, bound, canNarrow, groupBy, notThis, onlyThis, orderBy, removeCalculation, removeGroup, setRange, zoomOut } from './edit';
import { emptyExplore, type Explore } from './explore';
import { readCalculation, readFilter, readHaving, readList, readOrder, readScalar, writeFilter } from './grammar';
import { defaultShow, effectiveOrder, querySpec, times } from './spec';
import { decodePage, encodePage, frozen, type Page } from './url';

const page = (e: Partial<Explore>): Explore => ({ ...emptyExplore, dataset: 'shop', show: [{ op: 'COUNT' }], ...e });
const through = (e: Explore) => decodePage(encodePage({ page: 'explore', explore: e }));

describe('the URL', () => {
  it.each<[string, Partial<Explore>]>([
    ['nothing but a dataset', {}],
    ['calculations', { show: [{ op: 'HEATMAP', column: 'duration_ms' }, { op: 'COUNT' }, { op: 'P99', column: 'a (b) & c=d' }] }],
    ['filters of every kind', { where: [{ column: 'http.route', op: '=', value: 'POST /checkout' }, { column: 'n', op: '>=', value: 3 }, { column: 'n', op: '<', value: -1.5e-7 }, { column: 'flag', op: '!=', value: false }, { column: 'x', op: 'in', value: ['a', 1, true] }, { column: 'y', op: 'does-not-exist' }, { column: 'q', op: 'does-not-contain', value: '50 % "off" = yes' }] }],
    ['odd field names', { where: [{ column: 'my field = "x"', op: '=', value: '' }, { column: 'סוג', op: 'exists' }], by: ['a,b', 'c d', 'é'] }],
    ['an earlier time beside it', { compare: 86_400 }],
    ['right-to-left and newlines in values', { where: [{ column: 'q', op: '=', value: 'سماعات\nلاسلكية' }] }],
    ['numbers beyond 2^53 as text', { where: [{ column: 'id', op: '=', value: '9007199254740993' }] }],
    ['orders, havings, limit', { show: [{ op: 'COUNT' }, { op: 'P99', column: 'd ms' }], by: ['region'], orders: [{ op: 'P99', column: 'd ms', descending: true }, { column: 'region', descending: false }], havings: [{ op: 'COUNT', compare: '>', value: 100 }], limit: 500 }],
    ['absolute times', { range: { from: Date.UTC(2026, 10, 18, 1, 10), to: Date.UTC(2026, 10, 18, 3, 10, 0, 250) } }],
    ['view, tab, live, step, or', { view: 'stacked', tab: 'events', live: true, granularity: 30, combine: 'OR', range: { last: 600 } }],
  ])('keeps %s', (_, part) => expect(through(page(part))).toEqual({ page: 'explore', explore: page(part) }));

  it('is readable', () => expect(encodePage({ page: 'explore', explore: page({ show: [{ op: 'P99', column: 'duration_ms' }], where: [{ column: 'http.route', op: '=', value: '/cart' }] }) })).toBe('?dataset=shop&show=P99(duration_ms)&where=http.route+%3D+%22/cart%22&last=7200'));
  it('leaves out what it cannot read', () => {
    const read = decodePage('?dataset=shop&show=NONSENSE&show=P99&where=foo&where=a+%3D+1&limit=-3&last=abc&from=x&view=pie&tab=9') as { explore: Explore };
    expect(read.explore).toEqual({ ...emptyExplore, dataset: 'shop', where: [{ column: 'a', op: '=', value: 1 }] });
  });
  it('refuses a range that ends before it starts', () => expect((decodePage('?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z') as { explore: Explore }).explore.range).toEqual({ last: 7200 }));
  it.each<Page>([{ page: 'data', dataset: 'shop' }, { page: 'data', dataset: 'shop', part: 'settings' }])('knows the page of data %#', (data) => expect(decodePage(encodePage(data))).toEqual(data));
  it('freezes relative times for others', () => {
    const now = Date.UTC(2026, 10, 18, 3, 10, 0, 500);
    const shared = frozen({ page: 'explore', explore: page({ live: true }) }, now) as Extract<Page, { page: 'explore' }>;
    expect(shared.explore.range).toEqual({ from: now - 500 - 7_200_000, to: now - 500 });
    expect(shared.explore.live).toBe(false);
  });
});

describe('the grammar, as people type it', () => {
  it.each<[string, unknown]>([
    ['retry_count >= 3', { column: 'retry_count', op: '>=', value: 3 }],
    ['retry_count>=3', { column: 'retry_count', op: '>=', value: 3 }],
    ['region = eu-west-1', { column: 'region', op: '=', value: 'eu-west-1' }],
    ['region = "500"', { column: 'region', op: '=', value: '500' }],
    ['region in a, b', { column: 'region', op: 'in', value: ['a', 'b'] }],
    ['cart.id exists', { column: 'cart.id', op: 'exists' }],
    ['inside = 1', { column: 'inside', op: '=', value: 1 }],
    ['name contains-nothing', null],
    ['region =', null],
    ['region', null],
  ])('%s', (text, filter) => expect(readFilter(text)).toEqual(filter));
  it('reads what it writes', () => expect(readFilter(writeFilter({ column: 'a "b"', op: 'starts-with', value: 'x' }))).toEqual({ column: 'a "b"', op: 'starts-with', value: 'x' }));
  it('reads calculations loosely', () => {
    expect(readCalculation('p99 duration_ms')).toEqual({ op: 'P99', column: 'duration_ms' });
    expect(readCalculation('count')).toEqual({ op: 'COUNT' });
    expect(readCalculation('P99')).toBeNull();
    expect(readCalculation('NOSUCH(x)')).toBeNull();
  });
  it('reads orders and havings', () => {
    expect(readOrder('P99(duration_ms) desc')).toEqual({ op: 'P99', column: 'duration_ms', descending: true });
    expect(readOrder('region asc')).toEqual({ column: 'region', descending: false });
    expect(readHaving('COUNT > 100')).toEqual({ op: 'COUNT', compare: '>', value: 100 });
    expect(readHaving('COUNT > many')).toBeNull();
  });
  it('keeps large ids as text', () => {
    expect(readScalar('9007199254740993')).toBe('9007199254740993');
    expect(readScalar('42')).toBe(42);
    expect(readList('a, 2, true')).toEqual(['a', 2, true]);
  });
});

describe('changes', () => {
  it('only this replaces an older equality, and null means absence', () => {
    const e = onlyThis(onlyThis(page({}), 'region', 'a'), 'region', 'b');
    expect(e.where).toEqual([{ column: 'region', op: '=', value: 'b' }]);
    expect(onlyThis(page({}), 'region', null).where).toEqual([{ column: 'region', op: 'does-not-exist' }]);
    expect(notThis(page({}), 'region', null).where).toEqual([{ column: 'region', op: 'exists' }]);
  });
  it('what a click adds must hold, also where one filter was joined by or', () => {
    const one = page({ combine: 'OR', where: [{ column: 'a', op: '=', value: 1 }] });
    expect(onlyThis(one, 'region', 'b')).toMatchObject({ combine: 'AND', where: [{ column: 'a' }, { column: 'region' }] });
    expect([canNarrow(one), canNarrow({ ...one, where: [...one.where, ...one.where] })]).toEqual([true, false]);
  });
  it('bounds replace bounds of the same side', () => expect(bound(bound(bound(page({}), 'd', '>=', 1), 'd', '>=', 5), 'd', '<', 9).where).toEqual([{ column: 'd', op: '>=', value: 5 }, { column: 'd', op: '<', value: 9 }]));
  it('groups once', () => expect(groupBy(groupBy(page({}), 'region'), 'region').by).toEqual(['region']));
  it('takes orders with what they name', () => {
    const e = page({ show: [{ op: 'COUNT' }, { op: 'P99', column: 'd' }], by: ['region'], orders: [{ op: 'P99', column: 'd', descending: true }] });
    expect(removeCalculation(e, 1).orders).toEqual([]);
    expect(removeGroup({ ...e, orders: [{ column: 'region', descending: false }] }, 0).orders).toEqual([]);
    expect(removeCalculation(page({}), 0).show).toEqual([{ op: 'COUNT' }]);
    expect(addCalculation(e, { op: 'COUNT' })).toBe(e);
  });
  it('orders by a head: down, up, default', () => {
    const once = orderBy(page({}), { op: 'COUNT' });
    expect([once, orderBy(once, { op: 'COUNT' }), orderBy(orderBy(once, { op: 'COUNT' }), { op: 'COUNT' })].map((e) => e.orders[0]?.descending)).toEqual([true, false, undefined]);
  });
  it('zooms out around the middle', () => {
    expect(zoomOut(page({})).range).toEqual({ last: 14_400 });
    expect(zoomOut(page({ range: { from: 1000, to: 3000 } })).range).toEqual({ from: 0, to: 4000 });
  });
  it('ends live with absolute times', () => expect(setRange(page({ live: true }), { from: 1, to: 2 }).live).toBe(false));
});

describe('the spec', () => {
  it('has only keys of the contract', () => {
    const e = page({ show: [{ op: 'COUNT' }], where: [{ column: 'a', op: 'exists' }], by: ['b'], havings: [{ op: 'COUNT', compare: '>', value: 1 }], orders: [{ op: 'COUNT', descending: true }] });
    const spec = querySpec(e, times(e, Date.UTC(2026, 0, 1, 2)));
    expect(spec).toEqual({ calculations: [{ op: 'COUNT' }], filters: [{ column: 'a', op: 'exists' }], filter_combination: 'AND', breakdowns: ['b'], orders: [{ op: 'COUNT', order: 'descending' }], havings: [{ calculate_op: 'COUNT', op: '>', value: 1 }], limit: 100, start_time: '2026-01-01T00:00:00.000Z', end_time: '2026-01-01T02:00:00.000Z' });
  });
  it('opens with a heatmap when durations are known', () => {
    const field = (name: string, types: Record<string, number>) => ({ name, types, events: 10 }) as never;
    expect(defaultShow([field('duration_ms', { float: 10 })]).map((c) => c.op)).toEqual(['HEATMAP', 'COUNT', 'P99']);
    expect(defaultShow([field('db.latency', { integer: 10 })])[0]).toEqual({ op: 'HEATMAP', column: 'db.latency' });
    expect(defaultShow([field('duration_ms', { string: 10 })])).toEqual([{ op: 'COUNT' }]);
    expect(effectiveOrder(page({ show: [{ op: 'HEATMAP', column: 'd' }, { op: 'AVG', column: 'd' }] }))).toEqual({ op: 'AVG', column: 'd', descending: true });
  });
});

describe('completion', () => {
  it('ranks by prefix, then word start, then anywhere, then how common', () => {
    const names: [string, number][] = [['customer.tax_exempt', 9], ['tax.rate', 5], ['syntax', 99], ['tax.country', 8], ['cart.tax_total', 10], ['tax', 1]];
    expect(rank(names, 'tax', (n) => n[0], (n) => n[1]).map((r) => r.item[0])).toEqual(['tax', 'tax.country', 'tax.rate', 'cart.tax_total', 'customer.tax_exempt', 'syntax']);
    expect(rank(names, 'syn', (n) => n[0], () => 0)[0]).toMatchObject({ from: 0, to: 3 });
  });
  it('finds a near value', () => {
    expect(nearest('eu-west-l', ['us-east-1', 'eu-west-1'])).toBe('eu-west-1');
    expect(nearest('xyz', ['us-east-1'])).toBeNull();
    expect(distance('kitten', 'sitting')).toBe(3);
  });
});
