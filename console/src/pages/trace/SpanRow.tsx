// One row of the waterfall: tree, service colour, name and duration at the left, the bar at the right. In a bar the pale
// part waits for children and the full part is the span's own time; ink below it is the critical path.
import { memo } from 'react';
import { Icon } from '../../parts/Icon';
import { coarse, type Part } from '../../trace/spent';
import type { Row } from '../../trace/rows';
import { nameOf, serviceOf, type Node, type Tree } from '../../trace/tree';
import { count, duration } from '../../words/numbers';
import { cut, visible } from '../../words/values';
import { colourOf } from './colours';
import type { Window } from './window';

const INDENT = 13;
/** Deeper rows stand where these do, and say how deep they are. */
const DEPTH_DRAWN = 14;
/** Parts of a bar closer to each other than this share of the width are drawn as one. */
const TOLD_APART = 1 / 1200;
/** Span events of one bar; the panel lists all. */
const EVENTS_DRAWN = 40;

export type RowProps = { row: Row; tree: Tree; own: Part[]; critical: Part[]; shown: Window; active: boolean; hit: boolean; expanded: boolean | null; top: number; height: number; onPick: (row: Row) => void; onToggle: (row: Row) => void };

export const SpanRow = memo(function SpanRow({ row, tree, own, critical, shown, active, hit, expanded, top, height, onPick, onToggle }: RowProps) {
  const n = tree.nodes[row.at]!;
  const alike = row.kind === 'alike' ? row.nodes.map((at) => tree.nodes[at]!) : null;
  const [from, to] = extent(n, alike);
  const colour = colourOf(tree.services, n.span?.service);
  const depth = Math.min(n.depth, DEPTH_DRAWN);
  const classes = ['span-row', active && 'active', hit && 'hit', n.span === null && 'missing', critical.length === 0 && 'off-path'].filter(Boolean).join(' ');
  const name = n.span === null ? `Span ${cut(n.id, 13)} never arrived` : visible(nameOf(n)) || 'no name';
  const time = alike ? duration(alike.reduce((sum, a) => sum + a.to - a.from, 0)) : `${n.span === null ? '≥ ' : ''}${duration(to - from)}`;
  return (
    <div id={`span-${row.at}`} className={classes} role="treeitem" aria-level={n.depth + 1} aria-selected={active} aria-expanded={expanded ?? undefined} style={{ height, transform: `translateY(${top}px)` }} onClick={() => onPick(row)} onDoubleClick={() => onToggle(row)} data-kind={row.kind}>
      <span className="nm">
        <i className="tree" style={{ width: depth * INDENT }}>{n.depth > DEPTH_DRAWN && <b>{n.depth}</b>}</i>
        {expanded === null ? <i className="twist-place" /> : <button type="button" className={expanded ? 'twist open' : 'twist'} tabIndex={-1} aria-hidden="true" onClick={(event) => (event.stopPropagation(), onToggle(row))}><Icon name="caret" small /></button>}
        <i className="sw" style={{ background: colour }} />
        <bdi className="cut name" title={name.length > 34 ? name : undefined}>{name}</bdi>
        {alike && <span className="badge">× {count(alike.length)} alike</span>}
        {expanded === false && !alike && <span className="badge">+ {count(n.below)}</span>}
        {n.failed ? <span className="tag bad">error</span> : expanded === false && n.failedBelow > 0 && <span className="tag bad">{count(n.failedBelow)} failed</span>}
        <span className="service cut">{serviceOf(n)}</span>
        <span className="sp" />
        <span className="took">{time}</span>
      </span>
      <span className="tm">
        <Bar n={n} from={from} to={to} own={alike ? alike.map((a): Part => [a.from, a.from + (a.to - a.from) * RHYTHM]) : own} critical={critical} shown={shown} colour={colour} />
      </span>
    </div>
  );
});

/** How much of each alike span is drawn full, so that their rhythm shows. */
const RHYTHM = 0.12;

const extent = (n: Node, alike: Node[] | null): Part => (alike ? [alike.reduce((least, a) => Math.min(least, a.from), Infinity), alike.reduce((most, a) => Math.max(most, a.to), 0)] : [n.from, n.to]);

function Bar({ n, from, to, own, critical, shown, colour }: { n: Node; from: number; to: number; own: Part[]; critical: Part[]; shown: Window; colour: string }) {
  const width = shown.to - shown.from;
  if (!(width > 0)) return <i className="bar" style={{ left: 0, background: colour }} />;
  const share = (t: number) => Math.min(1, Math.max(0, (t - shown.from) / width));
  if (to < shown.from) return <i className="beyond before" aria-hidden="true">‹</i>;
  if (from > shown.to) return <i className="beyond after" aria-hidden="true">›</i>;
  const gap = width * TOLD_APART;
  const path = (parts: Part[]) => coarse(parts, shown.from, shown.to, gap).map(([a, b]) => `M${(share(a) * 1000).toFixed(2)} 0h${Math.max(1.2, (share(b) - share(a)) * 1000).toFixed(2)}v1h-${Math.max(1.2, (share(b) - share(a)) * 1000).toFixed(2)}z`).join('');
  return (
    <>
      <i className={n.span === null ? 'bar dashed' : 'bar'} style={{ left: `${share(from) * 100}%`, width: `${(share(to) - share(from)) * 100}%`, background: n.span === null ? undefined : colour }} />
      {n.span !== null && <svg className="own" viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true"><path d={path(own)} style={{ fill: colour }} /></svg>}
      {critical.length > 0 && <svg className="critical" viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true"><path d={path(critical)} /></svg>}
      {(n.span?.events ?? []).slice(0, EVENTS_DRAWN).map((e, i) => e.offset_ms >= shown.from && e.offset_ms <= shown.to && <i key={i} className={n.failed ? 'diamond bad' : 'diamond'} style={{ left: `${share(e.offset_ms) * 100}%` }} />)}
    </>
  );
}
