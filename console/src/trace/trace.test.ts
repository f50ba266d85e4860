// Traces as they arrive: whole, torn, in a circle, skewed, and very large; where their time went, and which rows are shown.
import { describe, expect, it } from 'vitest';
import type { TraceSpan } from '../api/types';
import { whereTimeWent } from '../words/trace';
import { matcher, nextOf } from './find';
import { closedFrom, NOTHING_FOLDED, revealed, rowsOf } from './rows';
import { coarse, criticalBelow, length, spentOf, type Part } from './spent';
import { treeOf, type Tree } from './tree';

const START = Date.UTC(2026, 10, 18, 2, 52, 11, 84);
type Brief = [id: string, parent: string | null, name: string, from: number, ms: number, more?: Partial<TraceSpan>];
const span = ([span_id, parent_id, name, from, duration_ms, more]: Brief): TraceSpan => ({ span_id, parent_id, name, service: 'shop', start: new Date(START + from).toISOString(), offset_ms: from, duration_ms, error: false, kind: null, depth: 0, missing_parent: false, repeated_id: false, dataset: 'shop', sequence: 1, fields: {}, events: [], links: [], ...more });
const tree = (...spans: Brief[]) => treeOf({ start: new Date(START).toISOString(), spans: spans.map(span) });
const ids = (t: Tree) => t.nodes.map((n) => `${' '.repeat(n.depth)}${n.id}`);
const critical = (t: Tree) => Object.fromEntries(t.nodes.map((n) => [n.id, spentOf(t).critical[n.at]!]).filter(([, parts]) => (parts as Part[]).length > 0));

describe('the tree', () => {
  it('stands in the order of the waterfall, whatever order spans came in', () => {
    const t = tree(['c', 'a', 'C', 50, 10], ['d', 'b', 'D', 12, 3], ['a', null, 'A', 0, 100], ['b', 'a', 'B', 10, 20]);
    expect(ids(t)).toEqual(['a', ' b', '  d', ' c']);
    expect([t.duration, t.began, t.nodes[0]!.below, t.nodes[1]!.below]).toEqual([100, START, 3, 1]);
  });
  it('keeps a place for a parent that never arrived', () => {
    const t = tree(['a', null, 'A', 0, 100], ['x', 'gone', 'X', 20, 5], ['y', 'gone', 'Y', 40, 8]);
    expect(ids(t)).toEqual(['a', ' gone', '  x', '  y']);
    expect([t.missing, t.nodes[1]!.span, t.nodes[1]!.from, t.nodes[1]!.to]).toEqual([1, null, 20, 48]);
    expect(ids(tree(['x', 'gone', 'X', 20, 5]))).toEqual(['gone', ' x']);
  });
  it('has every span of a circle, of a span that is its own parent, and of an id that came twice', () => {
    expect(ids(tree(['a', 'b', 'A', 0, 9], ['b', 'a', 'B', 1, 9]))).toEqual(['a', ' b']);
    expect(ids(tree(['a', 'a', 'A', 0, 9], ['b', 'a', 'B', 1, 2]))).toEqual(['a', ' b']);
    expect(ids(tree(['a', null, 'A', 0, 9], ['a', null, 'A', 1, 9], ['b', 'a', 'B', 2, 1]))).toEqual(['a', ' b', 'a']);
  });
  it('knows errors below, and of nothing makes nothing', () => {
    const t = tree(['a', null, 'A', 0, 9], ['b', 'a', 'B', 1, 2, { error: true }]);
    expect([t.nodes[0]!.failedBelow, t.failed]).toEqual([1, [1]]);
    expect(tree()).toMatchObject({ nodes: [], duration: 0 });
  });
  it('takes a chain of 30,000 without running out of stack', () => {
    const chain = tree(...Array.from({ length: 30_000 }, (_, i): Brief => [`s${i}`, i ? `s${i - 1}` : null, 'step', i / 100, 1000 - i / 100]));
    expect(chain.nodes[29_999]!.depth).toBe(29_999);
    expect(length(spentOf(chain).critical.flat())).toBeCloseTo(1000, 3);
    expect(rowsOf(chain, NOTHING_FOLDED)).toHaveLength(30_000);
  });
});

