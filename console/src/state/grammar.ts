// The small grammar in which filters, calculations and orders are written: in the URL, and when typed into a chip.
//   filter       column op value      region = "eu-west-1"    retry_count >= 3    cart.id exists
//   calculation  OP or OP(column)     P99(duration_ms)    errors = COUNT if error = true and region = "eu-west-1"
//   made         name = expression    outcome = IF($error, "failed", "ok")
//   order        calculation or column, then asc or desc
// A column with blanks, quotes or brackets stands in JSON quotes. Pure; it knows no field names.
import { FILTER_OPS, OPS, needsColumn, takesList, takesNoValue, type Calculation, type Filter, type Having, type Made, type Order, type Scalar } from './explore';

const BARE = /^[^\s"()[\]=<>!]+$/;
const quoted = (column: string) => (BARE.test(column) ? column : JSON.stringify(column));
const LONGEST_FIRST = [...FILTER_OPS].sort((a, b) => b.length - a.length);

export function writeFilter(f: Filter): string {
  const head = `${quoted(f.column)} ${f.op}`;
  return takesNoValue(f.op) ? head : `${head} ${JSON.stringify(f.value ?? '')}`;
}

/** Takes the column off the front: a JSON string or everything up to a blank or an operator sign. */
function takeColumn(text: string): [string, string] | null {
  if (text.startsWith('"')) {
    const end = /^"(?:[^"\\]|\\.)*"/.exec(text);
    if (!end) return null;
    try {
      return [JSON.parse(end[0]) as string, text.slice(end[0].length).trimStart()];
    } catch {
      return null;
    }
  }
  const bare = /^[^\s"()[\]=<>!]+/.exec(text);
  return bare ? [bare[0], text.slice(bare[0].length).trimStart()] : null;
}

/** A typed value: JSON if it is JSON of a scalar, else the text as it stands. */
export function readScalar(text: string): Scalar {
  const trimmed = text.trim();
  if (/^-?\d+$/.test(trimmed) && !Number.isSafeInteger(Number(trimmed))) return trimmed;
  try {
    const value: unknown = JSON.parse(trimmed);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  } catch {
    // Not JSON: it is text.
  }
  return trimmed;
}

export function readList(text: string): Scalar[] {
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list)) return list.filter((v): v is Scalar => ['string', 'number', 'boolean'].includes(typeof v));
  } catch {
    // Not JSON: values between commas.
  }
  return text.split(',').map((part) => part.trim()).filter(Boolean).map(readScalar);
}

export function readFilter(text: string): Filter | null {
  const head = takeColumn(text.trim());
  if (!head) return null;
  const [column, rest] = head;
  for (const op of LONGEST_FIRST) {
    if (!rest.toLowerCase().startsWith(op)) continue;
    const tail = rest.slice(op.length);
    if (/[a-z]$/.test(op) && tail !== '' && !/^\s|^[["]/.test(tail)) continue;
    if (takesNoValue(op)) return tail.trim() === '' ? { column, op } : null;
    if (tail.trim() === '') return null;
    return { column, op, value: takesList(op) ? readList(tail.trim()) : readScalar(tail) };
  }
  return null;
}

const IF = /\sif\s/gi;
const plain = (c: { op: string; column?: string }) => (c.column === undefined ? c.op : `${c.op}(${/^"|\sif\s/i.test(c.column) ? JSON.stringify(c.column) : c.column})`);

export function writeCalculation(c: Calculation): string {
  const filters = c.filters?.length ? ` if ${writeFilters(c.filters, c.combine)}` : '';
  return `${c.name === undefined ? '' : `${quoted(c.name)} = `}${plain(c)}${filters}`;
}

export const writeFilters = (filters: Filter[], combine?: 'OR') => filters.map(writeFilter).join(combine ? ' or ' : ' and ');

/** Where a word stands between two blanks and in no quotes. */
function placesOf(text: string, word: string): number[] {
  const places = [];
  let quote = false;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '\\' && quote) at += 1;
    else if (text[at] === '"') quote = !quote;
    else if (!quote && text.slice(at, at + word.length + 2).toLowerCase() === ` ${word} `) places.push(at);
  }
  return places;
}

function cutAt(text: string, places: number[], width: number): string[] {
  return [...places, text.length].map((end, i) => text.slice(i === 0 ? 0 : places[i - 1]! + width, end));
}

/** Several filters with one word between them: all hold, or any. */
export function readFilters(text: string): { filters: Filter[]; combine?: 'OR' } | null {
  const [ands, ors] = [placesOf(text, 'and'), placesOf(text, 'or')];
  if (ands.length > 0 && ors.length > 0) return null;
  const parts = ors.length > 0 ? cutAt(text, ors, 4) : cutAt(text, ands, 5);
  const filters = parts.map(readFilter);
  return filters.every((f) => f !== null) ? { filters, ...(ors.length > 0 ? { combine: 'OR' as const } : {}) } : null;
}

const NAMED = /^\s*("(?:[^"\\]|\\.)*"|[^\s"()[\]=<>!]+)\s*=(?!=)\s*(.+)$/s;

