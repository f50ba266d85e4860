// Shaping of charts, heatmaps and tables: from answers in the contract's shapes to what is drawn.
import { describe, expect, it } from 'vitest';
import type { HeatmapAnswer, QueryAnswer, Series } from '../api/types';
import { emptyExplore } from '../state/explore';
import { changesOf, columnWidth, eventColumns, eventRows, eventsWith, groupShape, sparkPath } from '../tables/shape';
import { heatStep, heatTicks, placeOf, quantile, roomy, valueAt } from './heat';
import { bucketAt, bucketsOf, chartOf, readout, timesOf, valueTicks, endsOf, wholeBuckets } from './shape';

const series = (groups: Series['groups']): Series => ({ start: '2026-11-18T01:00:00Z', step_seconds: 60, buckets: 3, groups });
const two = series([{ key: ['a'], values: { COUNT: [1, 2, 3], 'P99(d)': [5, null, 7] } }, { key: ['b'], values: { COUNT: [10, 0, 1], 'P99(d)': [1, 2, 3] } }]);

describe('charts', () => {
  it('draw counts of all groups as one bar while that is the whole', () => {
    const chart = chartOf(two, { op: 'COUNT' }, null, false);
    expect(chart).toMatchObject({ kind: 'bars', high: 11 });
    expect(chart.lines.map((l) => l.values)).toEqual([[11, 2, 4]]);
    expect(chartOf(two, { op: 'COUNT' }, null, true)).toMatchObject({ kind: 'lines', lines: [{ label: 'a' }, { label: 'b' }] });
  });
  it('leave out buckets that are only in part in the time, where a line stands for itself', () => {
    const five: Series = { ...series([]), buckets: 5 };
    const [from, to] = [Date.parse(five.start), Date.parse(five.start) + 5 * 60_000];
    const whole = (first: number, last: number, of = five) => wholeBuckets([1, 2, 3, 4, 5], endsOf(of, first, last));
    expect(whole(from, to)).toEqual([1, 2, 3, 4, 5]);
    expect(whole(from + 1, to)).toEqual([2, 3, 4, 5]);
    expect(whole(from + 1, to - 1)).toEqual([2, 3, 4]);
    expect(whole(from + 1, to, { ...five, buckets: 3 })).toEqual([1, 2, 3, 4, 5]);
  });
  it('do not let what adds up fall at their ends, and still say what is there', () => {
    const ends = { first: true, last: true };
    const line = (op: string, view: 'lines' | 'bars') => chartOf(two, op === 'COUNT' ? { op } : { op, column: 'd' }, view, false, null, ends).lines[0]!;
    expect(line('COUNT', 'lines')).toMatchObject({ drawn: [null, 2, null], values: [1, 2, 3] });
    expect(line('COUNT', 'bars').drawn).toEqual([1, 2, 3]);
    expect(line('P99', 'lines').drawn).toEqual([5, null, 7]);
  });
  it('give groups the palette in order, the leader first', () => {
    const many = series(Array.from({ length: 9 }, (_, i) => ({ key: [`g${i}`], values: { 'P99(d)': [i] } })));
    const chart = chartOf(many, { op: 'P99', column: 'd' }, null, false);
    expect(chart.lines.map((l) => l.token)).toEqual(['--cat-1', '--cat-2', '--cat-3', '--cat-4', '--cat-5', '--cat-6', '--cat-7', '--cat-other', '--cat-other']);
    expect(readout(chart, 0)).toMatchObject({ named: [{ value: 4 }, { value: 5 }, { value: 6 }], rest: { count: 6, most: 8 } });
  });
  it('draw a bounded number of lines, and a stack keeps its height', () => {
    const many = series(Array.from({ length: 260 }, (_, i) => ({ key: [`g${i}`], values: { COUNT: [1, 1, 1] } })));
    expect(chartOf(many, { op: 'COUNT' }, 'lines', false)).toMatchObject({ undrawn: 60, lines: { length: 200 } });
    expect(chartOf(many, { op: 'COUNT' }, 'stacked', false)).toMatchObject({ undrawn: 60, lines: { length: 201 }, high: 260 });
  });
  it('have an earlier time as one dotted line: of the leader, or of a whole stack', () => {
    const then = { ...two, groups: two.groups.map((g) => ({ ...g, values: { ...g.values, COUNT: [100, null, 1] } })) };
    expect(chartOf(two, { op: 'COUNT' }, 'lines', false, then)).toMatchObject({ then: [100, null, 1], high: 100 });
    expect(chartOf(two, { op: 'COUNT' }, 'stacked', false, then).then).toEqual([200, null, 2]);
    expect(chartOf(two, { op: 'COUNT' }, 'stacked', true, then).then).toBeNull();
    expect(chartOf(two, { op: 'COUNT' }, 'lines', false).then).toBeNull();
  });
  it('keep gaps', () => expect(chartOf(two, { op: 'P99', column: 'd' }, null, false).lines[0]!.drawn).toEqual([5, null, 7]));
  it('stack what adds up and nothing else', () => {
    expect(chartOf(two, { op: 'COUNT' }, 'stacked', false).lines.map((l) => l.drawn)).toEqual([[1, 2, 3], [11, 2, 4]]);
    expect(chartOf(two, { op: 'P99', column: 'd' }, 'stacked', false).kind).toBe('lines');
  });
  it.each([[0, 97, 58, [50]], [0, 450, 58, [200, 400]], [0, 6.9, 84, [2, 4, 6]], [-3, 10, 84, [0, 5, 10]], [0, 1, 58, [0.5, 1]]])('ticks of %s to %s in %s px', (low, high, height, ticks) => expect(valueTicks(low, high, height).ticks).toEqual(ticks));
  it('count in whole steps', () => expect(valueTicks(0, 1, 58, true).ticks).toEqual([1]));
  it('find buckets and their times', () => {
    const buckets = bucketsOf(two);
    expect([bucketAt(-5, 300, buckets), bucketAt(150, 300, buckets), bucketAt(900, 300, buckets)]).toEqual([0, 1, 2]);
    expect(timesOf(buckets, 2, 1)).toEqual({ from: buckets.from + 60_000, to: buckets.from + 180_000 });
  });
});

