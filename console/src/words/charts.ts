// A chart as one sentence: its name for those who cannot see it. Pure.
import type { Buckets, Chart } from '../charts/shape';
import { quantile, heatMax } from '../charts/heat';
import type { HeatmapAnswer } from '../api/types';
import { zoneWords } from './zone';
import { clock } from './times';
import { count } from './numbers';
import { unitOfField, withUnit } from './units';

const between = (b: Buckets) => `${clock(b.from, b.stepMs)} to ${clock(b.to, b.stepMs)} ${zoneWords()}`;

export function chartSentence(chart: Chart, buckets: Buckets): string {
  const what = chart.title.name ?? (chart.title.column ? `${chart.title.op} of ${chart.title.column}` : chart.title.op);
  const lead = chart.lines[0];
  const values = lead?.values.filter((v): v is number => v !== null) ?? [];
  if (!lead || values.length === 0) return `${what}, ${between(buckets)}: no values.`;
  const high = Math.max(...values);
  const at = buckets.from + lead.values.indexOf(high) * buckets.stepMs;
  const who = chart.lines.length > 1 ? `${chart.lines.length} groups; ${lead.label}` : 'it';
  return `${what}, ${between(buckets)}: ${who} lies between ${withUnit(Math.min(...values), chart.unit)} and ${withUnit(high, chart.unit)}, highest at ${clock(at, buckets.stepMs)}.`;
}

export function heatSentence(map: HeatmapAnswer, buckets: Buckets): string {
  const all = map.bounds.slice(1).map((_, bin) => map.counts.reduce((sum, column) => sum + (column[bin] ?? 0), 0));
  const median = quantile(all, map, 0.5);
  const p99 = quantile(all, map, 0.99);
  if (median === null || p99 === null) return `Heatmap of ${map.column}, ${between(buckets)}: no values.`;
  const unit = unitOfField(map.column);
  return `Heatmap of ${map.column}, ${between(buckets)}: half of the values lie below about ${withUnit(median, unit)}, 99 of 100 below about ${withUnit(p99, unit)}; the fullest cell holds ${count(heatMax(map.counts))} events.`;
}

/** "minute", "5 minutes", "hour": what one bucket covers. */
export function stepWords(stepMs: number): string {
  const units: [number, string][] = [[86_400_000, 'day'], [3_600_000, 'hour'], [60_000, 'minute'], [1000, 'second']];
  for (const [size, noun] of units) if (stepMs % size === 0) return stepMs === size ? noun : `${stepMs / size} ${noun}s`;
  return `${stepMs} ms`;
}
