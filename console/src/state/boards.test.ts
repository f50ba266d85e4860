// Boards: what is kept of a query asks the same again, panels never overlap, and the text in git comes back as it was.
import { describe, expect, it } from 'vitest';
import { add, boardText, change, emptyBoard, exploreOf, onBoard, panelOf, readBoard, remove, settle, storedQuery, type Board, type Panel } from './boards';
import { emptyExplore, type Explore } from './explore';

const page: Explore = { ...emptyExplore, dataset: 'shop', show: [{ op: 'HEATMAP', column: 'duration_ms' }, { op: 'P99', column: 'duration_ms' }], where: [{ column: 'a', op: '=', value: 1 }, { column: 'b', op: 'exists' }], by: ['region'], orders: [{ op: 'P99', column: 'duration_ms', descending: true }, { column: 'region', descending: false }], havings: [{ op: 'P99', column: 'duration_ms', compare: '>', value: 3 }], limit: 20, compare: 86_400, view: 'lines' };
const panel = (x: number, y: number, width: number, height: number): Panel => ({ id: `${x}-${y}`, x, y, width, height, title: `${x}-${y}`, dataset: 'shop', kind: 'text', text: '' });
const places = (panels: Panel[]) => panels.map((p) => `${p.x},${p.y} ${p.width}x${p.height}`);
const clash = (panels: Panel[]) => panels.some((a, i) => panels.some((b, k) => i < k && a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height));

describe('a kept query', () => {
  it('asks the same again, in another range', () => {
    expect(exploreOf('shop', storedQuery(page), 'lines', { last: 60 })).toEqual({ ...page, range: { last: 60 } });
    expect(storedQuery({ ...emptyExplore, show: [{ op: 'COUNT' }] })).toEqual({ calculations: [{ op: 'COUNT' }] });
  });
  it('has the filters of its board too, where one query can say so', () => {
    const f = { column: 'env', op: '=', value: 'production' };
    expect(onBoard(page, [f, page.where[0]!])!.where).toEqual([...page.where, f]);
    expect(onBoard({ ...page, combine: 'OR' }, [f])).toBeNull();
    expect(onBoard({ ...page, combine: 'OR' }, [])).toEqual({ ...page, combine: 'OR' });
  });
  it('is shown as what it is', () => {
    expect(panelOf({ ...emptyExplore, show: [{ op: 'COUNT' }] }, 'n')).toMatchObject({ view: 'number', width: 3 });
    expect(panelOf(page, 'p')).toMatchObject({ view: 'lines', kind: 'query', title: 'p' });
    expect(panelOf({ ...page, show: [{ op: 'COUNT' }], view: null, tab: 'groups' }, 't')).toMatchObject({ view: 'table' });
  });
});

describe('the grid', () => {
  it('lets panels fall up and never overlap', () => {
    expect(places(settle([panel(0, 9, 6, 2), panel(3, 9, 6, 3), panel(6, 0, 6, 4)]))).toEqual(['0,0 6x2', '3,4 6x3', '6,0 6x4']);
  });
  it('moves and resizes inside its bounds, and the others make way', () => {
    const start = [panel(0, 0, 6, 4), panel(6, 0, 6, 4), panel(0, 4, 12, 2)];
    expect(places(change(start, 0, { x: 6 }))).toEqual(['6,0 6x4', '6,4 6x4', '0,8 12x2']);
    expect(places(change(start, 0, { width: 99, height: -9 }))).toEqual(['0,0 12x2', '6,2 6x4', '0,6 12x2']);
    expect(places(change(start, 0, { x: -5, y: -5 }))).toEqual(places(start));
    for (let at = 0; at < 3; at += 1) for (const by of [{ x: 3 }, { y: 3 }, { width: 4 }, { height: 5 }, { x: -2, y: 1 }]) expect(clash(change(start, at, by))).toBe(false);
  });
  it('puts a new panel into the first gap, and closes the one that is left', () => {
    const start = [panel(0, 0, 6, 2), panel(9, 0, 3, 2)];
    expect(places(add(start, panel(0, 0, 3, 2)))[2]).toBe('6,0 3x2');
    expect(places(add(start, panel(0, 0, 6, 2)))[2]).toBe('0,2 6x2');
    expect(places(remove([panel(0, 0, 12, 2), panel(0, 2, 12, 2)], 0))).toEqual(['0,0 12x2']);
  });
});

describe('the text in git', () => {
  const board: Board = { ...emptyBoard, name: 'Checkout health', filters: [{ column: 'env', op: '=', value: 'production' }], panels: [{ ...panelOf(page, 'P99'), id: 'p1' }, { id: 'p2', x: 6, y: 0, width: 6, height: 6, title: 'Intents', dataset: 'shop', kind: 'intents', intent: '*' }, panel(0, 7, 12, 2)] };
  it('comes back as it was', () => {
    expect(readBoard(boardText(board))).toEqual(board);
    expect(boardText(readBoard(boardText(board)) as Board)).toBe(boardText(board));
  });
  it('says what is wrong', () => {
    for (const [json, why] of [['{', 'not JSON'], ['[]', 'object'], ['{"panels":[]}', 'no name'], ['{"name":"a"}', 'no list'], ['{"name":"a","panels":[{"title":"T","pie":1}]}', 'Panel 1, “T”'], [JSON.stringify({ name: 'a', panels: Array(101).fill({}) }), '101 panels']]) expect(readBoard(json!)).toContain(why);
  });
  it('has defaults for what is missing, and never a panel outside the grid', () => {
    expect(readBoard('{"name":"a","panels":[{"intent":"*","x":11,"width":6},{"id":"p1","text":"","y":9}]}')).toMatchObject({ range: { last: 7200 }, filters: [], panels: [{ id: 'p2', x: 6, width: 6, height: 6, title: '' }, { id: 'p1', y: 0 }] });
    expect(readBoard('{"name":"a","panels":[],"start_time":"2026-11-20T00:00:00Z","time_range":60}')).toMatchObject({ range: { to: Date.parse('2026-11-20T00:01:00Z') } });
  });
});
