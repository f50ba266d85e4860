// From answers to tables: which columns are values and which are numbers, how wide they are, and what bars and totals say. Pure.
import { calculationName, valuesOf, type Calculation, type Explore } from '../state/explore';
import type { FieldInfo, QueryAnswer, RowsAnswer } from '../api/types';
import { unitOf, columnWriter, type Unit } from '../words/units';
import type { Value } from '../words/values';
import { valueText } from '../words/values';

export type NumberColumn = { at: number; name: string; of: Calculation; unit: Unit; most: number; write: (v: number) => string };
export type GroupShape = { by: { column: string; at: number; width: number }[]; numbers: NumberColumn[]; countAt: number | null };

const GLYPH = 7.4;
/** A rare long value widens its column to this many letters. */
const OUTLIER = 16;
const SWATCH = 22;
const asNumber = (v: Value | undefined): number | null => (typeof v === 'number' ? v : typeof v === 'string' && /^-?\d+$/.test(v) ? Number(v) : null);
export const numberIn = asNumber;

/** Wide enough for nine in ten of the sampled texts, within bounds. */
export function columnWidth(head: string, texts: string[], least: number, most: number): number {
  const lengths = texts.map((t) => t.length).sort((a, b) => a - b);
  const typical = Math.max(lengths[Math.floor(lengths.length * 0.9)] ?? 0, Math.min(lengths[lengths.length - 1] ?? 0, OUTLIER));
  return Math.round(Math.min(most, Math.max(least, Math.max(head.length, typical) * GLYPH + 28)));
}

export function groupShape(answer: QueryAnswer, explore: Explore): GroupShape {
  const place = (name: string) => answer.columns.findIndex((c) => c.name === name);
  const by = explore.by
    .map((column) => ({ column, at: place(column) }))
    .filter((c) => c.at >= 0)
    .map((c, i) => ({ ...c, width: columnWidth(c.column, answer.rows.slice(0, 100).map((r) => valueText(r[c.at] as Value)), 120, 340) + (i === 0 ? SWATCH : 0) }));
  const numbers = valuesOf(explore)
    .map((c) => ({ c, at: place(calculationName(c)) }))
    .filter(({ at }) => at >= 0)
    .map(({ c, at }): NumberColumn => {
      const values = answer.rows.map((r) => asNumber(r[at] as Value)).filter((v): v is number => v !== null);
      const unit = unitOf(c);
      return { at, name: calculationName(c), of: c, unit, most: values.reduce((most, v) => Math.max(most, v), 0), write: columnWriter(values, unit) };
    });
  const count = numbers.find((n) => n.name === 'COUNT');
  return { by, numbers, countAt: count?.at ?? null };
}

/** How many events of this result have the same value in a column: for the head of the value menu. */
export function eventsWith(answer: QueryAnswer, columnAt: number, countAt: number | null, value: Value): number | null {
  if (countAt === null) return null;
  return answer.rows.reduce((sum, row) => (row[columnAt] === value ? sum + (asNumber(row[countAt] as Value) ?? 0) : sum), 0);
}

/** What each group's number changed by since the earlier time, written like the column; null where there was none. */
export function changesOf(answer: QueryAnswer, n: NumberColumn): (string | null)[] {
  return answer.rows.map((row, i) => {
    const now = asNumber(row[n.at] as Value);
    const then = asNumber(answer.compare?.rows[i]?.[n.at] as Value | undefined);
    if (now === null || then === null) return null;
    if (now === then) return n.write(0);
    return `${now < then ? '−' : '+'} ${n.write(Math.abs(now - then))}`;
  });
}

export type EventColumn = { name: string; at: number; width: number; number: boolean };
const COLUMNS_SHOWN = 40;
const FIRST = ['name', 'service.name', 'service', 'http.route', 'duration_ms', 'error', 'http.status_code', 'message', 'level'];

