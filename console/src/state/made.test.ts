// Calculated fields, named calculations and formulas: in the URL, in the question, back from it, and changed.
import { describe, expect, it } from 'vitest';
import { storedQuery, exploreOf } from './boards';
import { compareSpec, differentOf, theseWhere } from './different';
import { orderBy, removeCalculated, removeCalculation, removeFormula, renameField, setCalculated, setCalculation, setFormula } from './edit';
import { emptyExplore, namesForFormulas, orderOf, valuesOf, type Calculation, type Explore } from './explore';
import { readCalculation, readFilters, readHaving, readMade, writeCalculation, writeHaving, writeMade } from './grammar';
import { countSpec, effectiveOrder, isEstimated, querySpec, rowsSpec, times } from './spec';
import { decodePage, encodePage } from './url';

const OUTCOME = { name: 'outcome', expression: 'IF($error, "failed", "ok")' };
const RATE = { name: 'error rate', expression: '$errors / $COUNT' };
const ERRORS: Calculation = { op: 'COUNT', name: 'errors', filters: [{ column: 'error', op: '=', value: true }] };
const page = (e: Partial<Explore>): Explore => ({ ...emptyExplore, dataset: 'shop', show: [{ op: 'COUNT' }], ...e });
const full = page({ calculated: [OUTCOME, { name: 'my "x"', expression: '$a\n= 1' }], show: [{ op: 'HEATMAP', column: 'd' }, { op: 'COUNT' }, { ...ERRORS, hidden: true }, { op: 'P99', column: 'a if b' }], formulas: [RATE], by: ['outcome'], orders: [{ column: 'error rate', descending: true }], havings: [{ op: 'error rate', compare: '>', value: 0.1 }] });
const when = times(full, 0);

describe('the URL', () => {
  it('keeps all of them, in their order', () => expect(decodePage(encodePage({ page: 'explore', explore: full }))).toEqual({ page: 'explore', explore: full }));
  it('leaves out what it cannot read', () => expect((decodePage('?field=x&formula==1&using=NO&show=errors+%3D+COUNT+if+nonsense') as { explore: Explore }).explore).toMatchObject({ calculated: [], formulas: [], show: [] }));
});

describe('the grammar', () => {
  it.each<[string, Calculation]>([
    ['errors = COUNT if error = true', ERRORS],
    ['slow = p99 duration_ms if region = "a and b" and status >= 500', { op: 'P99', column: 'duration_ms', name: 'slow', filters: [{ column: 'region', op: '=', value: 'a and b' }, { column: 'status', op: '>=', value: 500 }] }],
    ['count if a exists or b exists', { op: 'COUNT', filters: [{ column: 'a', op: 'exists' }, { column: 'b', op: 'exists' }], combine: 'OR' }],
    ['"all of it" = SUM(bytes)', { op: 'SUM', column: 'bytes', name: 'all of it' }],
  ])('reads %s', (text, calculation) => {
    expect(readCalculation(text)).toEqual(calculation);
    expect(readCalculation(writeCalculation(calculation))).toEqual(calculation);
  });
  it.each(['a = 1 and b = 2 or c = 3', 'a and b', 'nonsense'])('does not guess %s', (text) => expect(readFilters(text)).toBeNull());
  it('reads what it writes', () => {
    expect(readMade(writeMade(OUTCOME))).toEqual(OUTCOME);
    expect(readMade('outcome == 1')).toBeNull();
    for (const having of [{ op: 'errors', compare: '>', value: 3 }, { op: 'error rate', compare: '<=', value: 0.5 }, { op: 'P99', column: 'd', compare: '=', value: 1 }]) expect(readHaving(writeHaving(having))).toEqual(having);
  });
});