describe('where time went', () => {
  it('is a span’s own where no child runs', () => {
    const t = tree(['a', null, 'A', 0, 100], ['b', 'a', 'B', 10, 30], ['c', 'a', 'C', 20, 30], ['d', 'a', 'D', 90, 50]);
    expect(spentOf(t).own[0]).toEqual([[0, 10], [50, 90]]);
  });
  it('counts time under several children once', () => {
    const t = tree(['a', null, 'A', 0, 100], ['b', 'a', 'B', 10, 60], ['c', 'a', 'C', 20, 10], ['d', 'a', 'D', 80, 5]);
    expect(spentOf(t).own[0]).toEqual([[0, 10], [70, 80], [85, 100]]);
  });
  it('follows what ended last, back to the beginning', () => {
    const t = tree(['a', null, 'A', 0, 100], ['b', 'a', 'B', 10, 30], ['c', 'a', 'C', 20, 60], ['e', 'c', 'E', 30, 10], ['d', 'a', 'D', 85, 5]);
    expect(critical(t)).toEqual({ a: [[0, 20], [80, 85], [90, 100]], c: [[20, 30], [40, 80]], e: [[30, 40]], d: [[85, 90]] });
  });
  it('waits for a child that outlives its parent only until the parent’s end', () => {
    expect(critical(tree(['a', null, 'A', 0, 50], ['b', 'a', 'B', 40, 30]))).toEqual({ a: [[0, 40]], b: [[40, 50]] });
  });
  it('covers the whole of any trace exactly once', () => {
    let seed = 7;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    for (let round = 0; round < 60; round += 1) {
      const spans: Brief[] = [['s0', null, 'root', 0, 1000]];
      for (let i = 1; i < 40; i += 1) {
        const parent = spans[Math.floor(random() * spans.length)]!;
        const from = parent[3] + random() * parent[4] * 1.2;
        spans.push([`s${i}`, parent[0], `n${i % 5}`, Math.min(from, 990), random() * Math.min(parent[4], 1000 - Math.min(from, 990))]);
      }
      const t = tree(...spans);
      const parts = spentOf(t).critical.flat().sort((a, b) => a[0] - b[0]);
      parts.forEach((p, i) => i > 0 && expect(p[0]).toBeCloseTo(parts[i - 1]![1], 6));
      expect(length(parts)).toBeCloseTo(t.duration, 6);
      expect(criticalBelow(t, spentOf(t).critical)[0]).toBeCloseTo(t.duration, 6);
    }
  });
  it('closes gaps that cannot be seen, and cuts to a window', () => {
    expect(coarse([[0, 1], [1.05, 2], [5, 6], [9, 12]], 0, 10, 0.1)).toEqual([[0, 2], [5, 6], [9, 10]]);
  });
});

