// Numbers, times and values as console.md, "Numbers", writes them.
import { describe, expect, it } from 'vitest';
import { troubleOfWarning } from './errors';
import { bytes, count, decimal, duration, share } from './numbers';
import { ago, clock, DAY, HOUR, lastSentence, lastWords, MINUTE, moment, span, timeTicks } from './times';
import { columnWriter, unitOfCalculation, unitOfField, withUnit } from './units';
import { cut, keyText, typeWords, valueText, visible } from './values';

const thin = (text: string) => text.replaceAll('\u202f', ' ');

describe('numbers', () => {
  it.each([[0, '0'], [7, '7'], [6214, '6,214'], [99_999, '99,999'], [100_000, '100 k'], [402_113, '402 k'], [999_499, '999 k'], [999_500, '1 M'], [48_200_000, '48.2 M'], [1_200_000_000, '1.2 G'], [3e12, '3 T'], [-5000, '-5,000'], [2.5, '2.5']])('count %s', (n, text) => expect(thin(count(n))).toBe(text));
  it.each([[0, '0 %'], [0.0004, 'under 0.1 %'], [0.001, '0.1 %'], [0.0257, '2.6 %'], [0.0999, '9.9 %'], [0.1, '10 %'], [0.257, '26 %'], [0.9999, '99 %'], [1, '100 %']])('share %s is never all or none by rounding', (n, text) => expect(thin(share(n))).toBe(text));
  it.each([[0, '0 ms'], [0.0005, '500 ns'], [0.084, '84 µs'], [0.9996, '1 ms'], [138.4, '138 ms'], [999.6, '1 s'], [4860, '4.86 s'], [59_940, '59.9 s'], [59_960, '1 min'], [200_000, '3 min 20 s'], [7_500_000, '2 h 5 min'], [180_000_000, '2 d 2 h']])('duration %s', (n, text) => expect(thin(duration(n))).toBe(text));
  it.each([[0, '0 B'], [812, '812 B'], [65_536, '64 KiB'], [1_503_238_553, '1.4 GiB']])('bytes %s', (n, text) => expect(thin(bytes(n))).toBe(text));
  it.each([[0, '0'], [0.12345, '0.123'], [12.5, '12.5'], [1234.56, '1,234.6'], [45_678.9, '45,679'], [1e-9, '1.00e-9']])('decimal %s', (n, text) => expect(decimal(n)).toBe(text));
});

describe('units', () => {
  it('are read from names', () => {
    expect(unitOfField('duration_ms')).toEqual({ kind: 'duration', toMs: 1 });
    expect(unitOfField('http.request.elapsed.seconds')).toEqual({ kind: 'duration', toMs: 1000 });
    expect(unitOfField('payload.bytes')).toEqual({ kind: 'bytes' });
    expect(unitOfField('terms')).toEqual({ kind: 'plain' });
    expect(unitOfCalculation('COUNT_DISTINCT', 'duration_ms')).toEqual({ kind: 'count' });
  });
  it('write short in heads and alike in columns', () => {
    expect(thin(withUnit(4312, unitOfField('duration_ms')))).toBe('4.31 s');
    const write = columnWriter([4312.4, 31.25], unitOfField('duration_ms'));
    expect([4312.4, 31.25].map(write).map(thin)).toEqual(['4,312 ms', '31.3 ms']);
    expect(columnWriter([402_113], { kind: 'count' })(402_113)).toBe('402,113');
  });
});

describe('times', () => {
  const now = Date.UTC(2026, 10, 18, 3, 10);
  it('show seconds and dates only where they tell', () => {
    expect(clock(now - 24 * MINUTE)).toBe('02:46');
    expect(clock(now, 1000)).toBe('03:10:00');
    expect(clock(now + 7, 1)).toBe('03:10:00.007');
    expect(moment(now - DAY, now)).toBe('17 Nov 03:10');
    expect(moment(now - 400 * DAY, now)).toBe('14 Oct 2025 03:10');
  });
  it('name the zone once', () => {
    expect(span(now - 2 * HOUR, now, now)).toBe('01:10 – 03:10 UTC');
    expect(span(now - DAY, now, now)).toBe('17 Nov 03:10 – 18 Nov 03:10 UTC');
    expect(span(now - 2 * MINUTE, now, now)).toBe('03:08:00 – 03:10:00 UTC');
  });
  it('say ranges', () => {
    expect([7200, 1800, 604_800, 45, 86_400].map(lastWords).map(thin)).toEqual(['Last 2 h', 'Last 30 min', 'Last 7 d', 'Last 45 s', 'Last 24 h']);
    expect([7200, 3600, 172_800].map(lastSentence)).toEqual(['the last 2 hours', 'the last hour', 'the last 2 days']);
    expect(thin(ago(now - 12_000, now))).toBe('12 s ago');
  });
  it('put ticks at round times, apart from each other', () => {
    const ticks = timeTicks(now - 2 * HOUR, now, 1200);
    expect(ticks.map((t) => t.text)).toEqual(['01:10', '01:20', '01:30', '01:40', '01:50', '02:00', '02:10', '02:20', '02:30', '02:40', '02:50', '03:00', '03:10']);
    expect(timeTicks(now - 2 * DAY, now, 600).map((t) => t.text)).toEqual(['12:00', '17 Nov', '12:00', '18 Nov']);
    expect(timeTicks(now, now, 600)).toEqual([]);
  });
});

describe('values', () => {
  it('are cut where it hurts least', () => {
    expect(cut('b-0035+hotfix.20261118T221904Z.dirty-6f2c0ad91be74c0f8d5a', 28)).toBe('b-0035+hotfix.2…1be74c0f8d5a');
    expect(cut('/var/lib/outcrop/segments/0001', 12)).toBe('…gments/0001');
    expect(cut('a sentence with words in it', 12)).toBe('a sentence …');
    expect(cut('short', 12)).toBe('short');
    expect(cut('😀'.repeat(12), 12)).toBe('😀'.repeat(12));
    expect([...cut('😀'.repeat(13), 12)].length).toBe(12);
    expect(cut('x'.repeat(65_536), 12)).toHaveLength(12);
    expect([...cut('سماعات لاسلكية جديدة', 10)].length).toBe(10);
  });
  it('tell nothing from empty and show control characters', () => {
    expect(valueText(null)).toBe('no value');
    expect(valueText('')).toBe('""');
    expect(valueText(false)).toBe('false');
    expect(visible('a\u0007b\n')).toBe('a␇b␊');
    expect(keyText([])).toBe('all');
    expect(keyText(['b-0037', null])).toBe('b-0037 no value');
  });
  it('name types in words, most common first', () => {
    expect(typeWords({ string: 3, integer: 120 })).toBe('number, text');
    expect(typeWords({ integer: 1, float: 4 })).toBe('number');
    expect(typeWords({ boolean: 1 })).toBe('yes or no');
  });
});

describe('warnings', () => {
  it('say what would mend them', () => {
    const unknown = troubleOfWarning({ code: 'unknown_field', field: 'durr', similar: ['dur'] }, 'shop');
    expect([unknown.headline, unknown.advice, unknown.field, unknown.instead]).toEqual(['There is no field durr in shop.', 'The closest is dur.', 'durr', 'dur']);
    const damaged = troubleOfWarning({ code: 'damaged_segment', dataset: 'shop', segments: 1, events: 5, message: 'up to 5 events are missing: put them back' }, '*');
    expect([damaged.headline, damaged.advice, damaged.field]).toEqual(['Part of shop cannot be read.', 'Up to 5 events are missing: put them back.', null]);
  });
});
