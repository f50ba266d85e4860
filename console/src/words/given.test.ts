// What expressions give, in words, and the functions that they can call.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { argumentsOf, functionNamed, FUNCTIONS } from './functions';
import { givenWords } from './given';

it('counts values, the most frequent first', () => {
  expect(givenWords(['ok', 'failed', 'ok', null])).toEqual({ lead: 'The newest 4 events would have', values: [{ text: 'ok', times: 2 }, { text: 'failed', times: 1 }, { text: 'no value', times: 1 }] });
  expect(givenWords([])).toEqual({ lead: '', values: [] });
});
it('sums up many numbers and many texts', () => {
  expect(givenWords([...Array.from({ length: 101 }, (_, i) => i), null]).values).toEqual([{ text: '0 to 100', times: null }, { text: 'median 50', times: null }, { text: 'no value', times: 1 }]);
  expect(givenWords(Array.from({ length: 20 }, (_, i) => `v${i}`)).values.at(-1)).toEqual({ text: '12 other values', times: 12 });
});
it('says one number over everything', () => expect(givenWords([0.25], true)).toEqual({ lead: 'Over the whole range', values: [{ text: '0.25', times: null }] }));

it('knows every function of the documents, and no other', () => {
  const text = readFileSync(new URL('../../../docs/calculated-fields.md', import.meta.url), 'utf8');
  const table = text.slice(text.indexOf('| function |'), text.indexOf('are for metrics')).split('\n').filter((line) => line.startsWith('| `'));
  const named = table.flatMap((line) => line.split(' | ')[0]!.match(/[A-Z][A-Z_0-9]+/g) ?? []);
  expect(FUNCTIONS.map((f) => f.name).sort()).toEqual([...new Set(named)].sort());
});
it('takes usages apart', () => {
  expect(argumentsOf(functionNamed('IF')!)).toEqual(['condition', 'value', '…', 'else']);
  expect(argumentsOf(functionNamed('RAND')!)).toEqual([]);
});
