// A box on a heatmap, in cells: from which bucket and bin to which. Moving, growing and pulling at its edges, and what it
// means as times and values. Pure; it must not know pointers or how a box is drawn.
import type { HeatmapAnswer } from '../api/types';
import type { Span, These } from '../state/different';
import type { Filter } from '../state/explore';
import { binAt, placeOf, quantile } from './heat';
import { timesOf, type Buckets } from './shape';

/** Both ends belong to it. Bins count from the lowest value. */
export type Cells = { first: number; last: number; low: number; high: number };
export type Grid = { columns: number; bins: number };
/** Which edges follow the pointer; none is the whole box. */
export type Edges = { left?: boolean; right?: boolean; top?: boolean; bottom?: boolean };

export const gridOf = (map: HeatmapAnswer): Grid => ({ columns: map.counts.length, bins: map.bounds.length - 1 });
const between = (v: number, low: number, high: number) => Math.min(high, Math.max(low, v));

/** Where a box starts that is made by key: the newer third, above the middle. */
export function startCells({ columns, bins }: Grid): Cells {
  return { first: Math.floor(columns * 0.66), last: columns - 1, low: Math.floor(bins * 0.6), high: bins - 1 };
}

export function moveCells(c: Cells, across: number, up: number, { columns, bins }: Grid): Cells {
  const x = between(across, -c.first, columns - 1 - c.last);
  const y = between(up, -c.low, bins - 1 - c.high);
  return { first: c.first + x, last: c.last + x, low: c.low + y, high: c.high + y };
}

/** Pulls at edges; an edge stops at the one across from it. */
export function pullCells(c: Cells, edges: Edges, across: number, up: number, { columns, bins }: Grid): Cells {
  return {
    first: edges.left ? between(c.first + across, 0, c.last) : c.first,
    last: edges.right ? between(c.last + across, c.first, columns - 1) : c.last,
    low: edges.bottom ? between(c.low + up, 0, c.high) : c.low,
    high: edges.top ? between(c.high + up, c.low, bins - 1) : c.high,
  };
}

/** What an arrow key does to a box: it moves, with shift the right or upper edge moves. */
export function arrowCells(c: Cells, key: string, shift: boolean, grid: Grid): Cells | null {
  const step: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const way = step[key];
  if (!way) return null;
  return shift ? pullCells(c, { right: way[0] !== 0, top: way[1] !== 0 }, way[0], way[1], grid) : moveCells(c, way[0], way[1], grid);
}

/** Its place in shares of the plot, from the left and from the top. */
export function placeOfCells(c: Cells, { columns, bins }: Grid) {
  return { left: c.first / columns, width: (c.last - c.first + 1) / columns, top: 1 - (c.high + 1) / bins, height: (c.high - c.low + 1) / bins };
}

const tidy = (v: number) => Number(v.toPrecision(6));

/** The picked events. An edge at the end of the map is open, so that the largest value is among them. */
export function theseOfCells(c: Cells, map: HeatmapAnswer, buckets: Buckets): These {
  const { bins } = gridOf(map);
  const where: Filter[] = [];
  if (c.low > 0) where.push({ column: map.column, op: '>=', value: tidy(map.bounds[c.low]!) });
  if (c.high < bins - 1) where.push({ column: map.column, op: '<', value: tidy(map.bounds[c.high + 1]!) });
  if (where.length === 0) where.push({ column: map.column, op: 'exists' });
  return { where, span: timesOf(buckets, c.first, c.last), slow: c.low > 0 && map.bounds[c.low]! >= middleOf(map) };
}

function middleOf(map: HeatmapAnswer): number {
  const all = map.bounds.slice(1).map((_, bin) => map.counts.reduce((sum, column) => sum + (column[bin] ?? 0), 0));
  return quantile(all, map, 0.5) ?? Infinity;
}

/** The other way: the cells that values and times lie in. */
export function cellsOf(values: { low: number | null; high: number | null }, span: Span, map: HeatmapAnswer, buckets: Buckets): Cells {
  const { bins } = gridOf(map);
  // Bounds were rounded when they were written, so an edge belongs to the nearest one.
  const edge = (v: number) => placeOf(v, map) * bins;
  const { first, last } = bucketsOfSpan(span, buckets);
  const low = values.low === null ? 0 : between(Math.round(edge(values.low)), 0, bins - 1);
  return {
    first,
    last,
    low,
    high: values.high === null ? bins - 1 : between(Math.round(edge(values.high)) - 1, low, bins - 1),
  };
}

/** The buckets that a span of time touches: the first and the last of a query are seldom whole. */
export function bucketsOfSpan(span: Span, buckets: Buckets): { first: number; last: number } {
  const bucket = (ms: number) => (ms - buckets.from) / buckets.stepMs;
  const first = between(Math.floor(bucket(span.from) + SLACK), 0, buckets.count - 1);
  return { first, last: between(Math.ceil(bucket(span.to) - SLACK) - 1, first, buckets.count - 1) };
}

const SLACK = 0.001;

export function cellsBetween(a: { bucket: number; place: number }, b: { bucket: number; place: number }, map: HeatmapAnswer): Cells {
  const bins = [binAt(a.place, map), binAt(b.place, map)];
  return { first: Math.min(a.bucket, b.bucket), last: Math.max(a.bucket, b.bucket), low: Math.min(...bins), high: Math.max(...bins) };
}
