// Steps of the history: one change is said as that change, several as the question.
import { expect, it } from 'vitest';
import { emptyExplore, type Explore } from '../state/explore';
import { sameQuestion, stepOf } from './steps';

const page: Explore = { ...emptyExplore, dataset: 'shop', show: [{ op: 'COUNT' }] };
const say = (now: Partial<Explore>, before: Partial<Explore> | null = {}) => {
  const step = stepOf({ ...page, ...now }, before && { ...page, ...before });
  return `${step.lead} ${step.bold}`.trim();
};
const eu = { column: 'region', op: '=', value: 'eu-west-1' };

it('says what changed', () => {
  expect(say({ by: ['region'] })).toBe('Group by region');
  expect(say({}, { by: ['region'] })).toBe('No longer by region');
  expect(say({ where: [eu] })).toBe('Only region eu-west-1');
  expect(say({ where: [{ column: '*', op: 'contains', value: 'tax' }] })).toBe('Where any field contains tax');
  expect(say({ show: [{ op: 'COUNT' }, { op: 'P99', column: 'duration_ms' }] })).toBe('Show P99 duration_ms');
  expect(say({ orders: [{ op: 'COUNT', descending: true }] })).toBe('Order by COUNT ↓');
  expect(say({ compare: 86_400 })).toBe('Compare with yesterday');
});

it('says the question where several things changed, or it is the first', () => {
  expect(say({ where: [eu], by: ['build_id'] })).toBe('eu-west-1 by build_id');
  expect(say({ by: ['region'] }, null)).toBe('COUNT by region');
  expect(say({ by: ['region'] }, { dataset: 'web', by: ['region'] })).toBe('COUNT by region');
});

it('knows the same question at another time', () => {
  expect(sameQuestion(page, { ...page, range: { last: 5 } })).toBe(true);
  expect(sameQuestion(page, { ...page, limit: 5 })).toBe(false);
});
