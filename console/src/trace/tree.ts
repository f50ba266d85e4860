// A trace as a tree of spans in the order of the waterfall. Spans arrive as a list that may lack parents, name the same id
// twice or run in a circle: every span has a place all the same, and a parent that never arrived keeps its own. Pure.
import type { TraceAnswer, TraceSpan } from '../api/types';

/** Times are milliseconds since the trace began. */
export type Node = {
  /** Its place in the tree's nodes, which is the order of the waterfall. */
  at: number;
  /** Null for a span that others name as their parent and that never arrived. */
  span: TraceSpan | null;
  id: string;
  parent: number;
  children: number[];
  depth: number;
  from: number;
  to: number;
  /** Nodes below it, at any depth: they follow it. */
  below: number;
  failed: boolean;
  failedBelow: number;
};
export type Tree = { nodes: Node[]; roots: number[]; duration: number; began: number; missing: number; failed: number[]; services: string[] };

type Draft = { span: TraceSpan | null; id: string; parent: Draft | null; children: Draft[]; from: number; to: number; order: number; seen: boolean };

export function treeOf(answer: Pick<TraceAnswer, 'spans' | 'start'>): Tree {
  const drafts = answer.spans.map((span, i): Draft => {
    const from = Math.max(0, span.offset_ms);
    return { span, id: span.span_id ?? '', parent: null, children: [], from, to: from + Math.max(0, span.duration_ms ?? 0), order: i, seen: false };
  });
  const tops = join(drafts);
  const nodes = numbered(tops, drafts);
  const services = new Map<string, number>();
  for (const n of nodes) if (n.span?.service) services.set(n.span.service, (services.get(n.span.service) ?? 0) + 1);
  return {
    nodes,
    roots: nodes.filter((n) => n.parent < 0).map((n) => n.at),
    duration: nodes.reduce((most, n) => Math.max(most, n.to), 0),
    began: Date.parse(answer.start) || 0,
    missing: nodes.filter((n) => n.span === null).length,
    failed: nodes.filter((n) => n.failed).map((n) => n.at),
    services: [...services].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([name]) => name),
  };
}

/** Ties spans to their parents, makes places for those that never arrived, and gives back the roots. */
function join(drafts: Draft[]): Draft[] {
  const byId = new Map<string, Draft>();
  for (const d of drafts) if (d.id !== '' && !byId.has(d.id)) byId.set(d.id, d);
  const roots = drafts.filter((d) => !d.span!.parent_id);
  const absent = new Map<string, Draft>();
  const tops = [...roots];
  for (const d of drafts) {
    const id = d.span!.parent_id;
    if (!id) continue;
    let parent = byId.get(id) ?? absent.get(id);
    if (!parent) {
      parent = { span: null, id, parent: null, children: [], from: Infinity, to: 0, order: d.order, seen: false };
      absent.set(id, parent);
      // Whose child it was went with it; with one root it can only have been below that.
      if (roots.length === 1) adopt(roots[0]!, parent);
      else tops.push(parent);
    }
    adopt(parent, d);
    if (parent.span === null) {
      parent.from = Math.min(parent.from, d.from);
      parent.to = Math.max(parent.to, d.to);
    }
  }
  return tops;
}

function adopt(parent: Draft, child: Draft) {
  child.parent = parent;
  parent.children.push(child);
}

const byStart = (a: Draft, b: Draft) => a.from - b.from || a.order - b.order;

function numbered(tops: Draft[], drafts: Draft[]): Node[] {
  const nodes: Node[] = [];
  const place = (top: Draft) => {
    const stack: { draft: Draft; parent: number; depth: number }[] = [{ draft: top, parent: -1, depth: 0 }];
    for (let next = stack.pop(); next; next = stack.pop()) {
      const { draft: d, parent, depth } = next;
      if (d.seen) continue;
      d.seen = true;
      const at = nodes.length;
      nodes.push({ at, span: d.span, id: d.id, parent, children: [], depth, from: d.from, to: d.to, below: 0, failed: d.span?.error === true, failedBelow: 0 });
      if (parent >= 0) nodes[parent]!.children.push(at);
      d.children.sort(byStart);
      for (let i = d.children.length - 1; i >= 0; i -= 1) stack.push({ draft: d.children[i]!, parent: at, depth: depth + 1 });
    }
  };
  for (const top of [...tops].sort(byStart)) place(top);
  // Spans that are each other's parents hang on nothing: the first of them stands as a root.
  for (const d of drafts) if (!d.seen) place(d);
  for (let i = nodes.length - 1; i >= 0; i -= 1) {
    const n = nodes[i]!;
    const parent = n.parent >= 0 ? nodes[n.parent]! : null;
    if (!parent) continue;
    parent.below += n.below + 1;
    parent.failedBelow += n.failedBelow + (n.failed ? 1 : 0);
  }
  return nodes;
}

export const nameOf = (n: Node) => n.span?.name ?? '';
export const serviceOf = (n: Node) => n.span?.service ?? '';
/** The same work done again: what folds together, and what a duration is compared with. */
export const sameWork = (a: Node, b: Node) => a.span !== null && b.span !== null && a.span.name === b.span.name && a.span.service === b.span.service;
