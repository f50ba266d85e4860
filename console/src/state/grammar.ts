// The small grammar in which filters, calculations and orders are written: in the URL, and when typed into a chip.
//   filter       column op value      region = "eu-west-1"    retry_count >= 3    cart.id exists
//   calculation  OP or OP(column)     P99(duration_ms)
//   order        calculation or column, then asc or desc
// A column with blanks, quotes or brackets stands in JSON quotes. Pure; it knows no field names.
import { FILTER_OPS, OPS, needsColumn, takesList, takesNoValue, type Calculation, type Filter, type Having, type Order, type Scalar } from './explore';

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

export const writeCalculation = (c: Calculation) => (c.column === undefined ? c.op : `${c.op}(${c.column})`);

/** Reads P99(duration_ms) and, as people type it, "p99 duration_ms". */
export function readCalculation(text: string): Calculation | null {
  const match = /^\s*([A-Za-z][A-Za-z0-9_]*)\s*(?:\((.*)\)|\s(.+))?\s*$/s.exec(text);
  if (!match) return null;
  const op = match[1]!.toUpperCase();
  const column = (match[2] ?? match[3])?.trim();
  if (!OPS.includes(op)) return null;
  if (!column) return needsColumn(op) ? null : { op };
  return { op, column };
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

export const writeHaving = (h: Having) => `${writeCalculation(h)} ${h.compare} ${h.value}`;

export function readHaving(text: string): Having | null {
  const match = /^(.+?)\s*(>=|<=|!=|=|>|<)\s*(-?[\d.]+(?:e[+-]?\d+)?)$/is.exec(text.trim());
  const calculation = match && readCalculation(match[1]!);
  return calculation && !Number.isNaN(Number(match[3])) ? { ...calculation, compare: match[2]!, value: Number(match[3]) } : null;
}
