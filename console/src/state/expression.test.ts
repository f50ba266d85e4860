// Expressions as they are typed: their pieces, what is completed, where faults are, names changed in them.
import { describe, expect, it } from 'vitest';
import { callAt, columnsOf, completingAt, faultAt, piecesOf, positionOf, renamed, writeColumn } from './expression';

const TEXTS = ['IF($http.status_code >= 500, "failed", "ok")', '$"my field" + $`a "b"` * -1.5e3', '', '$', '$a-$b', '$a/2 - $a-b', '"open', '$"open', '`open', 'a\n\tb äöü 🙂 (', '"a \\" b" $x', '$größe.ms::x'];

describe('pieces', () => {
  it.each(TEXTS)('are the whole text: %j', (text) => {
    const pieces = piecesOf(text);
    expect(pieces.map((p) => text.slice(p.from, p.to)).join('')).toBe(text);
    for (const p of pieces) expect(p.to).toBeGreaterThan(p.from);
  });
  it('tell columns as the server does', () => {
    expect(columnsOf(TEXTS[0]!)).toEqual(['http.status_code']);
    expect(columnsOf(TEXTS[1]!)).toEqual(['my field', 'a "b"']);
    expect(columnsOf('$a-$b')).toEqual(['a', 'b']);
    expect(columnsOf('$a/2 - $a-b + $a')).toEqual(['a', 'a-b']);
    expect(columnsOf('"$a" `$b`')).toEqual([]);
    expect(columnsOf('$größe.ms::x')).toEqual(['größe.ms::x']);
  });
});

it.each([['duration_ms', '$duration_ms'], ['my field', '$"my field"'], ['a-1', '$"a-1"'], ['a-b', '$a-b'], ['say "x"', '$"say \\"x\\""'], ['', '$']])('%s stands as %s', (name, written) => {
  expect(writeColumn(name)).toBe(written);
  if (name) expect(columnsOf(`${written} + 1`)).toEqual([name]);
});

it('changes a name where it is one, and nowhere else', () => {
  expect(renamed('$a + $"a" + $a.b + "a $a"', 'a', 'b c')).toBe('$"b c" + $"b c" + $a.b + "a $a"');
});

describe('faults', () => {
  it('mark the piece at the character', () => {
    expect(faultAt('1 + IFF($a)', 5)).toEqual({ from: 4, to: 7 });
    expect(faultAt('$a +', 5)).toEqual({ from: 4, to: 5 });
  });
  it('count characters, not halves of them', () => {
    expect(faultAt('"🙂" + )', 7)).toEqual({ from: 7, to: 8 });
    expect(positionOf('"🙂" + $x', 'x')).toBe(7);
    expect(positionOf('$y', 'x')).toBeNull();
  });
});

describe('completion', () => {
  const at = (marked: string) => completingAt(marked.replace('|', ''), marked.indexOf('|'));
  it('is of a column after $', () => {
    expect(at('$|')).toEqual({ what: 'column', from: 0, to: 1, typed: '' });
    expect(at('1 + $dur| * 2')).toEqual({ what: 'column', from: 4, to: 8, typed: 'dur' });
    expect(at('$"my f|')).toEqual({ what: 'column', from: 0, to: 6, typed: 'my f' });
  });
  it('is of a function in a name', () => expect(at('1 + LE|N')).toEqual({ what: 'function', from: 4, to: 7, typed: 'LE' }));
  it.each(['|', '1|', '"te|xt"', '$a |', '(|'])('is nothing in %s', (text) => expect(at(text)).toBeNull());
});

describe('the call around the caret', () => {
  const at = (marked: string) => callAt(marked.replace('|', ''), marked.indexOf('|'));
  it('is the innermost one that has a name', () => {
    expect(at('IF($a, LENGTH(($b|), "chars"), 1)')).toEqual({ name: 'LENGTH', argument: 0 });
    expect(at('IF($a, LENGTH($b, "cha|rs"), 1)')).toEqual({ name: 'LENGTH', argument: 1 });
    expect(at('IF($a, LENGTH($b), |1)')).toEqual({ name: 'IF', argument: 2 });
  });
  it('is none outside of all', () => {
    expect(at('IF($a, 1) + |')).toBeNull();
    expect(at('($a + |')).toBeNull();
  });
});