describe('the question', () => {
  it('shows what is shown beside formulas under its own name', () => {
    const spec = querySpec(full, when);
    expect(spec.calculations?.map((c) => c.name ?? null)).toEqual([null, 'raw COUNT', 'errors', 'raw P99(a if b)']);
    expect(spec.formulas).toEqual([{ name: 'COUNT', expression: '$"raw COUNT"' }, { name: 'P99(a if b)', expression: '$"raw P99(a if b)"' }, RATE]);
    expect(isEstimated(['raw P99(a if b)'], 'P99(a if b)')).toBe(true);
    expect(valuesOf(full).map((c) => c.name ?? c.op)).toEqual(['COUNT', 'P99', 'error rate']);
  });
  it('is plain without formulas', () => expect(querySpec(page({ show: [ERRORS] }), when).calculations).toEqual([{ op: 'COUNT', name: 'errors', filters: [{ column: 'error', op: '=', value: true }] }]));
  it('has the calculated fields wherever they can be named', () => {
    const d = differentOf(full, { from: 0, to: 1000 }, theseWhere([{ column: 'outcome', op: '=', value: 'failed' }]));
    for (const spec of [querySpec(full, when), rowsSpec(full, when, null, 10), countSpec(full, [], when), compareSpec(d)]) expect(spec.calculated_fields).toEqual(full.calculated);
    expect(querySpec(page({}), when)).not.toHaveProperty('calculated_fields');
  });
  it('is read back from what is kept', () => expect(exploreOf('shop', storedQuery(full), null, full.range)).toEqual(full));
  it('is read where somebody else wrote it', () => {
    const e = exploreOf('shop', { calculations: [{ op: 'COUNT', column: null, name: null, filters: [], filter_combination: 'AND' }, { op: 'COUNT', name: 'errors', filters: [{ column: 'a', op: 'exists' }, { column: 'b', op: 'exists' }], filter_combination: 'OR' }], formulas: [RATE] }, null, { last: 60 });
    expect(e.show).toEqual([{ op: 'COUNT', hidden: true }, { op: 'COUNT', name: 'errors', filters: [{ column: 'a', op: 'exists' }, { column: 'b', op: 'exists' }], combine: 'OR', hidden: true }]);
    expect(valuesOf(e).map((c) => c.name)).toEqual(['error rate']);
    expect(namesForFormulas(e)).toEqual(['COUNT', 'errors']);
  });
});

describe('changes', () => {
  it('take a new name of a calculated field wherever it is named', () => {
    const used = page({ calculated: [OUTCOME, { name: 'twice', expression: 'CONCAT($outcome, $outcome)' }], by: ['outcome'], where: [{ column: 'outcome', op: '=', value: 'ok' }], show: [{ op: 'COUNT', name: 'n', filters: [{ column: 'outcome', op: 'exists' }] }] });
    const next = setCalculated(used, 0, { ...OUTCOME, name: 'how it ended' });
    expect(next.calculated[1]!.expression).toBe('CONCAT($"how it ended", $"how it ended")');
    expect([next.by, next.where[0]!.column, next.show[0]!.filters![0]!.column]).toEqual([['how it ended'], 'how it ended', 'how it ended']);
    expect(removeCalculated(used, 0)).toMatchObject({ by: [], where: [], show: [{ op: 'COUNT' }] });
  });
  it('mend a misspelt field in expressions too', () => expect(renameField(page({ calculated: [OUTCOME] }), 'error', 'failed').calculated[0]!.expression).toBe('IF($failed, "failed", "ok")'));
  it('take a new name of a calculation into formulas and orders', () => {
    const e = page({ show: [{ op: 'COUNT' }, ERRORS], formulas: [RATE], orders: [{ column: 'errors', descending: true }] });
    const next = setCalculation(e, 1, { ...ERRORS, name: 'failures' });
    expect(next.formulas[0]!.expression).toBe('$failures / $COUNT');
    expect(next.orders).toEqual([{ column: 'failures', descending: true }]);
    const unnamed = setCalculation(e, 1, { op: 'SUM', column: 'n' });
    expect(unnamed.formulas[0]!.expression).toBe('$"SUM(n)" / $COUNT');
  });
  it('show again what was only there for a formula, and drop what orders by it', () => {
    const gone = removeFormula(full, 0);
    expect(gone.show.some((c) => c.hidden)).toBe(false);
    expect([gone.orders, gone.havings]).toEqual([[], []]);
    expect(setFormula(full, 0, { ...RATE, name: 'rate' })).toMatchObject({ orders: [{ column: 'rate' }], havings: [{ op: 'rate' }] });
  });
  it('order by name', () => {
    const e = page({ show: [ERRORS], by: ['region'] });
    expect(effectiveOrder(e)).toEqual({ column: 'errors', descending: true });
    expect(orderBy(e, orderOf(ERRORS)).orders).toEqual([{ column: 'errors', descending: true }]);
    expect(removeCalculation(orderBy(e, orderOf(ERRORS)), 0).orders).toEqual([]);
  });
});
