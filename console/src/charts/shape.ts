// From an answer to what a chart draws: lines, stacks and bars over shared buckets, in palette order. Pure; it must not
// know uPlot, canvas or colours (a series names its token, the painter looks it up).
import { calculationName, type Calculation, type View } from '../state/explore';
import type { Series } from '../api/types';
import type { Value } from '../words/values';
import { keyText } from '../words/values';
import { unitOf, type Unit } from '../words/units';

export type Buckets = { from: number; stepMs: number; count: number; to: number };
export type Line = { key: Value[]; label: string; token: string; lead: boolean; values: (number | null)[]; drawn: (number | null)[] };
export type Kind = 'lines' | 'stacked' | 'bars';
export type Chart = { name: string; title: Calculation; unit: Unit; kind: Kind; lines: Line[]; /** Groups beyond what one chart draws; the head says so. */ undrawn: number; /** The same earlier: of the one line, of the leader, or of the whole stack; null where it is not asked for. */ then: (number | null)[] | null; low: number; high: number };

export const PALETTE = 7;
/** Lines one chart draws; more are a grey band nobody can read, and slow. */
export const LINES_MOST = 200;
export const groupToken = (rank: number) => (rank < PALETTE ? `--cat-${rank + 1}` : '--cat-other');

export function bucketsOf(series: Series): Buckets {
  const from = Date.parse(series.start);
  const stepMs = series.step_seconds * 1000;
  return { from, stepMs, count: series.buckets, to: from + series.buckets * stepMs };
}

/** Whether the first and last bucket are only in part in a time: what adds up looks there as if it fell. */
export type Ends = { first: boolean; last: boolean };
/** Fewer have no shape to lose. */
const BUCKETS_TRIMMED = 5;
const WHOLE: Ends = { first: false, last: false };

export function endsOf(series: Series, from: number, to: number): Ends {
  const buckets = bucketsOf(series);
  return buckets.count < BUCKETS_TRIMMED ? WHOLE : { first: buckets.from < from, last: buckets.to > to };
}

/** The values without those of buckets that are only in part in the time. */
export const wholeBuckets = (values: (number | null)[], ends: Ends) => values.slice(ends.first ? 1 : 0, ends.last ? -1 : undefined);

const ADDS_UP = new Set(['COUNT', 'SUM']);

/** What suits a calculation when nobody chose: totals as bars, everything else as lines. */
function kindFor(c: Calculation, view: View | null, grouped: boolean): Kind {
  if (view === 'bars') return 'bars';
  if (view === 'stacked') return ADDS_UP.has(c.op) ? 'stacked' : 'lines';
  if (view === 'lines') return 'lines';
  return ADDS_UP.has(c.op) && !grouped ? 'bars' : 'lines';
}

function sums(lines: (number | null)[][], count: number): (number | null)[] {
  return Array.from({ length: count }, (_, i) => lines.reduce<number | null>((sum, line) => (line[i] == null ? sum : (sum ?? 0) + line[i]!), null));
}

/** `rest` is true when groups beyond the limit are missing from the series, so that their sum is not the whole. */
export function chartOf(series: Series, c: Calculation, view: View | null, rest: boolean, earlier: Series | null = null, ends: Ends = WHOLE): Chart {
  const name = calculationName(c);
  const unit = unitOf(c);
  const values = series.groups.map((g) => g.values[name] ?? []);
  const grouped = series.groups.some((g) => g.key.length > 0);
  // All groups as one bar is the calm default for counts, but only while it is the truth.
  const asOne = grouped && !rest && ADDS_UP.has(c.op) && (view === null || view === 'heatmap');
  const kind = kindFor(c, view, grouped && !asOne);
  const plain = asOne || !grouped;
  const lines: Line[] = plain
    ? [{ key: [], label: 'all', token: kind === 'lines' ? '--cat-1' : '--others', lead: true, values: asOne ? sums(values, series.buckets) : (values[0] ?? []), drawn: [] }]
    : series.groups.map((g, i) => ({ key: g.key as Value[], label: keyText(g.key as Value[]), token: groupToken(i), lead: i === 0, values: values[i]!, drawn: [] }));
  const undrawn = Math.max(0, lines.length - LINES_MOST);
  if (undrawn > 0) shorten(lines, kind, series.buckets);
  stack(lines, kind, series.buckets);
  if (ADDS_UP.has(c.op) && kind !== 'bars') for (const line of lines) line.drawn = line.drawn.map((v, i) => ((ends.first && i === 0) || (ends.last && i === series.buckets - 1) ? null : v));
  const then = earlier && earlierOf(earlier, name, asOne || kind !== 'lines' ? ADDS_UP.has(c.op) && !rest : null, series.buckets);
  const [low, high] = extent(lines, then ?? []);
  return { name, title: c, unit, kind, lines, undrawn, then, low, high };
}

