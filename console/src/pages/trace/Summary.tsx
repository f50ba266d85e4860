// The headline of a trace: what it was, and where its time went, as a sentence. Names in it lead to their spans.
import { zoneWords } from '../../words/zone';
import type { Spent } from '../../trace/spent';
import { nameOf, type Tree } from '../../trace/tree';
import { count, duration } from '../../words/numbers';
import { clock, day } from '../../words/times';
import { whereTimeWent } from '../../words/trace';
import { cut, visible } from '../../words/values';
import { useMemo } from 'react';

export function Summary({ tree, spent, onSpan }: { tree: Tree; spent: Spent; onSpan: (at: number) => void }) {
  const said = useMemo(() => whereTimeWent(tree, spent), [tree, spent]);
  const root = tree.nodes[tree.roots.find((at) => tree.nodes[at]!.span !== null) ?? tree.nodes.find((n) => n.span)?.at ?? 0]!;
  const spans = tree.nodes.length - tree.missing;
  return (
    <section className="trace-summary" aria-label="Summary">
      <div className="trace-what">
        <h2 className="cut" title={nameOf(root)}><bdi>{cut(visible(nameOf(root)) || 'A trace', 64)}</bdi></h2>
        <p className="dim">{day(tree.began, true)}, {clock(tree.began, 1)} {zoneWords()}</p>
      </div>
      <p className="trace-said" data-testid="trace-said">
        {said.map((piece, i) => piece.kind === 'words' ? <span key={i}>{piece.text}</span> : piece.kind === 'strong' ? <b key={i}>{piece.text}</b> : <button type="button" key={i} className="mono" title="Show it" onClick={() => onSpan(piece.at!)}><bdi>{cut(visible(piece.text), 48)}</bdi></button>)}
      </p>
      <dl className="wide">
        <div><dt>Duration</dt><dd>{duration(tree.duration)}</dd></div>
        <div><dt>Spans</dt><dd>{count(spans)}{tree.missing > 0 && <span className="warn">, {tree.missing === 1 ? 'one' : count(tree.missing)} missing</span>}</dd></div>
        <div><dt>Services</dt><dd>{count(tree.services.length)}</dd></div>
        <div><dt>Errors</dt><dd className={tree.failed.length > 0 ? 'bad' : undefined}>{count(tree.failed.length)}</dd></div>
      </dl>
    </section>
  );
}
