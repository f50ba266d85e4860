// Intents from answers: shares now and before, by version, over time; which got worse beyond chance, which were never
// exercised, are new or gone; and the words that say so.
import { describe, expect, it } from 'vitest';
import type { QueryAnswer, RowsAnswer } from '../api/types';
import { headlineOf, metWords, ninesPlace, pointsWords } from '../words/intents';
import { culprit, fell, found, emptyIntents, linesOf, unmetCounts } from './intents';

const thin = (t: string | null) => t?.replaceAll('\u202f', ' ');
const answer = (names: string[], rows: unknown[][], series?: (number | null)[][]) => ({ columns: names.map((name) => ({ name, type: 'string' })), rows, series: series ? { start: '', step_seconds: 60, buckets: 2, groups: series.map((COUNT, i) => ({ key: rows[i], values: { COUNT } })) } : null, stats: {} }) as unknown as QueryAnswer;
const COUNTS = ['intent.name', 'service.version', 'intent.met', 'COUNT'];
const SEEN = ['intent.name', 'intent.text', 'intent.owner', 'service.name', 'code.file.path', 'code.line.number', 'COUNT'];
const DECLARED = ['timestamp', 'intent.name', 'intent.text', 'intent.owner', 'intent.expectations', 'service.name', 'service.version', 'code.file.path', 'code.line.number'];
const declared = (rows: [string, string, string][]) => answer(DECLARED, rows.map(([time, name, version]) => [time, name, `Text of ${name}`, 'Team', 'within 2 s; no error', 'shop', version, 'src/a.rs', 7])) as unknown as RowsAnswer;

const told = {
  now: answer(COUNTS, [['place', '2', true, 700], ['place', '2', false, 300], ['place', '1', true, 998], ['place', '1', false, 2], ['search', '1', true, 5000]], [[350, 350], [0, 300], [998, 0], [2, 0], [2500, 2500]]),
  before: answer(COUNTS, [['place', '1', true, 1996], ['place', '1', false, 4], ['search', '1', true, 4990], ['search', '1', false, 1]]),
  seen: answer(SEEN, [['place', 'Place the order', 'Checkout', 'shop', 'src/order.rs', 118, 9000], ['place', 'Older text', null, 'shop', null, null, 1], ['search', 'Search', null, 'shop', null, null, 1], ['old', 'Old', null, 'shop', null, null, 5]]),
  declared: declared([['2026-11-20T02:00:00Z', 'place', '2'], ['2026-11-20T02:00:00Z', 'refund', '2'], ['2026-11-20T02:00:00Z', 'fresh', '2'], ['2026-11-19T00:00:00Z', 'place', '1'], ['2026-11-19T00:00:00Z', 'refund', '1'], ['2026-11-19T00:00:00Z', 'old', '1'], ['2026-11-18T00:00:00Z', 'search', '2']]),
};
const lines = linesOf(told);
const line = (name: string) => lines.find((l) => l.name === name)!;

describe('intents', () => {
  it('groups them, what got worse first', () => {
    expect(lines.map((l) => `${l.group} ${l.name}`)).toEqual(['worse place', 'holding search', 'never fresh', 'never refund', 'gone old']);
  });
  it('counts now, before, by version and over time', () => {
    const place = line('place');
    expect([place.now, place.before]).toEqual([{ met: 1698, all: 2000 }, { met: 1996, all: 2000 }]);
    expect(place.versions.map((v) => [v.version, v.now.all, v.before.all])).toEqual([['2', 1000, 0], ['1', 1000, 2000]]);
    expect(place.over).toEqual([1348 / 1350, 350 / 650]);
    expect(culprit(place)).toBe('2');
    expect(culprit(line('search'))).toBeNull();
  });
  it('has the words of the newest declaration, and its place', () => {
    expect(line('place')).toMatchObject({ text: 'Text of place', owner: 'Team', place: { file: 'src/a.rs', line: 7 }, expectations: ['within 2 s', 'no error'] });
    expect(line('refund').declared).toEqual({ first: Date.parse('2026-11-19T00:00:00Z'), last: Date.parse('2026-11-20T02:00:00Z'), version: '2' });
  });
  it('calls new what only the newest version declares and somebody exercised', () => {
    const now = answer(COUNTS, [['fresh', '2', true, 3]], [[1, 2]]);
    expect(linesOf({ ...told, now }).find((l) => l.name === 'fresh')!.group).toBe('new');
  });
  it('finds by text, name, owner and file', () => {
    expect(found(lines, { ...emptyIntents, sought: 'TEXT OF REF' }).map((l) => l.name)).toEqual(['refund']);
    expect(found(lines, { ...emptyIntents, sought: 'src/a', only: 'never' }).map((l) => l.name)).toEqual(['fresh', 'refund']);
  });
  it('tells chance from worse', () => {
    expect(fell({ met: 99, all: 100 }, { met: 100, all: 100 })).toBe(false);
    expect(fell({ met: 900, all: 1000 }, { met: 999, all: 1000 })).toBe(true);
    expect(fell({ met: 999, all: 1000 }, { met: 900, all: 1000 })).toBe(false);
    expect(fell({ met: 0, all: 0 }, { met: 9, all: 9 })).toBe(false);
    expect(fell({ met: 9, all: 9 }, { met: 9, all: 9 })).toBe(false);
  });
  it('adds up what is unmet, where an event names several', () => {
    expect(unmetCounts(answer(['intent.unmet', 'COUNT'], [['within 2 s', 10], ['charged once; within 2 s', 2], [null, 1]]))).toEqual([{ name: 'within 2 s', events: 12 }, { name: 'charged once', events: 2 }]);
  });
});

describe('words', () => {
  it.each([[0.8831, '88.3 %'], [0.99931, '99.93 %'], [0.999912, '99.991 %'], [0.987, '98.7 %'], [0.9941, '99.41 %'], [0.996, '99.6 %'], [0.5, '50 %'], [1, '100 %'], [0, '0 %'], [0.99999999, '99.999999 %'], [0.9999999999, '99.999999 %'], [0.99, '99 %'], [0.04, '4 %']])('met %s', (part, words) => expect(thin(metWords(part))).toBe(words));
  it('puts nines evenly apart', () => {
    const places = [0.9, 0.99, 0.999, 0.9999].map(ninesPlace);
    expect(places.slice(1).map((p, i) => p - places[i]!).every((d) => Math.abs(d - places[0]!) < 1e-9)).toBe(true);
    expect([ninesPlace(0), ninesPlace(1)]).toEqual([0, 1]);
  });
  it('says what got worse, since what', () => {
    const headline = headlineOf(lines, 'the 2 hours before');
    expect(headline).toMatchObject({ since: '2', bold: 'one intent holds less often', rest: 'The other one holds.' });
    expect([thin(headline.first!.now), thin(headline.first!.before)]).toEqual(['84.9 %', '99.8 %']);
    expect(thin(pointsWords(line('place')))).toBe('− 14.9 points');
    expect(pointsWords(line('refund'))).toBeNull();
    expect(headlineOf([line('search')], 'the 2 hours before').bold).toBe('The one intent that was exercised holds');
    expect(headlineOf([line('refund')], 'x').bold).toBe('No intent was exercised in this time');
  });
});