/** What one dashed line says of an earlier time: the leader's, or of a stack the sum. A sum that lacks groups is not drawn. */
function earlierOf(earlier: Series, name: string, sum: boolean | null, count: number): (number | null)[] | null {
  const values = earlier.groups.map((g) => g.values[name] ?? []);
  if (values.length === 0 || (sum === false && values.length > 1)) return null;
  return sum ? sums(values, count) : Array.from({ length: count }, (_, i) => values[0]![i] ?? null);
}

/** Keeps the first lines. A stack keeps its height: what is cut becomes one last layer. */
function shorten(lines: Line[], kind: Kind, count: number) {
  const cut = lines.splice(LINES_MOST);
  if (kind !== 'lines') lines.push({ key: [], label: `${cut.length} more`, token: '--cat-other', lead: false, values: sums(cut.map((l) => l.values), count), drawn: [] });
}

/** Stacks (and bars of groups) are drawn as running sums, first group at the bottom. */
function stack(lines: Line[], kind: Kind, count: number) {
  if (kind === 'lines' || lines.length === 1) {
    for (const line of lines) line.drawn = line.values;
    return;
  }
  const below = new Array<number>(count).fill(0);
  for (const line of lines) line.drawn = below.map((sum, i) => (below[i] = sum + Math.max(0, line.values[i] ?? 0)));
}

function extent(lines: Line[], then: (number | null)[]): [number, number] {
  let low = 0;
  let high = 0;
  for (const drawn of [...lines.map((l) => l.drawn), then]) {
    for (const v of drawn) {
      if (v === null || v === undefined) continue;
      if (v < low) low = v;
      if (v > high) high = v;
    }
  }
  return [low, high === low ? low + 1 : high];
}

const ROUND = [1, 2, 2.5, 5];
const TICK_APART = 24;

/** The grid lines of a value axis: the finest round steps that leave room for their labels. The data decides the top.
    Things that are counted have whole steps. */
export function valueTicks(low: number, high: number, height: number, whole = false): { ticks: number[]; top: number; bottom: number } {
  const room = Math.min(4, Math.max(1, Math.floor(height / TICK_APART)));
  const power = Math.floor(Math.log10((high - low) / 4));
  const steps = [power - 1, power, power + 1, power + 2].flatMap((p) => ROUND.map((m) => m * 10 ** p));
  const between = (step: number) => Math.floor(high / step + 1e-9) - Math.ceil(low / step - 1e-9) + (low < 0 ? 1 : 0);
  const step = steps.find((s) => between(s) <= room && (!whole || Number.isInteger(s))) ?? high;
  const ticks = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n += 1) if (n !== 0 || low < 0) ticks.push(Number((n * step).toPrecision(12)));
  return { ticks, top: high + (high - low) * 0.04, bottom: low < 0 ? low - (high - low) * 0.04 : 0 };
}

const NAMED_ALL = 4;
const NAMED = 3;
const peak = (line: Line) => line.values.reduce<number>((most, v) => (v !== null && v > most ? v : most), -Infinity);

/** The values in a chart's head at one bucket: the lines that reach highest by name, the rest as one bound. The same
    lines at every bucket, so that names do not jump while the crosshair moves. */
export function readout(chart: Chart, at: number): { named: { line: Line; value: number | null }[]; rest: { count: number; most: number } | null } {
  const all = chart.lines.map((line) => ({ line, value: line.values[at] ?? null }));
  if (all.length <= NAMED_ALL) return { named: all, rest: null };
  const coloured = all.filter((r) => r.line.token !== '--cat-other').sort((a, b) => peak(b.line) - peak(a.line)).slice(0, NAMED);
  const named = all.filter((r) => coloured.includes(r));
  const values = all.filter((r) => !coloured.includes(r)).map((r) => r.value).filter((v): v is number => v !== null);
  return { named, rest: { count: all.length - named.length, most: values.length ? Math.max(...values) : 0 } };
}

/** The bucket under a horizontal place in the plot, both ends included. */
export function bucketAt(x: number, width: number, buckets: Buckets): number {
  return Math.min(buckets.count - 1, Math.max(0, Math.floor((x / width) * buckets.count)));
}

/** From two buckets to the times they cover. */
export function timesOf(buckets: Buckets, a: number, b: number): { from: number; to: number } {
  return { from: buckets.from + Math.min(a, b) * buckets.stepMs, to: buckets.from + (Math.max(a, b) + 1) * buckets.stepMs };
}
