// Where the time of a trace went: what each span did itself, and which of them the end had to wait for. Pure.
import type { Node, Tree } from './tree';

export type Part = [from: number, to: number];
export type Spent = { /** By node: its time without any child's. */ own: Part[][]; /** By node: when the end of the trace waited for it and none of its children. */ critical: Part[][] };

export const length = (parts: Part[]) => parts.reduce((sum, [from, to]) => sum + to - from, 0);

export function spentOf(tree: Tree): Spent {
  return { own: tree.nodes.map((n) => ownTime(tree, n)), critical: criticalPath(tree) };
}

/** Children are in order of their start; what they leave of their parent's time is its own. */
function ownTime(tree: Tree, n: Node): Part[] {
  if (n.span === null) return [];
  const parts: Part[] = [];
  let free = n.from;
  for (const at of n.children) {
    const child = tree.nodes[at]!;
    if (child.from >= n.to) break;
    if (child.from > free) parts.push([free, child.from]);
    free = Math.max(free, child.to);
  }
  if (free < n.to) parts.push([free, n.to]);
  return parts;
}

/** Back from the end: what ended last is what was waited for; before it began, what had ended last by then. A child that
    outlives its parent was waited for until its parent's end and no longer. */
function criticalPath(tree: Tree): Part[][] {
  const parts: Part[][] = tree.nodes.map(() => []);
  const walks: { at: number; until: number }[] = [];
  const waitedFor = (children: number[], from: number, until: number, own: Part[] | null) => {
    const byEnd = children.map((at) => tree.nodes[at]!).filter((c) => c.from < until && c.to > from).sort((a, b) => Math.min(b.to, until) - Math.min(a.to, until) || b.from - a.from);
    let t = until;
    for (const child of byEnd) {
      const end = Math.min(child.to, until);
      if (end > t || child.from >= t) continue;
      if (own && end < t) own.push([end, t]);
      walks.push({ at: child.at, until: end });
      t = Math.max(from, child.from);
      if (t <= from) break;
    }
    if (own && t > from) own.push([from, t]);
  };
  waitedFor(tree.roots, 0, tree.duration, null);
  for (let next = walks.pop(); next; next = walks.pop()) {
    const n = tree.nodes[next.at]!;
    waitedFor(n.children, n.from, next.until, parts[n.at]!);
  }
  for (const own of parts) own.reverse();
  return parts;
}

/** For each node, how much of the critical path lies in it and below it. */
export function criticalBelow(tree: Tree, critical: Part[][]): Float64Array {
  const sums = new Float64Array(tree.nodes.length);
  for (let i = tree.nodes.length - 1; i >= 0; i -= 1) {
    sums[i]! += length(critical[i]!);
    const { parent } = tree.nodes[i]!;
    if (parent >= 0) sums[parent]! += sums[i]!;
  }
  return sums;
}

/** Parts as they can be told apart: gaps narrower than `gap` are closed, and what lies outside a window is cut off. */
export function coarse(parts: Part[], from: number, to: number, gap: number): Part[] {
  const out: Part[] = [];
  for (const [a, b] of parts) {
    const start = Math.max(a, from);
    const end = Math.min(b, to);
    if (end < start || b < from || a > to) continue;
    const last = out[out.length - 1];
    if (last && start - last[1] < gap) last[1] = Math.max(last[1], end);
    else out.push([start, end]);
  }
  return out;
}
