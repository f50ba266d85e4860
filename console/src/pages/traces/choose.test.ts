// The choice of traces as a question, and its answer as lines.
import { describe, expect, it } from 'vitest';
import { rolesOf } from '../../state/roles';
import type { FieldInfo } from '../../api/types';
import { chosenSpec, tracesOf } from './choose';

const NOW = Date.UTC(2026, 10, 18, 3);
const field = (name: string, type = 'string'): FieldInfo => ({ name, types: { [type]: 1 }, events: 1, distinct_estimate: 1, first_seen: '', last_seen: '', overflow: false });
const roles = rolesOf([field('traceId'), field('span_id'), field('name'), field('service'), field('duration_ms', 'float')])!;
const look = { dataset: 'shop', choice: 'slowest' as const, last: 3600 };

describe('traces', () => {
  it('are those whose names the dataset has, and none where no event belongs to one', () => {
    expect(roles).toMatchObject({ trace: 'traceId', span: 'span_id', service: 'service', duration: 'duration_ms' });
    expect(rolesOf([field('name')])).toBeNull();
  });
  it('are asked for by how long their root took, or as events', () => {
    const slowest = chosenSpec(look, roles, NOW);
    expect(slowest).toMatchObject({ kind: 'query', body: { start_time: '2026-11-18T02:00:00.000Z', breakdowns: ['traceId', 'name', 'service'], calculations: [{ op: 'MAX', column: 'duration_ms' }] } });
    expect(chosenSpec({ ...look, choice: 'failed' }, roles, NOW)).toMatchObject({ kind: 'rows', body: { filters: [{ column: 'traceId', op: 'exists' }, { column: 'error', op: '=', value: true }] } });
    expect(chosenSpec(look, { ...roles, duration: null }, NOW).kind).toBe('rows');
  });
  it('are one line each, in the order of the answer', () => {
    const columns = ['timestamp', 'traceId', 'span_id', 'name', 'service', 'duration_ms'].map((name) => ({ name, type: 'string' }));
    const rows = [['2026-11-18T02:30:00Z', 't2', 's1', 'GET /cart', 'cart', 12], ['2026-11-18T02:29:00Z', 't1', null, null, null, null], ['2026-11-18T02:28:00Z', 't2', 's0', 'x', 'y', 3], ['2026-11-18T02:27:00Z', null, 's', 'x', 'y', 3]];
    expect(tracesOf({ columns, rows }, roles)).toEqual([
      { trace: 't2', span: 's1', name: 'GET /cart', service: 'cart', duration: 12, at: Date.UTC(2026, 10, 18, 2, 30) },
      { trace: 't1', span: null, name: null, service: null, duration: null, at: Date.UTC(2026, 10, 18, 2, 29) },
    ]);
  });
});
