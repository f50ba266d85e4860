// The traces somebody chose from, so that [ and ] step through them. It lasts as long as the page: a link names one trace.
export type Step = { trace: string; at: number | null };

let trail: Step[] = [];

export function setTrail(steps: Step[]) {
  trail = steps;
}

export function neighbours(trace: string): { place: { at: number; of: number } | null; previous: Step | null; next: Step | null } {
  const at = trail.findIndex((s) => s.trace === trace);
  if (at < 0 || trail.length < 2) return { place: null, previous: null, next: null };
  return { place: { at: at + 1, of: trail.length }, previous: trail[at - 1] ?? null, next: trail[at + 1] ?? null };
}
