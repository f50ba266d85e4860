// What a field's numbers measure, read from its name, and how to write them on axes, in heads and in table cells.
// Pure. It must not know the API: a unit is a guess from a name, and a wrong guess only costs a suffix.
import { FORMULA } from '../state/explore';
import { bytes, count, decimal, duration, exact, NNBSP, three } from './numbers';

export type Unit = { kind: 'duration'; toMs: number } | { kind: 'bytes' } | { kind: 'count' } | { kind: 'plain' };

const DURATIONS: [RegExp, number][] = [
  [/(^|[._])(ms|millis|milliseconds)$|[a-z]Ms$/, 1],
  [/(^|[._])(us|micros|microseconds)$/, 0.001],
  [/(^|[._])(ns|nanos|nanoseconds)$/, 0.000001],
  [/(^|[._])(s|sec|secs|seconds)$/, 1000],
];
const COUNTS = new Set(['COUNT', 'COUNT_DISTINCT']);

export function unitOfField(field: string): Unit {
  for (const [pattern, toMs] of DURATIONS) if (pattern.test(field)) return { kind: 'duration', toMs };
  return /(^|[._])bytes$/.test(field) ? { kind: 'bytes' } : { kind: 'plain' };
}

export function unitOfCalculation(op: string, column?: string): Unit {
  if (COUNTS.has(op)) return { kind: 'count' };
  return column ? unitOfField(column) : { kind: 'plain' };
}

/** A name that somebody chose says its unit too: "error_ms". */
export const unitOf = (c: { op: string; column?: string; name?: string }): Unit => (c.op === FORMULA ? unitOfField(c.name ?? '') : unitOfCalculation(c.op, c.column));

/** In a head, a menu or on an axis: short. */
export function withUnit(value: number, unit: Unit): string {
  if (unit.kind === 'duration') return duration(value * unit.toMs);
  if (unit.kind === 'bytes') return bytes(value);
  return unit.kind === 'count' ? count(value) : decimal(value);
}

/** A writer for one table column: all its cells in the same unit, so that they compare by eye. */
export function columnWriter(values: number[], unit: Unit): (value: number) => string {
  if (unit.kind === 'count') return exact;
  if (unit.kind === 'bytes') return bytes;
  if (unit.kind === 'plain') return decimal;
  const largest = values.reduce((most, v) => Math.max(most, Math.abs(v) * unit.toMs), 0);
  if (largest === 0) return (v) => duration(v * unit.toMs);
  const [divisor, name] = largest < 1 ? [0.001, 'µs'] : largest < 100_000 ? [1, 'ms'] : [1000, 's'];
  return (v) => {
    const shown = (v * unit.toMs) / divisor;
    const text = Math.abs(shown) >= 100 ? exact(Math.round(shown)) : three(shown);
    return `${text}${NNBSP}${name}`;
  };
}
