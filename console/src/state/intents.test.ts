// Intents as the server answers them: shares now and before, by version and over time, what got worse beyond chance and with
// which version; and the words that say so.
import { describe, expect, it } from 'vitest';
import type { IntentItem } from '../api/types';
import { headlineOf, metWords, ninesPlace, pointsWords } from '../words/intents';
import { culprit, emptyIntents, fell, found, lineOf, type Line } from './intents';

const thin = (t: string | null) => t?.replaceAll('\u202f', ' ');
const counts = (events: number, unmet: number) => ({ events, unmet, met: events ? 1 - unmet / events : null });
const item = (name: string, state: IntentItem['state'], now: [number, number], before: [number, number], more: Partial<IntentItem> = {}): Line =>
  lineOf({ name, text: `Text of ${name}`, owner: 'Team', file: 'src/a.rs', line: 7, services: ['shop'], datasets: ['shop'], expectations: ['within 2 s'], state, now: counts(...now), before: counts(...before), change: null, versions: [], series: { events: [], unmet: [] }, declared: true, new: false, gone: false, ...more } as unknown as IntentItem);

const place = item('place', 'worse', [2000, 302], [2000, 4], { versions: [{ version: '2', ...counts(1000, 300) }, { version: '1', ...counts(1000, 2) }], series: { events: [1350, 650, 0], unmet: [2, 300, 0] } });
const search = item('search', 'holding', [5000, 0], [4991, 1], { text: '' });
const refund = item('refund', 'never_exercised', [0, 0], [0, 0], { file: 'refund.py' });
const lines = [place, search, refund];

describe('intents', () => {
  it('have counts now, before, by version and over time', () => {
    expect([place.now, place.before]).toEqual([{ met: 1698, all: 2000 }, { met: 1996, all: 2000 }]);
    expect(place.versions).toEqual([{ version: '2', now: { met: 700, all: 1000 } }, { version: '1', now: { met: 998, all: 1000 } }]);
    expect(place.over).toEqual([1348 / 1350, 350 / 650, null]);
    expect(search.text).toBe('search');
    expect(place.place).toEqual({ file: 'src/a.rs', line: 7 });
  });
  it('got worse with one version, where others hold', () => {
    expect(culprit(place)).toBe('2');
    expect(culprit({ ...place, versions: place.versions.slice(0, 1) })).toBeNull();
    expect(culprit(search)).toBeNull();
  });
  it('are found by text, name, owner and file', () => {
    expect(found(lines, { ...emptyIntents, sought: 'TEXT OF REF' }).map((l) => l.name)).toEqual(['refund']);
    expect(found(lines, { ...emptyIntents, sought: 'src/a', only: 'worse' }).map((l) => l.name)).toEqual(['place']);
  });
  it('tell chance from worse', () => {
    expect(fell({ met: 99, all: 100 }, { met: 100, all: 100 })).toBe(false);
    expect(fell({ met: 900, all: 1000 }, { met: 999, all: 1000 })).toBe(true);
    expect(fell({ met: 999, all: 1000 }, { met: 900, all: 1000 })).toBe(false);
    expect(fell({ met: 0, all: 0 }, { met: 9, all: 9 })).toBe(false);
    expect(fell({ met: 9, all: 9 }, { met: 9, all: 9 })).toBe(false);
  });
});

describe('words', () => {
  it.each([[0.8831, '88.3 %'], [0.99931, '99.93 %'], [0.999912, '99.991 %'], [0.987, '98.7 %'], [0.9941, '99.41 %'], [0.996, '99.6 %'], [0.5, '50 %'], [1, '100 %'], [0, '0 %'], [0.99999999, '99.999999 %'], [0.9999999999, '99.999999 %'], [0.99, '99 %'], [0.04, '4 %']])('met %s', (part, words) => expect(thin(metWords(part))).toBe(words));
  it('puts nines evenly apart', () => {
    const places = [0.9, 0.99, 0.999, 0.9999].map(ninesPlace);
    expect(places.slice(1).map((p, i) => p - places[i]!).every((d) => Math.abs(d - places[0]!) < 1e-9)).toBe(true);
    expect([ninesPlace(0), ninesPlace(1)]).toEqual([0, 1]);
  });
  it('says what got worse, and with what', () => {
    const headline = headlineOf(lines, 'the 2 hours before');
    expect(headline).toMatchObject({ version: '2', bold: 'one intent holds less often', rest: 'The other one holds.' });
    expect([thin(headline.first!.now), thin(headline.first!.before)]).toEqual(['84.9 %', '99.8 %']);
    expect(thin(pointsWords(place))).toBe('− 14.9 points');
    expect(pointsWords(refund)).toBeNull();
    expect(headlineOf([search], 'the 2 hours before').bold).toBe('The one intent that was exercised holds');
    expect(headlineOf([refund], 'x').bold).toBe('No intent was exercised in this time');
  });
});
