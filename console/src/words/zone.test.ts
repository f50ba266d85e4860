// Times in another zone than UTC: the offset that counts at each moment, both ways, over the days on which clocks change.
import { afterEach, expect, it } from 'vitest';
import { clock, day, moment, readTyped, span, timeTicks, typed } from './times';
import { isZone, momentOf, offsetAt, setZone, UTC, zoneWords } from './zone';

afterEach(() => setZone(UTC));
const at = (text: string) => Date.parse(text);

it('writes times of the zone, and names it once', () => {
  setZone('Asia/Kolkata');
  expect(clock(at('2026-11-20T02:31:00Z'))).toBe('08:01');
  expect(day(at('2026-11-20T20:00:00Z'))).toBe('21 Nov');
  expect(span(at('2026-11-20T01:10:00Z'), at('2026-11-20T03:10:00Z'), at('2026-11-20T03:10:00Z'))).toBe('06:40 – 08:40 Kolkata');
  expect(moment(at('2026-11-19T19:00:00Z'), at('2026-11-20T03:10:00Z'))).toBe('00:30');
});

it('has the offset of the moment, not of today', () => {
  setZone('Europe/Berlin');
  expect(offsetAt(at('2026-03-29T00:59:59Z'))).toBe(3_600_000);
  expect(offsetAt(at('2026-03-29T01:00:00Z'))).toBe(7_200_000);
});

it('reads what it writes, on days on which clocks change too', () => {
  setZone('Europe/Berlin');
  for (let t = at('2026-03-28T00:00:00Z'); t < at('2026-03-30T12:00:00Z'); t += 1_800_000) expect(readTyped(typed(t))).toBe(t);
  // An hour that comes twice is the first; one that is left out is read by the clocks before.
  expect(readTyped('2026-10-25 02:30')).toBe(at('2026-10-25T00:30:00Z'));
  expect(readTyped('2026-03-29 02:30')).toBe(at('2026-03-29T01:30:00Z'));
  expect(readTyped('2026-11-20')).toBe(at('2026-11-19T23:00:00Z'));
  expect(readTyped('soon')).toBeNaN();
});

it('puts ticks on round times of the zone', () => {
  setZone('Asia/Kathmandu');
  expect(timeTicks(at('2026-11-20T00:00:00Z'), at('2026-11-20T02:00:00Z'), 400).map((t) => t.text)).toEqual(['06:00', '06:30', '07:00', '07:30']);
});

it('stays with UTC when a zone is unknown', () => {
  setZone('Mars/Olympus');
  expect([zoneWords(), offsetAt(0), momentOf(5), isZone('Mars/Olympus')]).toEqual(['UTC', 0, 5, false]);
});
