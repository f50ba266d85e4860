// Boards and saved queries as plain values: panels on a grid of twelve columns, from a panel to the query it runs, from a
// query to what is kept of it, and the text that is kept in git. Pure; it knows no page and no network.
import type { QuerySpec } from '../api/types';
import { calculationName, emptyExplore, isHeatmap, isLast, LAST_DEFAULT, valuesOf, type Explore, type Filter, type Range, type View } from './explore';
import { canNarrow } from './edit';
import { querySpec, readCalculations, readContractFilter } from './spec';

export const COLUMNS = 12;
/** More is no board that anybody looks at; the server refuses it too. */
export const PANELS_MOST = 100;
const HEIGHT_LEAST = 2;
const WIDTH_LEAST = 2;

export type PanelView = View | 'table';
/** A question without its times: those are the board's. */
export type StoredQuery = Omit<QuerySpec, 'start_time' | 'end_time' | 'time_range'>;
type At = { x: number; y: number; width: number; height: number };
/** `intent` is the name of one, or every. An empty dataset is all of them. */
export type Panel = At & { id: string; title: string; dataset: string } & ({ kind: 'query'; query: StoredQuery; view: PanelView | null } | { kind: 'intents'; intent: string } | { kind: 'text'; text: string });
export type Board = { name: string; description: string; range: Range; filters: Filter[]; panels: Panel[] };
export const EVERY_INTENT = '*';
export const emptyBoard: Board = { name: '', description: '', range: { last: LAST_DEFAULT }, filters: [], panels: [] };

/** A board as the API has it, and as it stands in a file. */
export type WirePanel = At & { id: string; title?: string; view?: string | null; dataset?: string | null; spec?: unknown; intent?: string | null; text?: string | null };
export type WireBoard = { name: string; description?: string; time_range?: number | null; start_time?: string | null; end_time?: string | null; filters?: unknown[]; filter_combination?: string; panels?: WirePanel[] };

const none = { start_time: '', end_time: '' };

/** What is kept of a query: what is asked, not when. What is left to the server's defaults is left out, so that files stay short. */
export function storedQuery(e: Explore): StoredQuery {
  const kept = Object.entries(querySpec(e, none)).filter(([key, value]) => !(key in none) && !(Array.isArray(value) && value.length === 0) && !(key === 'filter_combination' && value === 'AND') && !(key === 'limit' && value === emptyExplore.limit));
  return Object.fromEntries(kept) as StoredQuery;
}

/** The Explore page that asks what is kept. */
export function exploreOf(dataset: string, q: StoredQuery, view: PanelView | null, range: Range): Explore {
  return {
    ...emptyExplore,
    dataset,
    range,
    calculated: (q.calculated_fields ?? []).map(({ name, expression }) => ({ name, expression })),
    ...readCalculations(q.calculations ?? [], q.formulas ?? []),
    where: (q.filters ?? []).map(readContractFilter),
    combine: q.filter_combination === 'OR' ? 'OR' : 'AND',
    by: q.breakdowns ?? [],
    orders: (q.orders ?? []).map((o) => ({ ...(o.op ? { op: o.op } : {}), ...(o.column ? { column: o.column } : {}), descending: o.order === 'descending' })),
    havings: (q.havings ?? []).map((h) => ({ op: h.calculate_op, ...(h.column ? { column: h.column } : {}), compare: h.op, value: h.value })),
    limit: q.limit ?? emptyExplore.limit,
    granularity: q.granularity ?? null,
    compare: q.compare_time_offset_seconds ?? null,
    view: view === 'table' ? null : view,
    tab: view === 'table' ? 'groups' : null,
  };
}

/** A panel's query with the board's filters, which all hold too; null where its own are joined by *or*, which one query cannot say. */
export function onBoard(e: Explore, filters: Filter[]): Explore | null {
  if (filters.length === 0) return e;
  if (!canNarrow(e)) return null;
  const known = new Set(e.where.map((f) => JSON.stringify(f)));
  return { ...e, combine: 'AND', where: [...e.where, ...filters.filter((f) => !known.has(JSON.stringify(f)))] };
}

