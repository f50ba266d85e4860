// The window of time a waterfall shows, and how common a span's values are, read from a compare.
import { describe, expect, it } from 'vitest';
import type { CompareAnswer, TraceSpan } from '../../api/types';
import { commonOf, sameFilters } from './useSiblings';
import type { Roles } from '../../state/roles';
import { moved, ticksOf, zoomed } from './window';

describe('the window', () => {
  it('comes nearer around a place and never leaves the trace', () => {
    expect(zoomed({ from: 0, to: 100 }, 0.5, 100)).toEqual({ from: 25, to: 75 });
    expect(zoomed({ from: 0, to: 100 }, 0.5, 100, 0)).toEqual({ from: 0, to: 50 });
    expect(zoomed({ from: 80, to: 100 }, 4, 100, 1)).toEqual({ from: 20, to: 100 });
    expect(zoomed({ from: 20, to: 60 }, 100, 100)).toEqual({ from: 0, to: 100 });
    expect(moved({ from: 20, to: 60 }, 0.5, 100)).toEqual({ from: 40, to: 80 });
    expect(moved({ from: 20, to: 60 }, 5, 100)).toEqual({ from: 60, to: 100 });
    expect(moved({ from: 20, to: 60 }, -5, 100)).toEqual({ from: 0, to: 40 });
  });
  it.each([[0, 4980, 5, [0, 1000, 2000, 3000, 4000]], [0, 100, 4, [0, 25, 50, 75, 100]], [1.5, 1.7, 3, [1.5, 1.6, 1.7]]])('from %s to %s has round ticks', (from, to, wanted, ticks) => {
    expect(ticksOf({ from, to }, wanted).map((t) => Number(t.toPrecision(6)))).toEqual(ticks);
  });
  it('without any time has one tick', () => expect(ticksOf({ from: 0, to: 0 }, 4)).toEqual([0]));
});

describe('the same work', () => {
  const span = { name: 'place_order', service: 'checkout', span_id: 'a4', duration_ms: 4860, fields: { service: 'checkout', name: 'place_order', build: 'b-37', ms: 4860, few: 1, id: 'x', none: null } } as unknown as TraceSpan;
  it('is found by the names that its fields have', () => expect(sameFilters(span, { name: 'name', service: 'service' } as Roles)).toEqual([{ column: 'name', op: '=', value: 'place_order' }, { column: 'service', op: '=', value: 'checkout' }]));
  it('tells how common each value is', () => {
    const shares = (value: unknown, baseline: number, baseline_events: number) => [{ value: 'other', selection: 0, baseline: 1 - baseline, selection_events: 0, baseline_events: 5 }, { value, selection: 1, baseline, selection_events: 1, baseline_events }];
    const bins = [{ min: 0, max: 10, selection: 0, baseline: 0.5 }, { min: 10, max: 100, selection: 0, baseline: 0.48 }, { min: 100, max: 9000, selection: 1, baseline: 0.02 }];
    const answer = { baseline: { events: 100 }, fields: [
      { field: 'build', kind: 'categorical', values: shares('b-37', 0.06, 6), distinct: { selection: 1, baseline: 3 } },
      { field: 'id', kind: 'categorical', values: shares('x', 0, 0), distinct: { selection: 1, baseline: 100 } },
      { field: 'ms', kind: 'numeric', bins, p50: { selection: 4860, baseline: 12 } },
      { field: 'none', kind: 'categorical', values: shares(null, 0.5, 50) },
      { field: 'absent', kind: 'categorical', values: shares('y', 0.5, 50) },
    ] } as unknown as CompareAnswer;
    expect(Object.fromEntries(commonOf(answer, span))).toEqual({ build: { share: 0.06, unique: false, median: null }, id: { share: 0, unique: true, median: null }, ms: { share: 0.02, unique: false, median: 12 } });
    expect(commonOf({ ...answer, baseline: { events: 0 } } as CompareAnswer, span).size).toBe(0);
  });
});