describe('the sentence', () => {
  const said = (t: Tree) => whereTimeWent(t, spentOf(t)).map((p) => p.text).join('').replace(/\u202f/g, ' ');
  const calls = (n: number, each: number, apart: number): Brief[] => Array.from({ length: n }, (_, i): Brief => [`t${i}`, 'q', 'tax.lookup', 100 + i * apart, each]);
  it('names calls that were made one after another', () => {
    expect(said(tree(['a', null, 'POST /checkout', 0, 4980], ['q', 'a', 'pricing.quote', 90, 4700], ...calls(18, 228, 228)))).toBe('4.1 s of 4.98 s went into 18 calls of tax.lookup, one after another.');
  });
  it('tells when they ran side by side', () => {
    expect(said(tree(['a', null, 'A', 0, 1000], ['q', 'a', 'Q', 0, 1000], ...calls(4, 800, 10)))).toContain('4 calls of tax.lookup, all at once.');
    expect(said(tree(['a', null, 'A', 0, 1000], ['q', 'a', 'Q', 0, 1000], ...calls(4, 300, 160)))).toContain('up to 2 at once.');
  });
  it('tells a span’s own time, an even spread, and a lone span', () => {
    expect(said(tree(['a', null, 'A', 0, 100], ['b', 'a', 'B', 10, 80]))).toBe('80 ms of 100 ms were B’s own time.');
    expect(said(tree(['a', null, 'A', 0, 100], ['b', 'a', 'B', 0, 40], ['c', 'a', 'C', 40, 45]))).toBe('No call took half of 100 ms; the largest part went into C, 45 ms.');
    expect(said(tree(['a', null, 'A', 0, 100]))).toBe('One span, 100 ms; nothing below it was recorded.');
  });
  it('says where an error began', () => {
    expect(said(tree(['a', null, 'A', 0, 100, { error: true }], ['b', 'a', 'B', 10, 80, { error: true }]))).toContain(' The error began in B.');
  });
});

describe('rows', () => {
  const alike = (n: number, failed = -1): Brief[] => [['a', null, 'A', 0, 100], ...Array.from({ length: n }, (_, i): Brief => [`t${i}`, 'a', 'tax', i, 1, { error: i === failed }])];
  it('fold what is alike beyond the first eight, and show it when asked', () => {
    const t = tree(...alike(18));
    const rows = rowsOf(t, NOTHING_FOLDED);
    expect(rows.map((r) => r.kind)).toEqual([...Array<string>(9).fill('span'), 'alike']);
    expect(rows[9]).toMatchObject({ at: 9, nodes: Array.from({ length: 10 }, (_, i) => i + 9) });
    expect(rowsOf(t, revealed(t, NOTHING_FOLDED, 14))).toHaveLength(19);
  });
  it('fold nothing that is short or failed', () => {
    expect(rowsOf(tree(...alike(10)), NOTHING_FOLDED)).toHaveLength(11);
    expect(rowsOf(tree(...alike(18, 12)), NOTHING_FOLDED).filter((r) => r.at === 13)).toEqual([{ kind: 'span', at: 13 }]);
  });
  it('leave out what is below a closed node, and reveal opens the way to one', () => {
    const t = tree(['a', null, 'A', 0, 9], ['b', 'a', 'B', 1, 5], ['c', 'b', 'C', 2, 2]);
    const folded = closedFrom(t, 0);
    expect(rowsOf(t, folded)).toEqual([{ kind: 'span', at: 0 }]);
    expect(rowsOf(t, revealed(t, folded, 2)).map((r) => r.at)).toEqual([0, 1, 2]);
    expect(rowsOf(t, closedFrom(t, 1)).map((r) => r.at)).toEqual([0, 1]);
  });
});

describe('finding', () => {
  const t = tree(['a1', null, 'GET /cart', 0, 9, { fields: { 'customer.name': 'נועה', region: 'eu-west-1', n: 18 } }], ['b2', 'a1', 'SELECT', 1, 5, { error: true }]);
  it.each([['cart', [0]], ['EU-west', [0]], ['customer.', [0]], ['18', [0]], ['נועה', [0]], ['b2', [1]], ['error', [1]], ['nothing', []], ['shop', [0, 1]]])('looks for %s in everything', (text, found) => expect(t.nodes.filter(matcher(text)!).map((n) => n.at)).toEqual(found));
  it('goes round', () => {
    expect(matcher('  ')).toBeNull();
    expect([nextOf([2, 5], 2, 1), nextOf([2, 5], 5, 1), nextOf([2, 5], 2, -1), nextOf([2, 5], 9, -1), nextOf([], 1, 1)]).toEqual([5, 2, 5, 5, null]);
  });
});