function nameOf(written: string): string | null {
  if (!written.startsWith('"')) return written;
  try {
    return JSON.parse(written) as string;
  } catch {
    return null;
  }
}

/** Reads P99(duration_ms) and, as people type it, "p99 duration_ms"; before it a name, after it what its events meet. */
export function readCalculation(text: string): Calculation | null {
  const named = NAMED.exec(text);
  const name = named && nameOf(named[1]!);
  if (named && name) {
    const rest = readUnnamed(named[2]!);
    if (rest) return { ...rest, name };
  }
  return readUnnamed(text);
}

function readUnnamed(text: string): Calculation | null {
  for (const found of text.matchAll(IF)) {
    const head = readPlain(text.slice(0, found.index));
    const tail = head && readFilters(text.slice(found.index + found[0].length));
    if (head && tail) return { ...head, ...tail };
  }
  return readPlain(text);
}

function readPlain(text: string): Calculation | null {
  const match = /^\s*([A-Za-z][A-Za-z0-9_]*)\s*(?:\((.*)\)|\s(.+))?\s*$/s.exec(text);
  if (!match) return null;
  const op = match[1]!.toUpperCase();
  const written = (match[2] ?? match[3])?.trim();
  const whole = written?.startsWith('"') ? takeColumn(written) : null;
  const column = whole && whole[1] === '' ? whole[0] : written;
  // A condition that cannot be read is no field.
  if (!OPS.includes(op) || (match[3] && /^if\s/i.test(written ?? ''))) return null;
  if (!column) return needsColumn(op) ? null : { op };
  return { op, column };
}

export const writeMade = (m: Made) => `${quoted(m.name)} = ${m.expression}`;

export function readMade(text: string): Made | null {
  const named = NAMED.exec(text);
  const name = named && nameOf(named[1]!);
  return named && name ? { name, expression: named[2]! } : null;
}

export function writeOrder(o: Order): string {
  const what = o.op ? writeCalculation({ op: o.op, column: o.column }) : quoted(o.column ?? '');
  return `${what} ${o.descending ? 'desc' : 'asc'}`;
}

export function readOrder(text: string): Order | null {
  const match = /^(.+)\s(asc|desc)$/s.exec(text.trim());
  if (!match) return null;
  const descending = match[2] === 'desc';
  const calculation = /^[A-Z][A-Z0-9_]*(\(.*\))?$/s.test(match[1]!) ? readCalculation(match[1]!) : null;
  if (calculation) return { ...calculation, descending };
  const column = takeColumn(match[1]!);
  return column && column[1] === '' ? { column: column[0], descending } : null;
}

/** What a having is of: an operation, or the name of a calculation or formula. */
export const writeHavingOf = (c: { op: string; column?: string; name?: string }) => (c.name !== undefined ? quoted(c.name) : OPS.includes(c.op) ? plain(c) : quoted(c.op));
export const writeHaving = (h: Having) => `${writeHavingOf(h)} ${h.compare} ${h.value}`;

export function readHaving(text: string): Having | null {
  const match = /^(.+?)\s*(>=|<=|!=|=|>|<)\s*(-?[\d.]+(?:e[+-]?\d+)?)$/is.exec(text.trim());
  if (!match || Number.isNaN(Number(match[3]))) return null;
  const column = takeColumn(match[1]!);
  const of = readPlain(match[1]!) ?? (column && column[1] === '' ? { op: column[0] } : null);
  return of && { ...of, compare: match[2]!, value: Number(match[3]) };
}
