// Times as people read them, in the chosen zone, and the ticks of a time axis. The present moment is an argument.
import { NNBSP } from './numbers';
import { momentOf, offsetAt, zoneWords } from './zone';

const two = (n: number) => String(n).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A moment moved so that its UTC parts are those of the zone. */
const wall = (ms: number) => ms + offsetAt(ms);

export function clock(ms: number, stepMs = MINUTE): string {
  const t = new Date(wall(ms));
  const head = `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`;
  if (stepMs >= MINUTE) return head;
  const seconds = `${head}:${two(t.getUTCSeconds())}`;
  return stepMs >= 1000 ? seconds : `${seconds}.${String(t.getUTCMilliseconds()).padStart(3, '0')}`;
}

export function day(ms: number, withYear = false): string {
  const t = new Date(wall(ms));
  const text = `${t.getUTCDate()} ${MONTHS[t.getUTCMonth()]}`;
  return withYear ? `${text} ${t.getUTCFullYear()}` : text;
}

const sameDay = (a: number, b: number) => Math.floor(wall(a) / DAY) === Math.floor(wall(b) / DAY);
export const sameYear = (a: number, b: number) => new Date(wall(a)).getUTCFullYear() === new Date(wall(b)).getUTCFullYear();

/** 02:46, with seconds when the step is below a minute, with the date only when it is not today. */
export function moment(ms: number, now: number, stepMs = MINUTE): string {
  const time = stepMs >= DAY ? '' : clock(ms, stepMs);
  if (sameDay(ms, now) && time) return time;
  return `${day(ms, !sameYear(ms, now))} ${time}`.trim();
}

/** 01:10 – 03:10 UTC: the zone once, the date only where it is needed. */
export function span(from: number, to: number, now: number): string {
  const step = to - from < 5 * MINUTE ? 1000 : MINUTE;
  const left = moment(from, now, step);
  const right = sameDay(from, to) ? clock(to, step) : sameDay(from, now) ? moment(to, now, step) : `${day(to, !sameYear(to, now))} ${clock(to, step)}`;
  return `${left} – ${right} ${zoneWords()}`;
}

/** "Last 2 h", "Last 30 min". */
export function lastWords(seconds: number): string {
  if (seconds % 86_400 === 0 && seconds > 86_400) return `Last ${seconds / 86_400}${NNBSP}d`;
  if (seconds % 3600 === 0) return `Last ${seconds / 3600}${NNBSP}h`;
  if (seconds % 60 === 0) return `Last ${seconds / 60}${NNBSP}min`;
  return `Last ${seconds}${NNBSP}s`;
}

/** "the last 2 hours": for sentences. */
export function lastSentence(seconds: number): string {
  const [n, noun] =
    seconds % 86_400 === 0 && seconds > 86_400 ? [seconds / 86_400, 'day'] : seconds % 3600 === 0 ? [seconds / 3600, 'hour'] : seconds % 60 === 0 ? [seconds / 60, 'minute'] : [seconds, 'second'];
  return n === 1 ? `the last ${noun}` : `the last ${n} ${noun}s`;
}

/** "2 hours", "30 minutes": how long a range is, for sentences. */
export function earlierOf(seconds: number): string {
  const whole = Math.round(seconds);
  const [n, noun] = whole % 86_400 === 0 && whole > 86_400 ? [whole / 86_400, 'day'] : whole >= 3600 ? [Math.round(whole / 360) / 10, 'hour'] : whole >= 60 ? [Math.round(whole / 60), 'minute'] : [whole, 'second'];
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000].map((s) => s * 1000);

/** Ticks of a time axis: round times, at least `apart` pixels from each other. */
export function timeTicks(from: number, to: number, width: number, apart = 78): { at: number; text: string }[] {
  if (!(to > from) || width <= 0) return [];
  const wanted = ((to - from) * apart) / width;
  const step = STEPS.find((s) => s >= wanted) ?? STEPS[STEPS.length - 1]!;
  const ticks = [];
  for (let shown = Math.ceil(wall(from) / step) * step; ; shown += step) {
    const at = momentOf(shown);
    if (at > to) break;
    const midnight = shown % DAY === 0 && to - from > 12 * HOUR;
    if (at >= from) ticks.push({ at, text: midnight || step >= DAY ? day(at) : clock(at, step) });
  }
  return ticks;
}

/** A moment as it is typed: 2026-11-20 02:31:07. */
export const typed = (ms: number) => new Date(wall(ms)).toISOString().slice(0, 19).replace('T', ' ');

/** What was typed as a moment: date, or date and time, of the zone; anything else as the browser reads it. NaN if it cannot. */
export function readTyped(text: string): number {
  const trimmed = text.trim();
  if (!/^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?$/.test(trimmed)) return Date.parse(trimmed);
  return momentOf(Date.parse(`${trimmed.replace(' ', 'T')}${trimmed.length > 10 ? '' : 'T00:00'}Z`));
}

/** "12 s ago", "3 min ago", "5 h ago", else the date. */
export function ago(ms: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - ms) / 1000));
  if (seconds < 100) return `${seconds}${NNBSP}s ago`;
  if (seconds < 6000) return `${Math.round(seconds / 60)}${NNBSP}min ago`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)}${NNBSP}h ago`;
  return moment(ms, now);
}
