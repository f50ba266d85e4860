// Events as they arrive, newest first: a list with an end, and what waits while somebody reads. Pure.
import type { EventAnswer } from '../api/types';
import type { Value } from '../words/values';

export type Tailed = { sequence: string; time: string; values: Map<string, Value> };
export type Tail = { events: Tailed[]; waiting: Tailed[]; /** Waited longer than there was room. */ forgotten: number; /** Left out by the server, because this reader was slow. */ dropped: number; seen: number; newest: string | null };

/** As many lines as somebody can want to scroll back; a page left open must not grow. */
export const EVENTS_MOST = 2000;
export const WAITING_MOST = 2000;
export const NOTHING_TAILED: Tail = { events: [], waiting: [], forgotten: 0, dropped: 0, seen: 0, newest: null };

/** What arrived, oldest first; while held it waits, and what is on the screen stays. */
export function taken(tail: Tail, arrived: Tailed[], held: boolean): Tail {
  if (arrived.length === 0) return tail;
  const newest = arrived[arrived.length - 1]!.sequence;
  const fresh = [...arrived].reverse();
  const base = { ...tail, seen: tail.seen + arrived.length, newest };
  if (!held) return { ...base, events: [...fresh, ...tail.events].slice(0, EVENTS_MOST) };
  const waiting = [...fresh, ...tail.waiting];
  return { ...base, waiting: waiting.slice(0, WAITING_MOST), forgotten: tail.forgotten + Math.max(0, waiting.length - WAITING_MOST) };
}

export const released = (tail: Tail): Tail => (tail.waiting.length === 0 ? tail : { ...tail, events: [...tail.waiting, ...tail.events].slice(0, EVENTS_MOST), waiting: [] });

/** One event of the stream; null for what is none. */
export function readTailed(data: string): Tailed | null {
  try {
    const { sequence, timestamp, fields } = JSON.parse(data) as Partial<EventAnswer>;
    if (sequence === undefined || timestamp === undefined || !fields) return null;
    return { sequence: String(sequence), time: timestamp, values: new Map(Object.entries(fields).filter(([, value]) => value !== null)) };
  } catch {
    return null;
  }
}
