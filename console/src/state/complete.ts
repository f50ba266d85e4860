// Ranking for completion: best match first, by prefix, then word start, then anywhere; ties by how common it is.
// Pure. It knows names and weights, not fields or the network.
export type Ranked<T> = { item: T; from: number; to: number };

/** Where `typed` was found in `name` and how well, or null. */
function match(name: string, typed: string): { grade: number; from: number } | null {
  const haystack = name.toLowerCase();
  const needle = typed.toLowerCase();
  const first = haystack.indexOf(needle);
  if (first === 0) return { grade: name.length === typed.length ? 0 : 1, from: 0 };
  if (first < 0) return null;
  for (let at = first; at >= 0; at = haystack.indexOf(needle, at + 1)) {
    if (/[^a-z0-9]/.test(haystack[at - 1]!)) return { grade: 2, from: at };
  }
  return { grade: 3, from: first };
}

export function rank<T>(items: T[], typed: string, name: (item: T) => string, weight: (item: T) => number): Ranked<T>[] {
  const wanted = typed.trim();
  const found = [];
  for (const item of items) {
    const hit = wanted === '' ? { grade: 1, from: 0 } : match(name(item), wanted);
    if (hit) found.push({ item, from: hit.from, to: hit.from + wanted.length, grade: hit.grade });
  }
  found.sort((a, b) => a.grade - b.grade || weight(b.item) - weight(a.item) || name(a.item).localeCompare(name(b.item)));
  return found.map(({ item, from, to }) => ({ item, from, to }));
}

/** How many letters must change to make one text the other; gives up above `most`. */
export function distance(a: string, b: string, most = 3): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return Math.min(row[b.length]!, most + 1);
}

/** The known text closest to a misspelt one, or null when none is near. */
export function nearest(text: string, known: string[]): string | null {
  const most = text.length < 5 ? 1 : 3;
  const scored = known.map((k) => ({ k, d: distance(text.toLowerCase(), k.toLowerCase(), most) })).filter((s) => s.d <= most && s.k !== text);
  scored.sort((a, b) => a.d - b.d);
  return scored[0]?.k ?? null;
}
