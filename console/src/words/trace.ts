// Where the time of a trace went, as a sentence: the deepest work that took half of it or more. Pure.
import { criticalBelow, length, type Part, type Spent } from '../trace/spent';
import { nameOf, sameWork, serviceOf, type Node, type Tree } from '../trace/tree';
import { counted, duration } from './numbers';

/** Words, or a name of the trace that is written as one. */
export type Piece = { text: string; kind: 'words' | 'strong' | 'name'; at?: number };

const HALF = 0.5;
/** So many calls of the same are a finding; what is below each of them is not looked for any more. */
const MANY = 3;

const words = (text: string): Piece => ({ text, kind: 'words' });
const strong = (text: string): Piece => ({ text, kind: 'strong' });
const named = (n: Node): Piece => ({ text: nameOf(n) || 'a span without a name', kind: 'name', at: n.at });

/** Nodes that do the same work below the same parents, and how much the end waited for them together. */
type Work = { nodes: Node[]; waited: number };

function worksBelow(tree: Tree, above: Node[], waited: Float64Array): Work[] {
  const works = new Map<string, Work>();
  for (const parent of above) {
    for (const at of parent.children) {
      const n = tree.nodes[at]!;
      if (!n.span) continue;
      const key = JSON.stringify([nameOf(n), serviceOf(n)]);
      const work = works.get(key) ?? { nodes: [], waited: 0 };
      work.nodes.push(n);
      work.waited += waited[at]!;
      works.set(key, work);
    }
  }
  return [...works.values()].sort((a, b) => b.waited - a.waited);
}

export function whereTimeWent(tree: Tree, spent: Spent): Piece[] {
  const first = tree.nodes[tree.roots[0] ?? -1];
  if (!first) return [];
  if (tree.nodes.length === 1) return [words('One span, '), strong(duration(tree.duration)), words('; nothing below it was recorded.')];
  const waited = criticalBelow(tree, spent.critical);
  let work: Work = { nodes: tree.roots.map((at) => tree.nodes[at]!), waited: tree.duration };
  for (;;) {
    const next = worksBelow(tree, work.nodes, waited)[0];
    if (!next || next.waited < tree.duration * HALF) break;
    work = next;
    if (work.nodes.length >= MANY) break;
  }
  return [...spentIn(tree, spent, waited, work), ...failing(tree)];
}

function spentIn(tree: Tree, spent: Spent, waited: Float64Array, work: Work): Piece[] {
  const total = duration(tree.duration);
  const [n] = work.nodes;
  if (!n || tree.duration === 0) return [words(`${counted(tree.nodes.length, 'span')} in no time.`)];
  if (work.nodes.length > 1 && n.parent >= 0) return [strong(`${duration(work.waited)} of ${total}`), words(' went into '), strong(counted(work.nodes.length, 'call')), words(' of '), named(n), words(`, ${orderOf(work.nodes)}.`)];
  const own = length(spent.critical[n.at]!);
  if (own >= tree.duration * HALF) return [strong(`${duration(own)} of ${total}`), words(' were '), named(n), words(n.children.length > 0 ? '’s own time, not that of what it calls.' : '’s own time.')];
  const largest = worksBelow(tree, work.nodes, waited)[0];
  const inside: Piece[] = n.parent < 0 ? [words('No call took half of '), strong(total)] : [strong(`${duration(work.waited)} of ${total}`), words(' went into '), named(n)];
  return largest && largest.waited > 0 ? [...inside, words(n.parent < 0 ? '; the largest part went into ' : ', the largest part of that into '), named(largest.nodes[0]!), words(largest.nodes.length > 1 ? `, ${duration(largest.waited)} in ${counted(largest.nodes.length, 'call')}.` : `, ${duration(largest.waited)}.`)] : [...inside, words('.')];
}

/** Whether calls waited for each other, told from how much of them lies side by side. */
function orderOf(nodes: Node[]): string {
  const sum = nodes.reduce((all, n) => all + n.to - n.from, 0);
  const covered = length(union(nodes));
  if (sum <= covered * 1.02) return 'one after another';
  const most = atOnce(nodes);
  return most === nodes.length ? 'all at once' : `up to ${most} at once`;
}

function union(nodes: Node[]): Part[] {
  const parts: Part[] = [];
  for (const n of [...nodes].sort((a, b) => a.from - b.from)) {
    const last = parts[parts.length - 1];
    if (last && n.from <= last[1]) last[1] = Math.max(last[1], n.to);
    else parts.push([n.from, n.to]);
  }
  return parts;
}

function atOnce(nodes: Node[]): number {
  const turns = nodes.flatMap((n) => [[n.from, 1], [n.to, -1]] as [number, number][]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let now = 0;
  return turns.reduce((most, [, by]) => Math.max(most, (now += by)), 0);
}

/** Where an error began: the deepest of the first branch that failed. */
function failing(tree: Tree): Piece[] {
  const failed = tree.failed.map((at) => tree.nodes[at]!);
  const source = failed.find((n) => n.failedBelow === 0);
  if (!source) return [];
  const others = failed.filter((n) => n.failedBelow === 0 && !sameWork(n, source)).length;
  return [words(' The error began in '), named(source), words(others > 0 ? `, and there ${others === 1 ? 'is one more' : `are ${others} more`}.` : '.')];
}
