// What is different in words, as console.md, "Words", writes it.
import { describe, expect, it } from 'vitest';
import { theseDuring, theseWhere, type Different, type These } from '../state/different';
import { emptyExplore, type Filter } from '../state/explore';
import { againstWords, alikeWords, boxWords, conditionsOf, conditionWords, incomparableWords, pickedWords, sentenceOf, sentenceText, shortName, theseWords } from './different';

const thin = (text: string) => text.replaceAll('\u202f', ' ');
const start = Date.UTC(2026, 10, 18, 2, 31);
const span = { from: start, to: start + 39 * 60_000 };
const slowBox: These = { where: [{ column: 'duration_ms', op: '>=', value: 2200 }, { column: 'duration_ms', op: '<', value: 5000 }], span, slow: true };
const page = (these: These, than: Different['than'] = { kind: 'others' }): Different => ({ explore: { ...emptyExplore, dataset: 'shop', range: span }, these, than, all: false });
const is = (column: string, value: string | number | boolean, op = '='): Filter => ({ column, op, value });
const known = ['flags.new_checkout', 'build_id', 'region', 'retry_count', 'payments.provider', 'http.route', 'db.host', 'cache.host'];
const say = (filters: Filter[], selection = 0.97, baseline = 0.001, d = page(slowBox), rough = false) => thin(sentenceText(sentenceOf({ filters, selection, baseline }, d, known, rough)));

describe('sentences', () => {
  it('say who, where, with what, and how many of the others', () =>
    expect(say([is('flags.new_checkout', true), is('region', 'eu-west-1'), is('build_id', 'b-0037')])).toBe('97 % of the slow ones are build b-0037 in eu-west-1 with new_checkout on. Of the others, 0.1 % are.'));
  it('have what starts with with', () => expect(say([is('payments.provider', 'adyen'), is('retry_count', 3, '>=')], 0.024, 0.002)).toBe('2.4 % of the slow ones have provider = adyen and retry_count ≥ 3. Of the others, 0.2 % have.'));
  it('say about while sampled', () => expect(say([is('http.route', 'POST /checkout')], 0.97, 0.002, page(slowBox), true)).toBe('About 97 % of the slow ones are on POST /checkout. Of the others, about 0.2 % are.'));
  it('say none and under, never rounded to nothing', () => {
    expect(say([is('region', 'a')], 1, 0)).toBe('100 % of the slow ones are in a. Of the others, none are.');
    expect(say([is('region', 'a')], 0.9, 0.0004, page(slowBox), true)).toContain('Of the others, under 0.1 % are.');
  });
  it('name what they are compared with', () => {
    expect(say([is('region', 'a')], 0.9, 0.2, page(slowBox, { kind: 'earlier', seconds: 86_400 }))).toContain('Of the same box yesterday, 20 % were.');
    expect(say([is('flags.new_checkout', true)], 0.9, 0.2, page(theseDuring(span), { kind: 'earlier', seconds: 3600 }))).toBe('90 % of the ones in your range have new_checkout on. Of the same range an hour earlier, 20 % had.');
    expect(say([is('region', 'a')], 0.9, 0.2, page(slowBox, { kind: 'where', where: [is('build_id', 'b-0036')] }))).toContain('Of those of build b-0036, 20 % are.');
  });
});

describe('conditions', () => {
  it.each([
    [[is('flags.new_checkout', false)], 'with new_checkout off'],
    [[is('customer.country', 'IE')], 'from IE'],
    [[is('service.version', '1.4')], 'version 1.4'],
    [[{ column: 'checkout.price_source', op: 'exists' }], 'with a checkout.price_source'],
    [[{ column: 'error.kind', op: 'does-not-exist' }], 'without an error.kind'],
    [[is('db.duration_ms', 466, '>='), is('db.duration_ms', 4090, '<')], 'with duration_ms 466 ms – 4.09 s'],
    [[is('customer.plan', 'free')], 'with plan = free'],
    [[is('order.id', '7', 'ends-with')], 'with order.id ending with 7'],
    [[is('build_id', ''), is('region', 'a')], 'in a with build_id = ""'],
  ] as [Filter[], string][])('%j', (filters, words) => expect(thin(conditionWords(conditionsOf(filters, known)))).toBe(words));
  it('keep their filters, for their menus', () => expect(conditionsOf([is('a', 1, '>='), is('b', 'x'), is('a', 5, '<')], known).map((c) => c.filters.length)).toEqual([2, 1]));
  it('shorten names only where they stay unique', () => expect(['flags.new_checkout', 'db.host', 'retry_count'].map((f) => shortName(f, known))).toEqual(['new_checkout', 'db.host', 'retry_count']));
});

describe('the picked', () => {
  it.each([
    [slowBox, 'the slow ones'],
    [{ ...slowBox, slow: false }, 'these'],
    [theseWhere([is('duration_ms', 1000, '>=')]), 'the slow ones'],
    [theseWhere([is('error', true)]), 'the failed ones'],
    [theseWhere([is('http.status_code', 500, '>=')]), 'the failed ones'],
    [theseWhere([is('http.status_code', 200)]), 'these'],
    [theseWhere([is('intent.met', false)]), 'the unmet'],
    [theseDuring(span), 'the ones in your range'],
  ] as [These, string][])('are named', (these, words) => expect(pickedWords(page(these))).toBe(words));
  it('are counted against others', () => {
    expect([theseWords(page(slowBox), 1482, known), againstWords(page(slowBox), 96_214, known)]).toEqual(['1,482 events in your box', 'against 96,214 others']);
    expect(theseWords(page(theseWhere([is('region', 'eu-west-1')])), 1, known)).toBe('1 event in eu-west-1');
    expect(againstWords(page(slowBox, { kind: 'earlier', seconds: 86_400 }), 7, known)).toBe('against 7 in the same box yesterday');
    expect(againstWords(page(slowBox, { kind: 'where', where: [is('build_id', 'b-0036')] }), 7, known)).toBe('against 7 of build b-0036');
  });
  it('have bounds', () => expect(thin(boxWords(slowBox, span.to))).toBe('2.2 s – 5 s, 02:31 – 03:10 UTC'));
});

describe('no answer', () => {
  const title = (these: These, a: number, b: number, than?: Different['than']) => incomparableWords(page(these, than), a, b)?.title ?? null;
  it('says why', () => {
    expect(title(slowBox, 0, 9)).toBe('There are no events in your box.');
    expect(title(slowBox, 1, 9)).toBe('One event is not enough to compare; here it is.');
    expect(title(slowBox, 9, 0)).toBe('Your box holds everything; there is nothing to compare it with.');
    expect(title(theseDuring(span), 9, 0)).toBe('Your range holds everything; there is nothing to compare it with.');
    expect(title(theseWhere([]), 9, 0)).toBe('These are everything; there is nothing to compare them with.');
    expect(title(slowBox, 9, 0, { kind: 'earlier', seconds: 86_400 })).toBe('There are no events in the same box yesterday; there is nothing to compare with.');
    expect(title(slowBox, 9, 9)).toBeNull();
  });
  it('says that nothing stands out, and what to try', () => expect(alikeWords(page(slowBox), 412)).toEqual({ title: 'Nothing sets these apart.', text: '412 fields were compared and every difference is one that chance explains. These events look like the others; try a larger box, or compare them with yesterday.' }));
});
