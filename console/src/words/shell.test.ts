// Questions as commands: nothing in a value ends a word of the shell, and what cannot be said is not said wrongly.
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { emptyExplore, type Explore } from '../state/explore';
import { querySpec, times } from '../state/spec';
import { callOf, commandOf, curlOf, sqlSpec, sqlText } from './shell';

const nasty = `it's $HOME "x" \`id\`\nend`;
const page: Explore = { ...emptyExplore, dataset: 'shop', show: [{ op: 'COUNT' }, { op: 'P99', column: 'duration_ms' }], where: [{ column: 'note', op: '=', value: nasty }, { column: 'http.status_code', op: '>=', value: 500 }, { column: 'cart.id', op: 'exists' }], by: ['region'], orders: [{ op: 'P99', column: 'duration_ms', descending: true }] };
/** What a shell makes of the words after the first. */
const words = (command: string) => execFileSync('sh', ['-c', `printf '%s\\0' ${command}`]).toString().split('\0').slice(0, -1);

it('survives the shell word by word', () => {
  const asked = words(commandOf('http://127.0.0.1:4318', page)!);
  expect(asked).toEqual(['outcrop', 'query', '--url', 'http://127.0.0.1:4318', '--dataset', 'shop', '--calc', 'COUNT', '--calc', 'P99(duration_ms)', '--where', `note = ${JSON.stringify(nasty)}`, '--where', 'http.status_code >= 500', '--where', 'cart.id exists', '--by', 'region', '--order=-P99(duration_ms)', '--limit', '100', '--last', '2h']);
  const spec = querySpec(page, times(page, 0));
  expect(JSON.parse(words(curlOf('http://h', 'shop', spec)).at(-1)!)).toEqual(spec);
  expect(JSON.parse(callOf('shop', spec).split('\n\n')[1]!)).toEqual(spec);
});

it('writes ranges as they are meant, and leaves out what the command cannot say', () => {
  expect(commandOf('http://h', { ...page, combine: 'OR', range: { last: 90 } })).toContain("--any --by region '--order=-P99");
  expect(commandOf('http://h', { ...page, range: { last: 90 } })).toMatch(/--last 90s$/);
  expect(commandOf('http://h', { ...page, range: { from: 0, to: 1000 } })).toMatch(/--start 1970-01-01T00:00:00.000Z --end 1970-01-01T00:00:01.000Z$/);
  expect(commandOf('http://h', { ...page, havings: [{ op: 'COUNT', compare: '>', value: 1 }] })).toBeNull();
});

it('says in comments what a statement leaves out, and asks for none of it', () => {
  const rate: Explore = { ...page, formulas: [{ name: 'error rate', expression: '$errors / $COUNT' }], orders: [{ column: 'error rate', descending: true }] };
  expect(sqlSpec(rate, times(rate, 0))).toEqual({ ...querySpec({ ...rate, formulas: [], orders: [] }, times(rate, 0)), disable_series: true });
  expect(sqlText('SELECT 1', ['two\nlines'], ['error rate'])).toBe('-- two lines\n-- the formula error rate is left out\nSELECT 1\n');
  expect(commandOf('http://h', rate)).toBeNull();
});