describe('heatmaps', () => {
  const map: HeatmapAnswer = { name: 'HEATMAP(d)', column: 'd', scale: 'log', bounds: [1, 10, 100, 1000], counts: [[0, 4, 0], [1, 2, 1]] };
  it('draw rare cells visibly and empty ones not at all', () => {
    expect([0, 1, 20, 100, 196].map((c) => heatStep(c, 196))).toEqual([-1, 1, 4, 7, 9]);
    expect(heatStep(5, 0)).toBe(-1);
  });
  it('place values by the scale, and back', () => {
    expect(placeOf(10, map)).toBeCloseTo(1 / 3);
    expect(placeOf(Math.sqrt(1000), map)).toBeCloseTo(0.5);
    expect(placeOf(5000, map)).toBe(1);
    for (const place of [0, 0.2, 0.5, 0.9, 1]) expect(placeOf(valueAt(place, map), map)).toBeCloseTo(place);
  });
  it('give a single value room', () => {
    for (const bounds of [[138.4, 138.5], [138.4, 138.4], [0, 0], [-2, -1]]) {
      const wide = roomy({ ...map, scale: bounds[0]! > 0 ? 'log' : 'linear', bounds, counts: [[1]] });
      expect(wide.bounds).toHaveLength(17);
      expect([...wide.bounds].sort((a, b) => a - b)).toEqual(wide.bounds);
      expect(wide.counts[0]!.indexOf(1)).toBe(7);
      expect(wide.bounds[7]).toBe(bounds[0]);
    }
    expect(roomy({ ...map, bounds: Array.from({ length: 41 }, (_, i) => i) }).bounds).toHaveLength(41);
  });
  it('label powers of ten', () => expect(heatTicks({ ...map, bounds: [3, 30, 300, 3000, 20_000] }, 196)).toEqual([10, 100, 1000, 10_000]));
  it('estimate quantiles inside a bin', () => {
    expect(quantile([0, 4, 0], map, 0.5)).toBeCloseTo(Math.sqrt(1000));
    expect(quantile([0, 0, 0], map, 0.5)).toBeNull();
  });
});

describe('tables', () => {
  const answer = { columns: [{ name: 'region', type: 'string' }, { name: 'COUNT', type: 'integer' }, { name: 'P99(duration_ms)', type: 'float' }], rows: [['a', 3, 31.5], [null, 7, null], ['a', 2, 12]], stats: { elapsed_ms: 1 } } as unknown as QueryAnswer;
  const explore = { ...emptyExplore, by: ['region'], show: [{ op: 'COUNT' }, { op: 'P99', column: 'duration_ms' }] };
  it('know values from numbers', () => {
    const shape = groupShape(answer, explore);
    expect(shape.numbers.map((n) => [n.name, n.most])).toEqual([['COUNT', 7], ['P99(duration_ms)', 31.5]]);
    expect(eventsWith(answer, 0, shape.countAt, 'a')).toBe(5);
    expect(eventsWith(answer, 0, null, 'a')).toBeNull();
  });
  it('say what changed since an earlier time', () => {
    const [, p99] = groupShape(answer, explore).numbers;
    expect(changesOf({ ...answer, compare: { rows: [['a', 3, 30], [null, 7, 5], ['a', 2, 13]] } } as QueryAnswer, p99!).map((t) => t?.replaceAll('\u202f', ' ') ?? null)).toEqual(['+ 1.5 ms', null, '− 1 ms']);
  });
  it('join pages whose columns differ', () => {
    const pages = [{ columns: [{ name: 'timestamp', type: 'string' }, { name: 'x', type: 'string' }], rows: [['t1', 'a']], stats: { elapsed_ms: 1 } }, { columns: [{ name: 'y', type: 'string' }, { name: 'timestamp', type: 'string' }], rows: [[5, 't2']], stats: { elapsed_ms: 1 } }] as never;
    expect(eventRows(pages).map((r) => [r.time, [...r.values]])).toEqual([['t1', [['x', 'a']]], ['t2', [['y', 5]]]]);
    expect(eventColumns(pages, ['y']).columns.map((c) => c.name)).toEqual(['y', 'x']);
  });
  it('keep widths within bounds', () => {
    expect(columnWidth('id', ['x'.repeat(500)], 84, 300)).toBe(300);
    expect(columnWidth('id', ['1'], 84, 300)).toBe(84);
  });
  it('lift the pen over gaps', () => expect(sparkPath([1, null, 2, 2], 30, 10, 2)).toMatch(/^M[^L]*M[^M]*L/));
});
