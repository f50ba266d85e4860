// Addresses of the pages that look at events, what a pasted id is, and the query that clicks go on from.
import { describe, expect, it } from 'vitest';
import { exploreAround, liveWith, traceIdIn, traceLook, type Looking } from './looking';
import { datasetOf, decodePage, encodePage } from './url';

describe('addresses', () => {
  it.each<[string, Looking]>([
    ['a trace', { page: 'trace', trace: traceLook('shop', '7f3a91c2e04b6d5fa8830bb1c94fd18e') }],
    ['a span in it, what is sought, no path', { page: 'trace', trace: { dataset: 'shop', trace: 'a b/&', span: '91bd', at: Date.UTC(2026, 10, 18), find: 'tax = 18 & more', critical: false } }],
    ['the choice of traces', { page: 'traces', traces: { dataset: 'shop', choice: 'failed', last: 86_400 } }],
    ['live events', { page: 'live', live: { dataset: 'shop', where: [{ column: 'http.route', op: '=', value: '/cart' }, { column: 'n', op: '>=', value: 3 }] } }],
    ['one event', { page: 'event', event: { dataset: 'shop', sequence: '18446744073709551615' } }],
  ])('keep %s', (_, page) => {
    expect(decodePage(encodePage(page))).toEqual(page);
    expect(datasetOf(page)).toBe('shop');
  });
  it('without what they are about are the page where it is chosen, or Explore', () => {
    expect(decodePage('?page=trace&dataset=shop').page).toBe('traces');
    expect(decodePage('?page=event&dataset=shop&sequence=-1').page).toBe('explore');
    expect(decodePage('?page=traces&choice=best&last=x')).toEqual({ page: 'traces', traces: { dataset: '', choice: 'slowest', last: 7200 } });
  });
});

it.each([
  [' 7F3A91C2E04B6D5FA8830BB1C94FD18E\n', '7f3a91c2e04b6d5fa8830bb1c94fd18e'],
  ['a8830bb1c94fd18e', 'a8830bb1c94fd18e'],
  ['00-7f3a91c2e04b6d5fa8830bb1c94fd18e-91bd0e7f2a6c4d35-01', '7f3a91c2e04b6d5fa8830bb1c94fd18e'],
  ['5d1c7a4e-9f00-4bfa-8a51-0b9f0a3d2c11', '5d1c7a4e-9f00-4bfa-8a51-0b9f0a3d2c11'],
  ['eu-west-1', null],
  ['12345678', null],
])('%s is the trace %s', (text, id) => expect(traceIdIn(text)).toBe(id));

it('clicks go on around the moment', () => {
  const now = Date.UTC(2026, 10, 18, 12);
  expect(exploreAround('shop', now - 3_000_000, now).range).toEqual({ last: 7200 });
  expect(exploreAround('shop', now - 90_000_000, now).range).toEqual({ from: now - 93_600_000, to: now - 86_400_000 });
});

it('live takes a filter once', () => {
  const filter = { column: 'a', op: '=', value: 1 };
  expect(liveWith(liveWith({ dataset: 'shop', where: [] }, filter), filter).where).toEqual([filter]);
});
