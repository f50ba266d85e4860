// The list of live events: bounded, newest on top, resting while somebody reads.
import { describe, expect, it } from 'vitest';
import { EVENTS_MOST, NOTHING_TAILED, readTailed, released, taken, WAITING_MOST, type Tailed } from './tail';

const some = (from: number, count: number): Tailed[] => Array.from({ length: count }, (_, i) => ({ sequence: String(from + i), time: '2026-11-18T00:00:00Z', values: new Map() }));
const numbers = (list: Tailed[]) => list.map((e) => Number(e.sequence));

describe('live events', () => {
  it('stand newest first and no more than there is room for', () => {
    const tail = taken(taken(NOTHING_TAILED, some(1, 3), false), some(4, EVENTS_MOST), false);
    expect(numbers(tail.events).slice(0, 2)).toEqual([EVENTS_MOST + 3, EVENTS_MOST + 2]);
    expect([tail.events.length, tail.seen, tail.newest]).toEqual([EVENTS_MOST, EVENTS_MOST + 3, String(EVENTS_MOST + 3)]);
  });
  it('wait while somebody reads, count what there was no room for, and come when told', () => {
    const reading = taken(taken(NOTHING_TAILED, some(1, 2), false), some(3, WAITING_MOST + 5), true);
    expect([numbers(reading.events), reading.waiting.length, reading.forgotten]).toEqual([[2, 1], WAITING_MOST, 5]);
    const after = released(reading);
    expect([after.waiting.length, after.events.length, numbers(after.events)[0]]).toEqual([0, EVENTS_MOST, WAITING_MOST + 7]);
    expect(released(after)).toBe(after);
  });
  it('are read without what has no value, and not at all when torn', () => {
    expect(readTailed('{"dataset":"shop","sequence":7,"timestamp":"t","fields":{"a":1,"b":null,"c":"x"}}')).toEqual({ sequence: '7', time: 't', values: new Map<string, unknown>([['a', 1], ['c', 'x']]) });
    expect([readTailed('{"a":'), readTailed('3'), readTailed('{"sequence":1,"timestamp":"t"}')]).toEqual([null, null, null]);
  });
});
