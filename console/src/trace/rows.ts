// The rows of the waterfall: which nodes are shown, what is folded away, and where a node's row is. Long runs of siblings
// that do the same work show the first few and fold the others into one row, whose rhythm stays visible. Pure.
import { sameWork, type Tree } from './tree';

export type Row = { kind: 'span'; at: number } | { kind: 'alike'; /** The first of those folded; it names the fold. */ at: number; nodes: number[] };
export type Folding = { /** Nodes whose children are folded away. */ closed: ReadonlySet<number>; /** Runs, by their first folded node, that somebody opened. */ opened: ReadonlySet<number> };
export const NOTHING_FOLDED: Folding = { closed: new Set(), opened: new Set() };

/** Runs longer than this fold; so many of them stay in sight. */
const RUN_MOST = 10;
const RUN_SHOWN = 8;

/** The runs of a list of siblings that fold: from the first folded to the last. Nothing that failed is folded away. */
function* runs(tree: Tree, siblings: number[]): Generator<[from: number, to: number]> {
  const plain = (i: number) => {
    const n = tree.nodes[siblings[i]!]!;
    return n.span !== null && !n.failed && n.failedBelow === 0;
  };
  for (let from = 0; from < siblings.length; ) {
    let to = from + 1;
    if (plain(from)) while (to < siblings.length && plain(to) && sameWork(tree.nodes[siblings[from]!]!, tree.nodes[siblings[to]!]!)) to += 1;
    if (to - from > RUN_MOST) yield [from + RUN_SHOWN, to];
    from = to;
  }
}

export function rowsOf(tree: Tree, folding: Folding): Row[] {
  const rows: Row[] = [];
  const stack: Row[] = [];
  const push = (siblings: number[]) => {
    const level: Row[] = [];
    let next = 0;
    for (const [from, to] of runs(tree, siblings)) {
      for (; next < from; next += 1) level.push({ kind: 'span', at: siblings[next]! });
      if (folding.opened.has(siblings[from]!)) continue;
      level.push({ kind: 'alike', at: siblings[from]!, nodes: siblings.slice(from, to) });
      next = to;
    }
    for (; next < siblings.length; next += 1) level.push({ kind: 'span', at: siblings[next]! });
    for (let i = level.length - 1; i >= 0; i -= 1) stack.push(level[i]!);
  };
  push(tree.roots);
  for (let row = stack.pop(); row; row = stack.pop()) {
    rows.push(row);
    if (row.kind === 'span' && !folding.closed.has(row.at)) push(tree.nodes[row.at]!.children);
  }
  return rows;
}

/** The same folding with everything above a node open, so that it has a row. */
export function revealed(tree: Tree, folding: Folding, at: number): Folding {
  const closed = new Set(folding.closed);
  const opened = new Set(folding.opened);
  for (let n = tree.nodes[at]; n; n = tree.nodes[n.parent]) {
    if (n.at !== at) closed.delete(n.at);
    const siblings = n.parent >= 0 ? tree.nodes[n.parent]!.children : tree.roots;
    if (siblings.length <= RUN_MOST) continue;
    const place = siblings.indexOf(n.at);
    for (const [from, to] of runs(tree, siblings)) if (place >= from && place < to) opened.add(siblings[from]!);
  }
  return { closed, opened };
}

/** Everything below a depth folded away, or nothing. */
export const closedFrom = (tree: Tree, depth: number): Folding => ({ closed: new Set(tree.nodes.filter((n) => n.depth >= depth && n.children.length > 0).map((n) => n.at)), opened: new Set() });
