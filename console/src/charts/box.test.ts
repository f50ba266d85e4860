// Boxes on heatmaps and distributions of numbers: what is drawn, and what it means.
import { describe, expect, it } from 'vitest';
import type { HeatmapAnswer } from '../api/types';
import { boxValues } from '../state/different';
import { arrowCells, bucketsOfSpan, cellsBetween, cellsOf, gridOf, moveCells, placeOfCells, pullCells, startCells, theseOfCells, type Cells } from './box';
import { distributionOf, outline } from './distribution';

const map: HeatmapAnswer = { name: 'HEATMAP(d)', column: 'duration_ms', scale: 'log', bounds: [1, 10, 100, 1000, 10_000], counts: [[0, 4, 0, 0], [1, 2, 1, 0], [0, 3, 0, 2], [0, 1, 0, 5]] };
const buckets = { from: 0, stepMs: 60_000, count: 4, to: 240_000 };
const grid = gridOf(map);
const cells: Cells = { first: 1, last: 2, low: 1, high: 2 };

describe('boxes', () => {
  it('move and stay inside', () => {
    expect(moveCells(cells, 1, 1, grid)).toEqual({ first: 2, last: 3, low: 2, high: 3 });
    expect(moveCells(cells, -9, 9, grid)).toEqual({ first: 0, last: 1, low: 2, high: 3 });
  });
  it('are pulled at edges, never inside out', () => {
    expect(pullCells(cells, { left: true, top: true }, 9, -9, grid)).toEqual({ first: 2, last: 2, low: 1, high: 1 });
    expect(pullCells(cells, { right: true, bottom: true }, 9, -9, grid)).toEqual({ first: 1, last: 3, low: 0, high: 2 });
  });
  it('follow arrows', () => {
    expect(arrowCells(cells, 'ArrowUp', false, grid)).toEqual({ ...cells, low: 2, high: 3 });
    expect(arrowCells(cells, 'ArrowUp', true, grid)).toEqual({ ...cells, high: 3 });
    expect(arrowCells(cells, 'ArrowLeft', true, grid)).toEqual({ ...cells, last: 1 });
    expect(arrowCells(cells, 'x', false, grid)).toBeNull();
  });
  it('start where it is slow and new', () => expect(startCells({ columns: 100, bins: 40 })).toEqual({ first: 66, last: 99, low: 24, high: 39 }));
  it('have a place', () => expect(placeOfCells(cells, grid)).toEqual({ left: 0.25, width: 0.5, top: 0.25, height: 0.5 }));
  it('come of two corners in any order', () => expect(cellsBetween({ bucket: 3, place: 0.9 }, { bucket: 1, place: 0.3 }, map)).toEqual({ first: 1, last: 3, low: 1, high: 3 }));
  it('mean values and times', () =>
    expect(theseOfCells(cells, map, buckets)).toEqual({ where: [{ column: 'duration_ms', op: '>=', value: 10 }, { column: 'duration_ms', op: '<', value: 1000 }], span: { from: 60_000, to: 180_000 }, slow: false }));
  it('are open at the ends, so that the largest value belongs to them', () => {
    expect(theseOfCells({ ...cells, high: 3 }, map, buckets).where).toEqual([{ column: 'duration_ms', op: '>=', value: 10 }]);
    expect(theseOfCells({ ...cells, low: 0, high: 3 }, map, buckets).where).toEqual([{ column: 'duration_ms', op: 'exists' }]);
  });
  it('above the middle are slow', () => expect(theseOfCells({ ...cells, low: 3, high: 3 }, map, buckets).slow).toBe(true));
  it('come back from what they mean', () => {
    for (const c of [cells, { first: 0, last: 0, low: 3, high: 3 }, { first: 0, last: 3, low: 0, high: 3 }]) {
      const these = theseOfCells(c, map, buckets);
      expect(cellsOf(boxValues(these), these.span!, map, buckets)).toEqual(c);
    }
  });
});

it('a span touches whole buckets', () => {
  expect(bucketsOfSpan({ from: 61_000, to: 150_000 }, buckets)).toEqual({ first: 1, last: 2 });
  expect(bucketsOfSpan({ from: -5000, to: 999_000 }, buckets)).toEqual({ first: 0, last: 3 });
});

describe('distributions', () => {
  const bin = (min: number, max: number, selection: number, baseline: number) => ({ min, max, selection, baseline });
  it('keep bins that are as wide as each other', () => {
    const d = distributionOf([bin(1, 2, 0.1, 0.6), bin(2, 3, 0.2, 0.3), bin(3, 5, 0.7, 0.1)])!;
    expect(d.steps.map((s) => [s.min, s.max, s.x0, s.x1])).toEqual([[1, 2, 0, 0.25], [2, 3, 0.25, 0.5], [3, 5, 0.5, 1]]);
    expect([d.most, d.place(3)]).toEqual([0.7, 0.5]);
  });
  it('spread uneven ones over steps and lose nothing', () => {
    const d = distributionOf([bin(0, 0.04, 0, 0.4), bin(0.04, 1, 0.05, 0.5), bin(1, 33, 0.05, 0.1), bin(33, 500, 0.9, 0)])!;
    expect(d.steps).toHaveLength(24);
    expect(d.steps.reduce((sum, s) => sum + s.these, 0)).toBeCloseTo(1);
    expect(d.steps.reduce((sum, s) => sum + s.others, 0)).toBeCloseTo(1);
    expect([d.steps[0]!.min, d.steps[23]!.max]).toEqual([0, 500]);
    for (let i = 1; i < 24; i += 1) expect(d.steps[i]!.min).toBeCloseTo(d.steps[i - 1]!.max);
  });
  it('have none for a single value', () => expect(distributionOf([bin(5, 5, 1, 1)])).toBeNull());
  it('are outlined from the ground to the ground', () => expect(outline(distributionOf([bin(0, 1, 0.5, 1), bin(1, 2, 0.5, 0)])!, 'others', 100, 50)).toBe('M0.0 50L0.0 2.0L50.0 2.0L50.0 50.0L100.0 50.0L100.0 50'));
});