/** Columns of the events table: time apart, then what tells most, then the rest as the server gave them. */
export function eventColumns(pages: RowsAnswer[], wanted: string[]): { columns: EventColumn[]; names: string[]; hidden: number } {
  const names = [...new Set(pages.flatMap((page) => page.columns.map((c) => c.name)))];
  const weight = (name: string) => {
    const asked = wanted.indexOf(name);
    if (asked >= 0) return asked - 1000;
    const usual = FIRST.indexOf(name);
    return usual >= 0 ? usual - 100 : names.indexOf(name);
  };
  const fields = names.filter((n) => n !== 'timestamp').sort((a, b) => weight(a) - weight(b));
  const page = pages[0];
  const sample = page?.rows.slice(0, 60) ?? [];
  const columns = fields.slice(0, COLUMNS_SHOWN).map((name): EventColumn => {
    const at = page?.columns.findIndex((c) => c.name === name) ?? -1;
    const values = sample.map((r) => (at >= 0 ? (r[at] as Value) : null)).filter((v): v is Exclude<Value, null> => v !== null);
    const number = values.length > 0 && values.every((v) => typeof v === 'number');
    return { name, at, number, width: columnWidth(name, values.map(valueText), 84, 300) };
  });
  return { columns, names, hidden: fields.length - columns.length };
}

const LIVE_COLUMNS = 12;
/** Say little of one event among others. */
const UNTOLD = /^(meta|telemetry)\.|trace_id$|span_id$|parent_id$/;

/** Columns of live events, from the fields of the dataset: asked for first, then what tells most, then what is common. */
export function liveColumns(fields: FieldInfo[], wanted: string[]): Omit<EventColumn, 'at'>[] {
  const usual = (name: string) => FIRST.indexOf(name) + 1 || FIRST.length + 1;
  const told = fields.filter((f) => f.name !== 'timestamp' && f.name !== 'sample_rate' && !wanted.includes(f.name) && !UNTOLD.test(f.name)).sort((a, b) => usual(a.name) - usual(b.name) || b.events - a.events || a.name.localeCompare(b.name));
  const names = [...new Set([...wanted, ...told.map((f) => f.name)])].slice(0, LIVE_COLUMNS);
  return names.map((name) => {
    const types = fields.find((f) => f.name === name)?.types ?? {};
    const number = (types.integer ?? 0) + (types.float ?? 0) > (types.string ?? 0);
    const short = number || (types.boolean ?? 0) > (types.string ?? 0);
    return { name, number, width: columnWidth(name, [], short ? 92 : 168, short ? 150 : 240) };
  });
}

/** `sequence` is the event's number, where it is known. */
export type EventRow = { time: string; values: Map<string, Value>; sequence?: string };

/** Rows of pages as they were made: a further page must not make all those before it anew. */
const made = new WeakMap<RowsAnswer, EventRow[]>();

function rowsOfPage(page: RowsAnswer): EventRow[] {
  const known = made.get(page);
  if (known) return known;
  const timeAt = page.columns.findIndex((c) => c.name === 'timestamp');
  const rows = page.rows.map((row): EventRow => {
    const values = new Map<string, Value>();
    page.columns.forEach((c, i) => {
      const value = row[i] as Value | undefined;
      if (i !== timeAt && value !== null && value !== undefined) values.set(c.name, value);
    });
    return { time: timeAt >= 0 ? String(row[timeAt]) : '', values };
  });
  made.set(page, rows);
  return rows;
}

/** Pages may have different columns: each row becomes its values by name. */
export const eventRows = (pages: RowsAnswer[]): EventRow[] => pages.flatMap(rowsOfPage);

/** A small line of one group over time; the path of an SVG. Gaps stay gaps. */
export function sparkPath(values: (number | null)[], width: number, height: number, most: number): string {
  if (values.length < 2 || most <= 0) return '';
  let path = '';
  let pen = 'M';
  values.forEach((v, i) => {
    if (v === null || v === undefined) {
      pen = 'M';
      return;
    }
    path += `${pen}${((width * i) / (values.length - 1)).toFixed(1)} ${(height - 1 - ((height - 2) * Math.max(0, v)) / most).toFixed(1)}`;
    pen = 'L';
  });
  return path;
}
