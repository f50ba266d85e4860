// From a heatmap answer to what the canvas draws: colour steps, the value axis, and what one column says. Pure.
import type { HeatmapAnswer } from '../api/types';

export const STEPS = 10;

/** Count to colour step: (count / max) ^ 0.4, so that rare things stay visible; zero is not drawn. */
export function heatStep(count: number, max: number): number {
  if (count <= 0 || max <= 0) return -1;
  return Math.min(STEPS - 1, Math.floor(STEPS * (count / max) ** 0.4 - 1e-9));
}

export function heatMax(counts: number[][]): number {
  let max = 0;
  for (const column of counts) for (const c of column) if (c > max) max = c;
  return max;
}

export const hasCells = (map: HeatmapAnswer) => map.bounds.length > 1 && heatMax(map.counts) > 0;

const BINS_LEAST = 16;

/** A heatmap of one or few values has one or few bins; empty ones around them keep a cell the size of a cell. */
export function roomy(map: HeatmapAnswer): HeatmapAnswer {
  const bins = map.bounds.length - 1;
  if (bins < 1 || bins >= BINS_LEAST) return map;
  const low = map.bounds[0]!;
  const high = map.bounds[bins]!;
  const log = map.scale === 'log' && low > 0;
  const ratio = log ? Math.max(1.2, (high / low) ** (1 / bins)) : 1;
  const width = Math.max((high - low) / bins, Math.abs(low) * 0.05, Number.MIN_VALUE * 1e10);
  const below = Math.floor((BINS_LEAST - bins) / 2);
  const above = BINS_LEAST - bins - below;
  const next = (from: number, steps: number) => (log ? from * ratio ** steps : from + width * steps);
  const top = high > low ? high : next(low, 1);
  const bounds = [...Array.from({ length: below }, (_, i) => next(low, i - below)), ...map.bounds.slice(0, -1), top, ...Array.from({ length: above }, (_, i) => next(top, i + 1))];
  const empty = (n: number) => new Array<number>(n).fill(0);
  return { ...map, bounds, counts: map.counts.map((column) => [...empty(below), ...column, ...empty(above)]) };
}

/** Where a value lies on the axis: 0 at the lowest bound, 1 at the highest; bins are equally high. */
export function placeOf(value: number, map: HeatmapAnswer): number {
  const { bounds } = map;
  const bins = bounds.length - 1;
  if (bins < 1 || value <= bounds[0]!) return 0;
  if (value >= bounds[bins]!) return 1;
  let bin = 0;
  while (bin < bins - 1 && value >= bounds[bin + 1]!) bin += 1;
  const low = bounds[bin]!;
  const high = bounds[bin + 1]!;
  const inside = map.scale === 'log' && low > 0 ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return (bin + inside) / bins;
}

/** The value at a place of the axis: the inverse of placeOf. */
export function valueAt(place: number, map: HeatmapAnswer): number {
  const bins = map.bounds.length - 1;
  const exact = Math.min(1, Math.max(0, place)) * bins;
  const bin = Math.min(bins - 1, Math.floor(exact));
  const low = map.bounds[bin]!;
  const high = map.bounds[bin + 1]!;
  const inside = exact - bin;
  return map.scale === 'log' && low > 0 ? low * (high / low) ** inside : low + (high - low) * inside;
}

export const binAt = (place: number, map: HeatmapAnswer) => Math.min(map.bounds.length - 2, Math.max(0, Math.floor(place * (map.bounds.length - 1))));

/** Labels of the value axis: powers of ten on a log scale, round numbers otherwise, never closer than `apart`. */
export function heatTicks(map: HeatmapAnswer, height: number, apart = 28): number[] {
  const low = map.bounds[0] ?? 0;
  const high = map.bounds[map.bounds.length - 1] ?? 0;
  if (!(high > low)) return [];
  const candidates: number[] = [];
  if (map.scale === 'log' && high > 0) {
    const least = low > 0 ? low : map.bounds.find((b) => b > 0)!;
    const decades = Math.log10(high / least);
    for (let p = Math.floor(Math.log10(least)); p <= Math.ceil(Math.log10(high)); p += 1) for (const m of decades < 1.2 ? [1, 2, 5] : [1]) candidates.push(m * 10 ** p);
  } else {
    const rough = ((high - low) * apart) / height;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough)!;
    for (let v = Math.ceil(low / step) * step; v <= high; v += step) candidates.push(Number(v.toPrecision(12)));
  }
  const kept: number[] = [];
  let last = -Infinity;
  for (const v of candidates) {
    if (v < low || v > high) continue;
    const y = placeOf(v, map) * height;
    if (y - last >= apart && y > 3 && y < height - 3) {
      kept.push(v);
      last = y;
    }
  }
  return kept;
}

/** A quantile of one column or of all, interpolated inside its bin: an estimate, and said so. */
export function quantile(counts: number[], map: HeatmapAnswer, q: number): number | null {
  const total = counts.reduce((sum, c) => sum + c, 0);
  if (total === 0) return null;
  let below = 0;
  for (let bin = 0; bin < counts.length; bin += 1) {
    const c = counts[bin]!;
    if (below + c >= q * total) return valueAt((bin + (c ? (q * total - below) / c : 0)) / (map.bounds.length - 1), map);
    below += c;
  }
  return map.bounds[map.bounds.length - 1] ?? null;
}
