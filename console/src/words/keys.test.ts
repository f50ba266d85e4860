// What a key may do, in words and as typed.
import { expect, it } from 'vitest';
import { grantsWords, readDatasets } from './keys';

it('says what a key may do, and where', () => {
  expect(grantsWords([{ scope: 'query' }, { scope: 'ingest', datasets: ['shop', 'web'] }])).toBe('may ask everything and send to shop, web');
  expect(grantsWords([{ scope: 'ingest', datasets: null }])).toBe('may send to everything');
  expect(grantsWords([{ scope: 'query', datasets: ['shop'] }, { scope: 'admin' }])).toBe('may ask of shop and change what is kept');
  expect(grantsWords([{ scope: 'admin', datasets: ['shop'] }])).toBe('may change what is kept of shop');
});

it('reads a limit as it is typed', () => {
  expect(readDatasets(' shop, web shop ')).toEqual(['shop', 'web']);
  expect(readDatasets(' , ')).toBeNull();
});
