// Two distributions on shared bins as steps to draw. The server's bins hold equal parts of the events, so that they are
// narrow where events are many; here they become steps of one width, on a log scale where values span decades. Pure.
import type { Bin } from '../api/types';

/** A step from x0 to x1, in shares of the width, with both sides' shares of events. */
export type Step = { min: number; max: number; x0: number; x1: number; these: number; others: number };
export type Distribution = { steps: Step[]; /** Where a value lies, in shares of the width. */ place: (value: number) => number; most: number };

const STEPS = 24;
const LOG_FROM = 100;
/** Bins that are already about as wide as each other stay as they are: numbers that are counted. */
const UNEVEN = 4;

export function distributionOf(bins: Bin[]): Distribution | null {
  const first = bins[0];
  const last = bins[bins.length - 1];
  if (!first || !last || !(last.max > first.min)) return null;
  const { forth, back } = scaleOf(bins);
  const low = forth(first.min);
  const width = forth(last.max) - low;
  const place = (value: number) => Math.min(1, Math.max(0, (forth(value) - low) / width));
  const steps = even(bins, place) ? bins.map((b) => ({ min: b.min, max: b.max, x0: place(b.min), x1: place(b.max), these: b.selection, others: b.baseline })) : spread(bins, place, (x) => back(low + x * width));
  return { steps, place, most: steps.reduce((most, s) => Math.max(most, s.these, s.others), 0) };
}

/** Log where values span more than two decades; zero then stands at the lowest value above it. */
function scaleOf(bins: Bin[]): { forth: (v: number) => number; back: (x: number) => number } {
  const min = bins[0]!.min;
  const max = bins[bins.length - 1]!.max;
  const least = min > 0 ? min : bins.find((b) => b.min > 0)?.min;
  const plain = { forth: (v: number) => v, back: (x: number) => x };
  if (min < 0 || !least || max / least < LOG_FROM) return plain;
  const zero = Math.log10(least) - (min > 0 ? 0 : Math.log10(max / least) / STEPS);
  return { forth: (v) => (v < least ? zero : Math.log10(v)), back: (x) => (x <= zero && min <= 0 ? 0 : 10 ** x) };
}

function even(bins: Bin[], place: (v: number) => number): boolean {
  if (bins.length > STEPS) return false;
  const widths = bins.map((b) => place(b.max) - place(b.min));
  return Math.max(...widths) <= UNEVEN * Math.min(...widths);
}

/** Shares spread over steps of one width; a bin across several gives each its part. */
function spread(bins: Bin[], place: (v: number) => number, valueAt: (x: number) => number): Step[] {
  const steps = Array.from({ length: STEPS }, (_, i): Step => ({ min: round(valueAt(i / STEPS)), max: round(valueAt((i + 1) / STEPS)), x0: i / STEPS, x1: (i + 1) / STEPS, these: 0, others: 0 }));
  for (const bin of bins) {
    const from = place(bin.min);
    const to = place(bin.max);
    for (const step of steps) {
      const alone = to <= from && from >= step.x0 && (from < step.x1 || step.x1 === 1) ? 1 : 0;
      const part = to > from ? Math.max(0, Math.min(to, step.x1) - Math.max(from, step.x0)) / (to - from) : alone;
      step.these += bin.selection * part;
      step.others += bin.baseline * part;
    }
  }
  return steps;
}

const round = (v: number) => Number(v.toPrecision(4));

/** The outline of one side, as the path of an SVG of the given size. */
export function outline(d: Distribution, side: 'these' | 'others', width: number, height: number): string {
  const y = (share: number) => (height - (d.most > 0 ? (share / d.most) * (height - 2) : 0)).toFixed(1);
  const x = (at: number) => (at * width).toFixed(1);
  return `M${x(d.steps[0]!.x0)} ${height}${d.steps.map((s) => `L${x(s.x0)} ${y(s[side])}L${x(s.x1)} ${y(s[side])}`).join('')}L${x(d.steps[d.steps.length - 1]!.x1)} ${height}`;
}
