// How long things are kept and how deletions go, in words; and ages, sizes and times as people type them. Pure.
import type { TaskInfo } from '../api/types';
import { bytes, counted } from './numbers';

const AGES: [RegExp, number][] = [[/^(s|sec|seconds?)$/, 1], [/^(m|min|minutes?)$/, 60], [/^(h|hours?)$/, 3600], [/^(d|days?)$/, 86_400], [/^(w|weeks?)$/, 604_800], [/^(y|years?)$/, 31_536_000]];
const SIZES: Record<string, number> = { b: 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3, tib: 1024 ** 4, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Seconds; null for nothing, undefined for what is no age. */
export function readAge(text: string): number | null | undefined {
  if (text.trim() === '') return null;
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(text.trim());
  const unit = match && AGES.find(([pattern]) => pattern.test(match[2]!.toLowerCase()));
  const seconds = match && unit ? Math.round(Number(match[1]) * unit[1]) : 0;
  return seconds > 0 ? seconds : undefined;
}

export function writeAge(seconds: number | null | undefined): string {
  if (!seconds) return '';
  for (const [size, name] of [[86_400, 'day'], [3600, 'hour'], [60, 'minute']] as const) if (seconds % size === 0) return `${seconds / size} ${name}${seconds === size ? '' : 's'}`;
  return `${seconds} second${seconds === 1 ? '' : 's'}`;
}

export function readBytes(text: string): number | null | undefined {
  if (text.trim() === '') return null;
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(text.trim());
  const unit = match ? SIZES[match[2]!.toLowerCase()] : undefined;
  const size = unit ? Math.round(Number(match![1]) * unit) : 0;
  return size > 0 ? size : undefined;
}

/** So that it is read back as the same number. */
export function writeBytes(size: number | null | undefined): string {
  if (!size) return '';
  for (const name of ['TiB', 'GiB', 'MiB', 'KiB'] as const) if (size % SIZES[name.toLowerCase()]! === 0) return `${size / SIZES[name.toLowerCase()]!} ${name}`;
  return `${size} B`;
}

/** Milliseconds of a time in UTC; null for nothing, undefined for what is no time. */
export function readTime(text: string): number | null | undefined {
  const typed = text.trim();
  if (typed === '') return null;
  const match = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)Z?)?$/.exec(typed);
  const time = match ? Date.parse(`${match[1]}T${match[2] ?? '00:00'}Z`) : NaN;
  return Number.isNaN(time) ? undefined : time;
}

type Bounds = { age_seconds_max?: number | null; bytes_max?: number | null };

export function keepWords({ age_seconds_max: age, bytes_max: size }: Bounds): string {
  if (!age && !size) return 'Everything is kept.';
  const parts = [age ? `for ${writeAge(age)}` : '', size ? `up to ${bytes(size)}, the newest` : ''].filter(Boolean);
  return `Events are kept ${parts.join(' and ')}.`;
}

const STAGES: Record<string, string> = { flushing: 'writing down what is in memory', finding: 'finding them', rewriting: 'writing what stays' };

export function taskWords(task: TaskInfo): string {
  const events = counted(task.removed ?? task.matching, 'event');
  if (task.state === 'done') return `${events} deleted.`;
  if (task.state === 'failed') return `Not deleted: ${task.error ?? 'it failed'}.`;
  if (task.state === 'cancelled') return 'Cancelled; nothing was deleted.';
  return task.state === 'waiting' ? `${events} to delete; waiting.` : `Deleting ${events}: ${STAGES[task.stage] ?? task.stage}.`;
}
