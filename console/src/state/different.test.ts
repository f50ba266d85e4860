// Picked events as a value: in the URL and back, as a question of the contract, and as queries that mean what they say.
import { describe, expect, it } from 'vitest';
import { boxColumn, boxValues, compareSpec, differentOf, narrowed, pickedBy, queryOfThese, queryWithout, theseDuring, theseOfGroup, theseWhere, type Different } from './different';
import { emptyExplore, type Explore, type Filter } from './explore';
import { datasetOf, decodePage, encodePage, frozen } from './url';

const HOUR = 3_600_000;
const start = Date.UTC(2026, 10, 18, 1);
const scope = { from: start, to: start + 2 * HOUR };
const span = { from: start + HOUR, to: start + 2 * HOUR };
const explore: Explore = { ...emptyExplore, dataset: 'shop', show: [{ op: 'COUNT' }], where: [{ column: 'http.route', op: '=', value: 'POST /checkout' }], range: { last: 7200 }, live: true };
const slow: Filter[] = [{ column: 'duration_ms', op: '>=', value: 2200 }, { column: 'duration_ms', op: '<', value: 5000 }];
const box = differentOf(explore, scope, { where: slow, span, slow: true });
const through = (d: Different) => decodePage(encodePage({ page: 'different', different: d }));

describe('picked events', () => {
  it('are about what was on the screen', () => expect(box.explore).toEqual({ ...explore, range: scope, live: false }));
  it('end where the query does', () => expect(differentOf(explore, scope, theseDuring({ from: scope.from - 1000, to: scope.to + 1000 })).these.span).toEqual(scope));
  it('know how they were picked', () => {
    expect([box.these, theseDuring(span), theseWhere(slow)].map(pickedBy)).toEqual(['box', 'range', 'filters']);
    expect([boxColumn(box.these), boxValues(box.these)]).toEqual(['duration_ms', { low: 2200, high: 5000 }]);
  });
  it('come from a group with absence as absence', () => expect(theseOfGroup(['a', 'b'], ['x', null]).where).toEqual([{ column: 'a', op: '=', value: 'x' }, { column: 'b', op: 'does-not-exist' }]));
});

describe('the URL of what is different', () => {
  const pages: Different[] = [
    box,
    { ...box, these: theseDuring(span), than: { kind: 'earlier', seconds: 86_400 } },
    { ...box, these: theseWhere([{ column: 'a b', op: '=', value: '"quoted" = x' }, { column: 'c', op: 'does-not-exist' }]), than: { kind: 'where', where: [{ column: 'build_id', op: '=', value: 'b-0036' }] }, all: true },
  ];
  it.each(pages.map((p) => [p]))('holds all of it', (d) => expect(through(d)).toEqual({ page: 'different', different: d }));
  it('is the query when nothing is picked', () => expect(decodePage('?page=different&dataset=shop&these=nonsense')).toMatchObject({ page: 'explore', explore: { dataset: 'shop' } }));
  it('gets absolute times', () => {
    const relative = { page: 'different' as const, different: { ...box, explore } };
    expect(frozen(relative, scope.to)).toEqual({ page: 'different', different: { ...box, explore: { ...explore, live: false, range: scope } } });
    expect(datasetOf(relative)).toBe('shop');
  });
});

describe('the question', () => {
  it('has scope, selection and the rest as baseline', () =>
    expect(compareSpec(box)).toEqual({
      filters: explore.where,
      filter_combination: 'AND',
      start_time: '2026-11-18T01:00:00.000Z',
      end_time: '2026-11-18T03:00:00.000Z',
      selection: { filters: slow, start_time: '2026-11-18T02:00:00.000Z', end_time: '2026-11-18T03:00:00.000Z' },
      baseline: null,
      max_fields: 100,
    }));
  it('asks for the same so much earlier', () => expect(compareSpec({ ...box, than: { kind: 'earlier', seconds: 3600 } }).baseline).toEqual({ filters: slow, start_time: '2026-11-18T01:00:00.000Z', end_time: '2026-11-18T02:00:00.000Z' }));
  it('shifts the whole range where no time was picked', () => expect(compareSpec({ ...box, these: theseWhere(slow), than: { kind: 'earlier', seconds: 86_400 } }).baseline).toMatchObject({ start_time: '2026-11-17T01:00:00.000Z', end_time: '2026-11-17T03:00:00.000Z' }));
  it('asks for all fields when told to', () => expect(compareSpec({ ...box, all: true }).max_fields).toBe(1000));
});

describe('queries', () => {
  const eu: Filter = { column: 'region', op: '=', value: 'eu-west-1' };
  const or: Explore = { ...explore, combine: 'OR', where: [eu, ...slow] };
  it('of these have their filters, their time, and show events', () => expect(queryOfThese(box, [eu])).toMatchObject({ where: [...explore.where, ...slow, eu], range: span, tab: 'events' }));
  it('name a filter once', () => expect(narrowed(explore, explore.where)?.where).toEqual(explore.where));
  it('are not made of filters joined by or, which would mean something else', () => {
    expect(narrowed(or, [eu])).toBeNull();
    expect(narrowed(or, [])).toEqual(or);
    expect(narrowed({ ...or, where: [eu] }, slow)).toMatchObject({ combine: 'AND', where: [eu, ...slow] });
  });
  it('without some are exact complements or none', () => {
    expect(queryWithout(explore, [eu])?.where).toEqual([...explore.where, { ...eu, op: '!=' }]);
    expect(queryWithout(explore, [{ column: 'a', op: 'does-not-exist' }])?.where[1]).toEqual({ column: 'a', op: 'exists' });
    expect(queryWithout(explore, [slow[0]!])).toBeNull();
    expect(queryWithout(explore, [eu, { column: 'a', op: '=', value: true }])).toBeNull();
    expect(queryWithout({ ...explore, where: [] }, [eu, { column: 'a', op: '=', value: true }])).toMatchObject({ combine: 'OR', where: [{ ...eu, op: '!=' }, { column: 'a', op: '!=', value: true }] });
  });
});

it('leaves out how the work ended where the unmet are asked about', () => {
  const met = { column: 'intent.met', op: '=', value: false };
  const d = { explore: emptyExplore, these: theseWhere([met]), than: { kind: 'others' as const }, all: false };
  const known = ['intent.unmet', 'duration_ms', 'error', 'error.kind', 'region', 'intent.name'];
  expect(compareSpec(d, known).fields).toEqual(['error.kind', 'region', 'intent.name']);
  expect(compareSpec({ ...d, these: theseWhere([{ column: 'region', op: '=', value: 'eu' }]) }, known).fields).toBeUndefined();
});