/** How a query is best shown on a board when nobody chose, and how large. */
export function panelOf(e: Explore, title: string, at: { x: number; y: number } = { x: 0, y: 0 }): Panel {
  const values = valuesOf(e);
  const heat = e.show.some(isHeatmap);
  const number = e.view === 'number' || (values.length === 1 && !heat && e.by.length === 0 && e.view === null);
  const view: PanelView | null = e.tab === 'groups' && e.by.length > 0 && e.view === null && !heat ? 'table' : number ? 'number' : e.view;
  const size = view === 'number' ? { width: 3, height: 2 } : { width: 6, height: heat ? 7 : 6 };
  return { id: '', ...at, ...size, title, dataset: e.dataset, kind: 'query', query: storedQuery(e), view };
}

const overlaps = (a: At, b: At) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** Nothing overlaps and nothing floats: each panel goes up as far as it can, those above first; `first` keeps its place among equals. */
export function settle(panels: Panel[], first: Panel | null = null): Panel[] {
  const order = panels.map((panel, i) => ({ panel, i })).sort((a, b) => a.panel.y - b.panel.y || Number(b.panel === first) - Number(a.panel === first) || a.panel.x - b.panel.x || a.i - b.i);
  const placed: Panel[] = [];
  const result = [...panels];
  for (const { panel, i } of order) {
    let y = panel === first ? panel.y : 0;
    while (placed.some((p) => overlaps({ ...panel, y }, p))) y += 1;
    const at = { ...panel, y };
    placed.push(at);
    result[i] = at;
  }
  return first ? settle(result) : result;
}

const within = (v: number, least: number, most: number) => Math.min(most, Math.max(least, v));

/** A panel moved or resized by whole steps, inside the grid; the others make way. */
export function change(panels: Panel[], at: number, by: Partial<At>): Panel[] {
  const before = panels[at];
  if (!before) return panels;
  const width = within(before.width + (by.width ?? 0), WIDTH_LEAST, COLUMNS);
  const moved: Panel = { ...before, width, height: within(before.height + (by.height ?? 0), HEIGHT_LEAST, 40), x: within(before.x + (by.x ?? 0), 0, COLUMNS - width), y: Math.max(0, before.y + (by.y ?? 0)) };
  return settle(panels.map((p, i) => (i === at ? moved : p)), moved);
}

function freeId(panels: { id: string }[]): string {
  let n = 1;
  while (panels.some((p) => p.id === `p${n}`)) n += 1;
  return `p${n}`;
}

/** A new panel where there is room for it: the first free place from the top left. */
export function add(panels: Panel[], fresh: Panel): Panel[] {
  const panel = { ...fresh, id: freeId(panels) };
  for (let y = 0; ; y += 1) for (let x = 0; x + panel.width <= COLUMNS; x += 1) if (!panels.some((p) => overlaps({ ...panel, x, y }, p))) return [...panels, { ...panel, x, y }];
}

export const remove = (panels: Panel[], at: number): Panel[] => settle(panels.filter((_, i) => i !== at));

const iso = (ms: number) => new Date(ms).toISOString();

export function toWire(b: Board): WireBoard {
  const panel = (p: Panel): WirePanel => ({ id: p.id, title: p.title, x: p.x, y: p.y, width: p.width, height: p.height, dataset: p.dataset || null, ...(p.kind === 'query' ? { view: p.view, spec: p.query } : p.kind === 'text' ? { text: p.text } : { intent: p.intent }) });
  return { name: b.name, description: b.description, ...(isLast(b.range) ? { time_range: b.range.last } : { start_time: iso(b.range.from), end_time: iso(b.range.to) }), filters: b.filters, panels: b.panels.map(panel) };
}

/** The board as text for git: the same board gives the same text. */
export const boardText = (b: Board) => `${JSON.stringify(toWire(b), null, 2)}\n`;

