// Rules of redaction in words, in their order, and those that must not be made.
import { expect, it } from 'vitest';
import { actionWords, DETECTORS, emptyRule, inOrder, missingOf, readNames, ruleWords, writeNames, type Rule } from './redaction';

const rule = (part: Partial<Rule>): Rule => ({ ...emptyRule, ...part });
const said = (part: Partial<Rule>) => {
  const { verb, what, where } = ruleWords(rule(part));
  return `${verb} ${what}${where}`;
};

it.each<[Partial<Rule>, string]>([
  [{ fields: ['user.email'], action: 'hash' }, 'Hash user.email'],
  [{ fields: ['*password*', 'pin', 'otp'], datasets: ['shop', 'web'] }, 'Mask *password*, pin and otp, in shop and web'],
  [{ detector: 'email' }, 'Mask email addresses in every field'],
  [{ detector: 'ip', fields: ['client.*'], action: 'drop' }, 'Drop IP addresses in client.*'],
  [{ detector: 'card', datasets: ['test-*'], action: 'keep' }, 'Keep payment cards in every field, in test-*'],
])('%j', (part, words) => expect(said(part)).toBe(words));

it('says what is left', () => {
  expect(actionWords(rule({ detector: 'email' }))).toBe('It is replaced by [email].');
  expect(actionWords(rule({ fields: ['a'] }))).toBe('It is replaced by [masked].');
  for (const action of ['drop', 'hash', 'keep'] as const) expect(actionWords(rule({ action }))).toMatch(/^(It|The|A) .*\.$/);
});

it('asks rules by position, then by age', () => {
  const made = (id: string, position: number, created: string) => ({ ...rule({ position }), id, created });
  expect(inOrder([made('c', 1, '1'), made('b', 0, '3'), made('a', 0, '2')]).map((r) => r.id)).toEqual(['a', 'b', 'c']);
});

it('reads and writes names', () => {
  expect(readNames(' user.email, *pass word*,, user.email ')).toEqual(['user.email', '*pass word*']);
  expect(readNames('  ')).toEqual(['*']);
  expect(writeNames(['*'])).toBe('');
  expect(readNames(writeNames(['a', 'b*']))).toEqual(['a', 'b*']);
});

it('refuses what takes everything, and hashes without a secret', () => {
  expect(missingOf(rule({ action: 'drop' }), true)).toContain('every value');
  expect(missingOf(rule({ action: 'hash', fields: ['a'] }), false)).toContain('no secret');
  expect(missingOf(rule({ action: 'hash', fields: ['a'] }), undefined)).toBeNull();
});

it('knows which hold without any rule', () => expect(DETECTORS.filter((d) => d.standing).map((d) => d.detector)).toEqual(['private_key', 'token', 'card']));
