// Looking through the fields of a dataset.
import { describe, expect, it } from 'vitest';
import type { FieldInfo } from '../../api/types';
import { listed, oddOnes, ordered } from './list';

const NOW = Date.UTC(2026, 10, 18);
const field = (name: string, more: Partial<FieldInfo> = {}): FieldInfo => ({ name, types: { string: 1 }, events: 1, distinct_estimate: 1, first_seen: '2026-11-01T00:00:00Z', last_seen: '2026-11-17T23:00:00Z', overflow: false, ...more });
const names = (fields: FieldInfo[]) => fields.map((f) => f.name);

describe('fields', () => {
  const fields = [field('b.region', { events: 5, distinct_estimate: 3 }), field('region', { events: 9, distinct_estimate: 2 }), field('a', { events: 7, distinct_estimate: 9 })];
  it('stand by how well they match, or in the order that was asked for', () => {
    expect(names(listed(fields, 'region', null))).toEqual(['region', 'b.region']);
    expect(names(listed(fields, '', { column: 'distinct', descending: true }))).toEqual(['a', 'b.region', 'region']);
    expect(names(listed(fields, '', { column: 'name', descending: false }))).toEqual(['a', 'b.region', 'region']);
  });
  it('are narrowed to what is odd: mixed types, overflow, not seen for a day', () => {
    const odd = [field('plain'), field('numbers', { types: { integer: 3, float: 2 } }), field('mixed', { types: { integer: 3, string: 2, boolean: 0 } }), field('over', { overflow: true }), field('quiet', { last_seen: '2026-11-16T00:00:00Z' })];
    expect([names(oddOnes(odd, 'mixed', NOW)), names(oddOnes(odd, 'overflow', NOW)), names(oddOnes(odd, 'quiet', NOW)), oddOnes(odd, 'all', NOW).length]).toEqual([['mixed'], ['over'], ['quiet'], 5]);
  });
  it('turn their order by clicks, and lose it by a third', () => {
    const one = ordered(null, 'events');
    expect([one, ordered(one, 'events'), ordered(ordered(one, 'events'), 'events'), ordered(one, 'name')]).toEqual([{ column: 'events', descending: true }, { column: 'events', descending: false }, null, { column: 'name', descending: false }]);
  });
});
