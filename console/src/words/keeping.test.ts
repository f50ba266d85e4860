// Ages, sizes and times as people type them, and what is said of keeping and deleting.
import { expect, it } from 'vitest';
import type { TaskInfo } from '../api/types';
import { keepWords, readAge, readBytes, readTime, taskWords, writeAge, writeBytes } from './keeping';

it.each([['90 days', 7_776_000], ['1d', 86_400], ['12 h', 43_200], ['2w', 1_209_600], ['', null], ['soon', undefined], ['0 days', undefined], ['90', undefined]])('%s is an age of %s seconds', (text, seconds) => expect(readAge(text)).toBe(seconds));
it.each([['20 GiB', 21_474_836_480], ['500mb', 500_000_000], ['1.5 MiB', 1_572_864], ['', null], ['large', undefined], ['0 GB', undefined]])('%s is a size of %s bytes', (text, size) => expect(readBytes(text)).toBe(size));
it.each([60, 5400, 86_400, 86_401, 7_776_000])('an age of %s is read as it was written', (s) => expect(readAge(writeAge(s))).toBe(s));
it.each([1, 1024, 500_000_000, 21_474_836_480])('a size of %s is read as it was written', (n) => expect(readBytes(writeBytes(n))).toBe(n));
it.each([['2026-11-18', Date.UTC(2026, 10, 18)], ['2026-11-18 02:46', Date.UTC(2026, 10, 18, 2, 46)], ['2026-11-18T02:46:30Z', Date.UTC(2026, 10, 18, 2, 46, 30)], ['', null], ['yesterday', undefined], ['2026-13-40', undefined]])('%s is the time %s', (text, time) => expect(readTime(text)).toBe(time));

it('says how long things are kept', () => {
  expect(keepWords({})).toBe('Everything is kept.');
  expect(keepWords({ age_seconds_max: 2_592_000 })).toBe('Events are kept for 30 days.');
  expect(keepWords({ age_seconds_max: 86_400, bytes_max: 1024 ** 3 }).replace(/\u202f/g, ' ')).toBe('Events are kept for 1 day and up to 1 GiB, the newest.');
});

it('says how a deletion goes', () => {
  const task: TaskInfo = { id: '1', kind: 'deletion', dataset: 'shop', state: 'running', stage: 'finding', matching: 12, created: '' };
  expect([taskWords(task), taskWords({ ...task, state: 'done', removed: 1 }), taskWords({ ...task, state: 'failed', error: 'the disk is full' }), taskWords({ ...task, state: 'cancelled' })]).toEqual(['Deleting 12 events: finding them.', '1 event deleted.', 'Not deleted: the disk is full.', 'Cancelled; nothing was deleted.']);
});
