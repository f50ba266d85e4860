// The search over all fields: what is offered for a text, in which order, and what taking it does.
import { expect, it } from 'vitest';
import type { FieldInfo, RowsAnswer } from '../api/types';
import { emptyExplore, type Explore } from './explore';
import { offersFor, valuesWith, type Offer } from './found';

const field = (name: string, events = 10): FieldInfo => ({ name, types: { string: events }, events, distinct_estimate: 3, overflow: false, first_seen: '', last_seen: '' }) as FieldInfo;
const fields = [field('region', 90), field('http.route', 80), field('customer.region', 5)];
const page: Explore = { ...emptyExplore, dataset: 'shop', show: [{ op: 'COUNT' }] };
const rows = (rows: unknown[][]) => ({ columns: ['timestamp', 'region', 'host'].map((name) => ({ name, type: 'string' })), rows, cursor: null, stats: {} }) as unknown as RowsAnswer;
const short = (typed: string, e = page) => offersFor(e, typed, fields, [{ column: 'region', value: 'eu-west-1', events: 2 }]).map((o) => (o.kind === 'field' ? `field ${o.field.name}` : o.kind === 'value' ? `value ${o.found.value}` : o.kind));

it('finds the values that hold the text, most frequent first', () => {
  const answer = rows([['eu', 'us-1', 'eu-a'], ['eu', 'eu-1', 'eu-b'], ['eu', 'eu-1', null]]);
  expect(valuesWith(answer, 'eu').map((v) => `${v.column} ${v.value} ${v.events}`)).toEqual(['region eu-1 2', 'host eu-a 1', 'host eu-b 1']);
});

it('offers fields that begin so, then values, then everywhere, then other fields', () => {
  expect(short('')).toEqual(['field region', 'field http.route', 'field customer.region']);
  expect(short('reg')).toEqual(['field region', 'value eu-west-1', 'anywhere', 'field customer.region']);
  expect(short('region = eu-west-1')).toEqual(['filter', 'value eu-west-1', 'anywhere']);
  expect(short('nowhere = 1')).toEqual(['value eu-west-1', 'anywhere']);
});

it('only groups where filters are joined by or, because a further one would let more in', () => {
  const or: Explore = { ...page, combine: 'OR', where: [{ column: 'a', op: '=', value: 1 }, { column: 'b', op: '=', value: 1 }] };
  expect(short('reg', or)).toEqual(['field region', 'field customer.region']);
});

it('changes the page as the offer says', () => {
  const [field, value, anywhere] = offersFor(page, 'reg', fields, [{ column: 'region', value: 'eu-west-1', events: 2 }]);
  const next = (offer: Offer | undefined) => (offer && 'next' in offer ? offer.next : page);
  expect(next(field).by).toEqual(['region']);
  expect(next(value).where).toEqual([{ column: 'region', op: '=', value: 'eu-west-1' }]);
  expect(next(anywhere).where).toEqual([{ column: '*', op: 'contains', value: 'reg' }]);
});

it('leads to the trace of an id first, however the filters are joined', () => {
  const id = '4bf92f3577b34da6a3ce929d0e0e4736';
  expect(offersFor(page, ` ${id.toUpperCase()} `, fields, [])[0]).toEqual({ kind: 'trace', trace: id });
  expect(offersFor(page, `00-${id}-00f067aa0ba902b7-01`, fields, [])[0]).toEqual({ kind: 'trace', trace: id });
  const or: Explore = { ...page, combine: 'OR', where: [{ column: 'a', op: '=', value: 1 }, { column: 'b', op: '=', value: 1 }] };
  expect(short(id, or)).toEqual(['trace']);
  expect(short('4bf92f35')).not.toContain('trace');
});
