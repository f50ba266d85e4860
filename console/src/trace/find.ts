// Finding text in the spans of a trace: names, services, ids, and every field. Pure; who calls it decides how many spans
// are looked through at a time.
import type { Node } from './tree';

export type Match = (node: Node) => boolean;

const holds = (value: unknown, needle: string): boolean => value !== null && value !== undefined && String(value).toLowerCase().includes(needle);

export function matcher(text: string): Match | null {
  const needle = text.trim().toLowerCase();
  if (needle === '') return null;
  return ({ id, span }) => {
    if (id.toLowerCase().includes(needle)) return true;
    if (!span) return false;
    if (holds(span.name, needle) || holds(span.service, needle) || (span.error && needle === 'error')) return true;
    for (const name in span.fields) if (holds(span.fields[name], needle) || name.toLowerCase().includes(needle)) return true;
    return false;
  };
}

/** The found place after or before one, around the end; null when nothing was found. */
export function nextOf(found: number[], from: number, by: 1 | -1): number | null {
  if (found.length === 0) return null;
  if (by > 0) return found.find((at) => at > from) ?? found[0]!;
  for (let i = found.length - 1; i >= 0; i -= 1) if (found[i]! < from) return found[i]!;
  return found[found.length - 1]!;
}
