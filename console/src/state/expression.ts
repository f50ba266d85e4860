// The text of an expression as somebody types it: its pieces, what could be completed at the caret, the call the caret is
// in, and names changed in it. Pure. Whether an expression is right is for the server to say.

export type Piece = { kind: 'column' | 'text' | 'number' | 'name' | 'sign' | 'space'; from: number; to: number; /** Of a column, without $ and quotes. */ name?: string };

const SPACE = /\s+/y;
const NUMBER = /\d[\d.]*(?:[eE][+-]?\d+)?/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
/** Letters, digits, `_`, `.`, `:`, and `-` or `/` before a letter. */
const COLUMN = /\$(?:[\p{L}\p{N}_.:]|[-/](?=\p{L}))*/uy;
const QUOTED = /"(?:[^"\\]|\\.)*"?|`[^`]*`?/sy;

function take(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

function unquoted(quoted: string): string {
  if (quoted.startsWith('`')) return quoted.replaceAll('`', '');
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted.replaceAll('"', '');
  }
}

function pieceAt(text: string, at: number): Piece {
  const piece = (kind: Piece['kind'], found: string, name?: string): Piece => ({ kind, from: at, to: at + found.length, ...(name === undefined ? {} : { name }) });
  const space = take(SPACE, text, at);
  if (space) return piece('space', space);
  if (text[at] === '$') {
    const quoted = take(QUOTED, text, at + 1);
    if (quoted) return piece('column', `$${quoted}`, unquoted(quoted));
    const bare = take(COLUMN, text, at)!;
    return piece('column', bare, bare.slice(1));
  }
  const quoted = take(QUOTED, text, at);
  if (quoted) return piece('text', quoted);
  const number = take(NUMBER, text, at);
  if (number) return piece('number', number);
  const name = take(NAME, text, at);
  return name ? piece('name', name) : piece('sign', String.fromCodePoint(text.codePointAt(at)!));
}

export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < text.length; at = pieces.at(-1)!.to) pieces.push(pieceAt(text, at));
  return pieces;
}

/** The names of columns that an expression reads, each once. */
export const columnsOf = (text: string): string[] => [...new Set(piecesOf(text).flatMap((p) => (p.kind === 'column' && p.name ? [p.name] : [])))];

/** How a column stands in an expression. */
export const writeColumn = (name: string) => (take(COLUMN, `$${name}`, 0)?.length === name.length + 1 ? `$${name}` : `$${JSON.stringify(name)}`);

/** One column for another, wherever the expression names it. */
export function renamed(text: string, before: string, now: string): string {
  return piecesOf(text).map((p) => (p.kind === 'column' && p.name === before ? writeColumn(now) : text.slice(p.from, p.to))).join('');
}

/** Where in the text a column is named first, counted as the server does: characters, from 1. */
export function positionOf(text: string, column: string): number | null {
  const piece = piecesOf(text).find((p) => p.kind === 'column' && p.name === column);
  return piece ? [...text.slice(0, piece.from)].length + 1 : null;
}

/** What stands at a position of the server's: the piece there, or one place after the end. */
export function faultAt(text: string, position: number): { from: number; to: number } {
  const from = [...text].slice(0, position - 1).join('').length;
  const piece = piecesOf(text).find((p) => from >= p.from && from < p.to);
  return piece && piece.kind !== 'space' ? { from, to: piece.to } : { from, to: from + 1 };
}

/** What the caret is in the middle of, and what of it was typed: a column after `$`, or a name that may be a function. */
export type Completing = { what: 'column' | 'function'; from: number; to: number; typed: string };

export function completingAt(text: string, caret: number): Completing | null {
  const piece = piecesOf(text).find((p) => p.from < caret && caret <= p.to);
  if (piece?.kind === 'name') return { what: 'function', from: piece.from, to: piece.to, typed: text.slice(piece.from, caret) };
  if (piece?.kind !== 'column') return null;
  return { what: 'column', from: piece.from, to: piece.to, typed: text.slice(piece.from + 1, caret).replace(/^["`]|["`]$/g, '') };
}

/** The innermost call around the caret, and which of its arguments the caret is in. */
export function callAt(text: string, caret: number): { name: string; argument: number } | null {
  const open: { name: string; argument: number }[] = [];
  let last = '';
  for (const p of piecesOf(text)) {
    if (p.to > caret) break;
    const sign = p.kind === 'sign' ? text[p.from] : '';
    if (sign === '(') open.push({ name: last, argument: 0 });
    else if (sign === ')') open.pop();
    else if (sign === ',' && open.length > 0) open.at(-1)!.argument += 1;
    if (p.kind !== 'space') last = p.kind === 'name' ? text.slice(p.from, p.to) : '';
  }
  return open.findLast((call) => call.name !== '') ?? null;
}
