// What a key may do, in words and as typed.
import { expect, it } from 'vitest';
import { grantsWords, limitsWords, readDatasets } from './keys';

it('says what a key may do, and where', () => {
  expect(grantsWords([{ scope: 'query' }, { scope: 'ingest', datasets: ['shop', 'web'] }])).toBe('may ask everything and send to shop, web');
  expect(grantsWords([{ scope: 'ingest', datasets: null }])).toBe('may send to everything');
  expect(grantsWords([{ scope: 'query', datasets: ['shop'] }, { scope: 'admin' }])).toBe('may ask of shop and change what is kept');
  expect(grantsWords([{ scope: 'admin', datasets: ['shop'] }])).toBe('may change what is kept of shop');
});

it('says how much may be had in a second, where there is a limit', () => {
  expect(limitsWords({ requests_per_second: 20, events_per_second: 5000 })).toBe('at most 20 requests and 5,000 events a second');
  expect(limitsWords({ requests_per_second: null, events_per_second: 1 })).toBe('at most 1 events a second');
  expect(limitsWords({ requests_per_second: null, events_per_second: null })).toBeNull();
});

it('reads a limit as it is typed', () => {
  expect(readDatasets(' shop, web shop ')).toEqual(['shop', 'web']);
  expect(readDatasets(' , ')).toBeNull();
});
