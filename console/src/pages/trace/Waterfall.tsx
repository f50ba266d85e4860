// The waterfall: a ruler and the rows in view, by TanStack Virtual. It is a tree of one stop: arrows go from span to span and
// fold. It draws what it is given and must not know where a trace comes from or what its keys do beyond that.
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, type KeyboardEvent, type RefObject } from 'react';
import { useWidth } from '../../charts/useWidth';
import type { Folding, Row } from '../../trace/rows';
import type { Part, Spent } from '../../trace/spent';
import type { Tree } from '../../trace/tree';
import { duration } from '../../words/numbers';
import { SpanRow } from './SpanRow';
import { moved, ticksOf, zoomed, type Window } from './window';

type Props = {
  tree: Tree;
  spent: Spent;
  rows: Row[];
  folding: Folding;
  critical: boolean;
  shown: Window;
  active: number | null;
  found: ReadonlySet<number>;
  scroller: RefObject<HTMLDivElement | null>;
  /** Changes when the active row is to be brought into view. */
  reveal: number;
  onPick: (row: Row) => void;
  onToggle: (row: Row) => void;
  onShow: (shown: Window) => void;
};

const ROW = 25;
const ROW_PHONE = 48;
const TICK_APART = 110;
const NO_PARTS: Part[] = [];
const narrow = () => globalThis.matchMedia('(max-width: 720px)').matches;

export function Waterfall(p: Props) {
  const { tree, rows, active, scroller, shown } = p;
  const height = narrow() ? ROW_PHONE : ROW;
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => height, overscan: 10 });
  const at = useMemo(() => rows.findIndex((r) => r.at === active), [rows, active]);
  const ruler = useRef<HTMLDivElement>(null);
  const width = useWidth(ruler);
  const ticks = ticksOf(shown, Math.max(2, Math.floor(width / TICK_APART)));
  const place = (t: number) => (shown.to > shown.from ? (t - shown.from) / (shown.to - shown.from) : 0);
  useEffect(() => {
    // A row that is out of sight comes to the middle, with what surrounds it.
    const sight = scroller.current;
    const seen = sight && at * height >= sight.scrollTop && (at + 1) * height <= sight.scrollTop + sight.clientHeight;
    if (at >= 0 && !seen) virtual.scrollToIndex(at, { align: 'center' });
  }, [p.reveal]); // eslint-disable-line react-hooks/exhaustive-deps -- only when asked for
  const keys = (event: KeyboardEvent) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const row = rows[at];
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / height) - 1);
    const to: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: rows.length - 1 };
    const turn = shown.to - shown.from;
    if (event.shiftKey && (event.key === 'ArrowLeft' || event.key === 'ArrowRight')) p.onShow(moved(shown, event.key === 'ArrowLeft' ? -0.25 : 0.25, tree.duration));
    else if ((event.key === '+' || event.key === '=') && turn > 0) p.onShow(zoomed(shown, 0.5, tree.duration, aroundOf(tree, active, shown)));
    else if (event.key === '-' && turn > 0) p.onShow(zoomed(shown, 2, tree.duration, aroundOf(tree, active, shown)));
    else if (to[event.key] !== undefined) step(Math.min(rows.length - 1, Math.max(0, to[event.key]!)));
    else if (row && (event.key === 'Enter' || event.key === ' ')) p.onToggle(row);
    else if (row && event.key === 'ArrowRight') unfold(row);
    else if (row && event.key === 'ArrowLeft') fold(row);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const step = (index: number) => {
    const next = rows[index];
    if (!next) return;
    p.onPick(next);
    virtual.scrollToIndex(index, { align: 'auto' });
  };
  const isClosed = (row: Row) => row.kind === 'alike' || (tree.nodes[row.at]!.children.length > 0 && p.folding.closed.has(row.at));
  const unfold = (row: Row) => {
    if (isClosed(row)) p.onToggle(row);
    else if (tree.nodes[row.at]!.children.length > 0) step(at + 1);
  };
  const fold = (row: Row) => {
    const n = tree.nodes[row.at]!;
    if (row.kind === 'span' && n.children.length > 0 && !isClosed(row)) return p.onToggle(row);
    const parent = rows.findIndex((r) => r.kind === 'span' && r.at === n.parent);
    if (parent >= 0) step(parent);
  };
  // Of a folded row, everything in it that the end waited for; worked out once, because scrolling draws it again and again.
  const folded = useMemo(() => {
    const known = new Map<Row, Part[]>();
    return (row: Row) => {
      const parts = known.get(row) ?? (row.kind === 'alike' ? row.nodes : [row.at]).flatMap((a) => pathBelow(tree, p.spent, a)).sort((a, b) => a[0] - b[0]);
      known.set(row, parts);
      return parts;
    };
  }, [tree, p.spent, rows]); // eslint-disable-line react-hooks/exhaustive-deps -- rows name what was folded
  const items = virtual.getVirtualItems();
  const inView = at >= 0 && items.some((i) => i.index === at);
  return (
    <>
      <div className="ruler" aria-hidden="true"><div /><div ref={ruler}>{ticks.map((t) => <span key={t} style={{ left: `${place(t) * 100}%` }} className={place(t) > 0.94 ? 'last' : place(t) < 0.02 ? 'first' : undefined}>{t === 0 ? '0' : duration(t)}</span>)}</div></div>
      <div className="span-rows" role="tree" aria-label="Spans" tabIndex={0} ref={scroller} onKeyDown={keys} aria-activedescendant={inView ? `span-${active}` : undefined} data-testid="waterfall">
        <div role="presentation" className="ticks" style={{ height: virtual.getTotalSize() }}>
          <div className="tick-lines" aria-hidden="true">{ticks.map((t) => <i key={t} style={{ left: `${place(t) * 100}%` }} />)}</div>
          {items.map((item) => {
            const row = rows[item.index]!;
            const n = tree.nodes[row.at]!;
            const expanded = row.kind === 'alike' ? false : n.children.length > 0 ? !p.folding.closed.has(row.at) : null;
            const critical = !p.critical ? NO_PARTS : expanded === false ? folded(row) : p.spent.critical[row.at]!;
            return <SpanRow key={`${row.kind}${row.at}`} row={row} tree={tree} own={p.spent.own[row.at]!} critical={critical} shown={shown} active={row.at === active} hit={p.found.has(row.at)} expanded={expanded} top={item.start} height={height} onPick={p.onPick} onToggle={p.onToggle} />;
          })}
        </div>
      </div>
    </>
  );
}

const pathBelow = (tree: Tree, spent: Spent, at: number) => spent.critical.slice(at, at + tree.nodes[at]!.below + 1).flat();

/** Keys zoom around the active span where it is in sight, else around the middle. */
function aroundOf(tree: Tree, active: number | null, shown: Window): number {
  const n = active === null ? null : tree.nodes[active];
  const place = n ? ((n.from + n.to) / 2 - shown.from) / (shown.to - shown.from) : 0.5;
  return place >= 0 && place <= 1 ? place : 0.5;
}