const text = (v: unknown, or = '') => (typeof v === 'string' ? v : or);
const whole = (v: unknown, least: number, most: number, or: number) => (typeof v === 'number' && Number.isInteger(v) ? within(v, least, most) : or);
const VIEWS: PanelView[] = ['heatmap', 'lines', 'stacked', 'bars', 'number', 'table'];
const object = (v: unknown): v is Record<string, unknown> => v !== null && typeof v === 'object' && !Array.isArray(v);

function rangeOf(raw: Record<string, unknown>): Range {
  const [from, to] = [Date.parse(text(raw.start_time)), Date.parse(text(raw.end_time))];
  const last = whole(raw.time_range, 1, 315_360_000, LAST_DEFAULT);
  if (from < to) return { from, to };
  if (!Number.isNaN(from)) return { from, to: from + last * 1000 };
  return Number.isNaN(to) ? { last } : { from: to - last * 1000, to };
}

/** A board from text, or why it is none. */
export function readBoard(json: string): Board | string {
  try {
    return fromWire(JSON.parse(json));
  } catch (reason) {
    return `This is not JSON: ${(reason as Error).message}.`;
  }
}

/** A board from JSON, or why it is none. What is missing gets its default; what cannot be understood is said. */
export function fromWire(raw: unknown): Board | string {
  if (!object(raw)) return 'A board is a JSON object.';
  if (text(raw.name).trim() === '') return 'The board has no name.';
  if (!Array.isArray(raw.panels)) return 'The board has no list of panels.';
  if (raw.panels.length > PANELS_MOST) return `The board has ${raw.panels.length} panels; ${PANELS_MOST} is the most.`;
  const panels: Panel[] = [];
  for (const [i, p] of (raw.panels as unknown[]).entries()) {
    if (!object(p)) return `Panel ${i + 1} is not an object.`;
    const width = whole(p.width, WIDTH_LEAST, COLUMNS, 6);
    const known = text(p.id);
    const id = known !== '' && !panels.some((q) => q.id === known) ? known : freeId([...panels, ...(raw.panels as { id: string }[])]);
    const base = { id, title: text(p.title), dataset: text(p.dataset), x: whole(p.x, 0, COLUMNS - width, 0), y: whole(p.y, 0, 1000, 0), width, height: whole(p.height, HEIGHT_LEAST, 40, 6) };
    if (object(p.spec)) panels.push({ ...base, kind: 'query', query: p.spec as StoredQuery, view: VIEWS.find((v) => v === p.view) ?? null });
    else if (typeof p.intent === 'string') panels.push({ ...base, kind: 'intents', intent: p.intent });
    else if (typeof p.text === 'string') panels.push({ ...base, kind: 'text', text: p.text });
    else return `Panel ${i + 1}${base.title ? `, “${base.title}”,` : ''} has neither a spec nor an intent nor a text.`;
  }
  const filters = (Array.isArray(raw.filters) ? raw.filters : []).filter((f): f is Filter => object(f) && typeof f.column === 'string' && typeof f.op === 'string');
  return { name: text(raw.name), description: text(raw.description), range: rangeOf(raw), filters, panels: settle(panels) };
}

/** The Explore page that a saved query opens. */
export function savedExplore(q: { dataset: string; spec: StoredQuery & Pick<QuerySpec, 'start_time' | 'end_time' | 'time_range'>; view?: string | null }): Explore {
  const time = (t: unknown) => (typeof t === 'number' ? t * 1000 : Date.parse(String(t ?? '')));
  const [from, to] = [time(q.spec.start_time), time(q.spec.end_time)];
  const range: Range = from < to ? { from, to } : { last: Number(q.spec.time_range) || LAST_DEFAULT };
  return exploreOf(q.dataset, q.spec, VIEWS.find((v) => v === q.view) ?? null, range);
}

/** The calculation a number panel shows. */
export const numberOf = (e: Explore) => valuesOf(e)[0] ?? null;
export const numberName = (e: Explore) => (numberOf(e) ? calculationName(numberOf(e)!) : null);
