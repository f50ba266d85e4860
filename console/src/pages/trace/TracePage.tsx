// The trace page: what it was and where its time went, the waterfall, and one span beside it. It joins state, the trace and
// parts, and decides nothing about how a part looks.
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { serverNow } from '../../api/client';
import { useTraceRoles } from '../../api/datasets';
import type { FieldInfo, TraceSpan } from '../../api/types';
import { copy } from '../../parts/copy';
import { ErrorBand } from '../../parts/ErrorBand';
import { Icon } from '../../parts/Icon';
import { ProgressLine, useSince } from '../../parts/Progress';
import { StateBlock } from '../../parts/StateBlock';
import { ValueMenu, ValueMenuContext, type Asked } from '../../parts/ValueMenu';
import { differentOf, theseWhere, type These } from '../../state/different';
import type { Explore, Filter } from '../../state/explore';
import type { Roles } from '../../state/roles';
import { useSteps, type Go } from '../../state/location';
import { exploreAround, traceLook, type TraceLook } from '../../state/looking';
import { times } from '../../state/spec';
import { neighbours } from '../../state/trail';
import { encodePage } from '../../state/url';
import { NOTHING_FOLDED, closedFrom, revealed, rowsOf, type Folding, type Row } from '../../trace/rows';
import { nextOf } from '../../trace/find';
import { troubleOfError, troubleOfWarning } from '../../words/errors';
import { count, counted } from '../../words/numbers';
import { cut } from '../../words/values';
import { colourOf } from './colours';
import { Overview } from './Overview';
import { MissingPanel, SpanPanel } from './SpanPanel';
import { Summary } from './Summary';
import { useFind } from './useFind';
import { sameFilters } from './useSiblings';
import { useTrace, useWholeSpan } from './useTrace';
import { useTraceKeys } from './useTraceKeys';
import { Waterfall } from './Waterfall';
import type { Window } from './window';
import './trace.css';

type Props = { look: TraceLook; dataset: string; go: Go };
const NO_FIELDS: FieldInfo[] = [];
/** An error may be said by a word: any value but what says that there is none. */
const failedLike = (span: TraceSpan, roles: Roles): Filter[] => [span.fields[roles.error] === true || span.fields[roles.error] === undefined ? { column: roles.error, op: '=', value: true } : { column: roles.error, op: 'exists' }];
const WHOLE: Window = { from: 0, to: Infinity };

export function TracePage({ look, dataset, go }: Props) {
  const t = useTrace(look.trace);
  const tree = t.whole?.tree ?? null;
  const [folding, setFolding] = useState<Folding>(NOTHING_FOLDED);
  const [view, setView] = useState<Window>(WHOLE);
  const [reveal, setReveal] = useState(0);
  const [typed, setTyped] = useState(look.find);
  // On a phone the panel covers the waterfall: it waits until somebody picks a span.
  const [panel, setPanel] = useState(() => !window.matchMedia('(max-width: 720px)').matches);
  const [asked, setAsked] = useState<Asked | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const findInput = useRef<HTMLInputElement>(null);
  const fieldInput = useRef<HTMLInputElement>(null);
  const { undo, redo } = useSteps();
  const now = useMemo(() => serverNow(), [look.trace]); // eslint-disable-line react-hooks/exhaustive-deps -- the moment of this page
  const late = useSince(t.reading, 100);

  const rows = useMemo(() => (tree ? rowsOf(tree, folding) : []), [tree, folding]);
  const found = useFind(tree, typed);
  const hits = useMemo(() => new Set(found.at), [found]);
  const shown = useMemo<Window>(() => ({ from: view.from, to: Math.min(view.to, tree?.duration ?? 0) }), [view, tree]);
  const active = useMemo(() => (tree ? (look.span ? (tree.nodes.find((n) => n.id === look.span)?.at ?? tree.roots[0] ?? null) : (tree.roots[0] ?? null)) : null), [tree, look.span]);
  const node = tree && active !== null ? tree.nodes[active]! : null;

  const set = useCallback((part: Partial<TraceLook>) => go({ page: 'trace', trace: { ...look, ...part } }, 'replace'), [go, look]);
  const pick = useCallback((at: number) => {
    if (tree) set({ span: tree.nodes[at]!.id });
  }, [tree, set]);
  const show = useCallback((at: number) => {
    if (!tree) return;
    setFolding((f) => revealed(tree, f, at));
    const n = tree.nodes[at]!;
    setView((v) => (n.to < v.from || n.from > v.to ? WHOLE : v));
    pick(at);
    setReveal((r) => r + 1);
  }, [tree, pick]);
  const toggle = useCallback((row: Row) => {
    if (row.kind === 'alike') return setFolding((f) => ({ ...f, opened: new Set([...f.opened, row.at]) }));
    if (tree?.nodes[row.at]?.children.length) setFolding((f) => ({ ...f, closed: f.closed.has(row.at) ? new Set([...f.closed].filter((at) => at !== row.at)) : new Set([...f.closed, row.at]) }));
  }, [tree]);
  const pickRow = useCallback((row: Row) => (setPanel(true), pick(row.at)), [pick]);

  // A trace opens with the span that its link names in sight, and with the waterfall under the arrow keys.
  useEffect(() => {
    setFolding(NOTHING_FOLDED);
    setView(WHOLE);
    if (!tree) return;
    if (active !== null && look.span) show(active);
    scroller.current?.focus({ preventScroll: true });
  }, [tree]); // eslint-disable-line react-hooks/exhaustive-deps -- once for each trace

  // Enter can be quicker than the search: then it goes on when that is done.
  const [seeking, setSeeking] = useState<1 | -1 | null>(null);
  const ready = found.done && found.text === typed;
  useEffect(() => {
    if (seeking === null || !ready) return;
    setSeeking(null);
    const next = nextOf(found.at, active ?? -1, seeking);
    if (next !== null) show(next);
  }, [seeking, ready, found, active, show]);
  const nextError = useCallback(() => {
    const next = tree && nextOf(tree.failed, active ?? -1, 1);
    if (next !== null && next !== undefined) show(next);
  }, [tree, active, show]);

  const spanDataset = node?.span?.dataset ?? (look.dataset || dataset);
  const roles = useTraceRoles(spanDataset, NO_FIELDS);
  const at = tree ? tree.began : (look.at ?? now);
  const explore = useMemo(() => exploreAround(spanDataset, at, now), [spanDataset, at, now]);
  const open = useCallback((e: Explore) => go({ page: 'explore', explore: e }), [go]);
  const different = useCallback((these: These, e: Explore = explore) => {
    const when = times(e, now);
    go({ page: 'different', different: differentOf(e, { from: Date.parse(when.start_time), to: Date.parse(when.end_time) }, these) });
  }, [explore, now, go]);
  const span = node?.span ?? null;
  const whole = useWholeSpan(span, t.whole?.bare ?? false);
  /** These: the same work, as slow as this or slower; or failed, where this failed. */
  const picked = span && roles && (span.error ? failedLike(span, roles) : roles.duration && [{ column: roles.duration, op: '>=', value: span.duration_ms ?? 0 }]);
  const differentSpans = span && roles && picked && span.name != null ? () => different({ ...theseWhere(picked), slow: !span.error }, { ...explore, where: sameFilters(span, roles) }) : null;
  const link = useCallback(() => void copy(window.location.origin + window.location.pathname + encodePage({ page: 'trace', trace: { ...look, at: tree ? Math.floor(tree.began) : look.at } })), [look, tree]);
  const { place, previous, next } = neighbours(look.trace);
  const step = (to: typeof next) => (to ? () => go({ page: 'trace', trace: { ...traceLook(look.dataset, to.trace, to.at), critical: look.critical } }, 'replace') : null);
  const all = useCallback(() => setView(WHOLE), []);
  const back = useCallback(() => {
    if (shown.from > 0 || shown.to < (tree?.duration ?? 0)) all();
    else if (typed) setTyped('');
    else if (undo) undo();
  }, [shown, tree, typed, undo, all]);
  useTraceKeys({ critical: () => set({ critical: !look.critical }), nextError, find: () => findInput.current?.focus(), fields: () => fieldInput.current?.focus(), previous: step(previous), next: step(next), link, different: differentSpans, all, back, undo, redo });

  const folded = folding.closed.size > 0;
  return (
    <ValueMenuContext.Provider value={setAsked}>
      <header className="top">
        <button type="button" className="btn ghost back" aria-label={undo ? 'Back' : 'Traces'} onClick={() => (undo ? undo() : go({ page: 'traces', traces: { dataset: look.dataset || dataset, choice: 'slowest', last: 7200 } }))}><Icon name="back" /><span className="wide">{undo ? 'Back' : 'Traces'}</span></button>
        <span className="slash wide" aria-hidden="true">/</span>
        <h1 className="shown cut trace-id"><span className="vh">Trace </span><span className="mono">{cut(look.trace, 40)}</span></h1>
        <button type="button" className="btn ghost icon wide" aria-label="Copy the trace’s id" title="Copy the trace’s id" onClick={() => void copy(look.trace)}><Icon name="copy" /></button>
        <span className="sp" />
        {place && <span className="dim wide num">{count(place.at)} of {count(place.of)}</span>}
        {previous && <button type="button" className="btn wide" onClick={step(previous)!}>Previous <kbd>[</kbd></button>}
        {next && <button type="button" className="btn wide" onClick={step(next)!}>Next <kbd>]</kbd></button>}
        <button type="button" className="btn ghost icon" aria-label="Copy link" title="Copy link  Y" onClick={link}><Icon name="link" /></button>
      </header>
      <main className={panel && node ? 'trace with-span' : 'trace'} data-testid="trace" data-settled={tree !== null}>
        {late && <ProgressLine />}
        {t.error && t.error.status !== 404 && <ErrorBand key={t.error.message} trouble={troubleOfError(t.error)} onFix={null} onUndo={undo} onRetry={t.again} />}
        {t.whole?.warning && <ErrorBand trouble={troubleOfWarning(t.whole.warning, dataset)} warning onFix={null} onUndo={null} onRetry={t.again} />}
        {t.error?.status === 404 && <Unknown trace={look.trace} onTraces={() => go({ page: 'traces', traces: { dataset: look.dataset || dataset, choice: 'slowest', last: 7200 } })} onAgain={t.again} />}
        {tree && t.whole && (
          <>
            <Summary tree={tree} spent={t.whole.spent} onSpan={show} />
            <section className="waterfall" aria-label="Waterfall">
              <Overview tree={tree} shown={shown} onShow={setView} found={found.at} />
              <div className="trace-bar">
                <label className="find">
                  <Icon name="search" />
                  <input ref={findInput} value={typed} onChange={(e) => setTyped(e.target.value)} onBlur={() => typed !== look.find && set({ find: typed })} placeholder={`Find in ${counted(tree.nodes.length - tree.missing, 'span')}${t.whole.bare ? '' : ', any field'}`} aria-label="Find in the spans" onKeyDown={(event) => {
                    if (event.key === 'Enter') setSeeking(event.shiftKey ? -1 : 1);
                    else if (event.key === 'Escape') scroller.current?.focus({ preventScroll: true });
                    else return;
                    event.preventDefault();
                    event.stopPropagation();
                  }} />
                  {typed.trim() === '' ? <kbd>/</kbd> : <span className="dim num" role="status" data-testid="found">{found.at.length === 0 ? (ready ? 'none' : '…') : `${hits.has(active ?? -1) ? `${count(found.at.indexOf(active!) + 1)} of ` : ''}${count(found.at.length)}`}</span>}
                </label>
                {typed.trim() !== '' && <span className="found-steps"><button type="button" className="btn ghost icon" aria-label="Previous span that was found" disabled={found.at.length === 0} onClick={() => setSeeking(-1)}><Icon name="up" /></button><button type="button" className="btn ghost icon" aria-label="Next span that was found" disabled={found.at.length === 0} onClick={() => setSeeking(1)}><Icon name="caret" /></button></span>}
                <button type="button" className="btn" aria-pressed={look.critical} onClick={() => set({ critical: !look.critical })}><Icon name="critical" /><span className="label">Critical path</span> <kbd className="wide">P</kbd></button>
                {tree.failed.length > 0 && <button type="button" className="btn ghost" onClick={nextError}>{tree.failed.length === 1 ? 'Error' : 'Errors'} <b className="bad">{count(tree.failed.length)}</b> <kbd className="wide">E</kbd></button>}
                <button type="button" className="btn ghost wide" onClick={() => setFolding(folded ? NOTHING_FOLDED : closedFrom(tree, 1))}>{folded ? 'Unfold all' : 'Fold all'}</button>
                {(shown.from > 0 || shown.to < tree.duration) && <button type="button" className="btn ghost" onClick={all}>Whole time <kbd className="wide">0</kbd></button>}
                <span className="sp" />
                {t.whole.truncated && <span className="warn">Only the first {count(tree.nodes.length - tree.missing)} spans</span>}
                <span className="trace-legend wide" aria-hidden="true"><i className="sw long" />own time<i className="sw long pale" />waiting for children</span>
              </div>
              <Waterfall tree={tree} spent={t.whole.spent} rows={rows} folding={folding} critical={look.critical} shown={shown} active={active} found={hits} scroller={scroller} reveal={reveal} onPick={pickRow} onToggle={toggle} onShow={setView} />
            </section>
            {panel && node && !span && <MissingPanel node={node} events={(t.whole.orphans ?? []).filter((e) => e.span_id === node.id)} onClose={() => (setPanel(false), scroller.current?.focus({ preventScroll: true }))} />}
            {panel && whole && <SpanPanel span={whole.span} dataset={spanDataset} roles={roles} colour={colourOf(tree.services, whole.span.service)} now={now} find={fieldInput} onDifferent={differentSpans} onTrace={(trace, id) => go({ page: 'trace', trace: traceLook(look.dataset, trace, null, id) })} onClose={() => (setPanel(false), scroller.current?.focus({ preventScroll: true }))} />}
          </>
        )}
        {!tree && !t.error && <div className="trace-to-come" aria-hidden="true">{Array.from({ length: 12 }, (_, i) => <i key={i} style={{ width: `${90 - i * 6}%`, marginInlineStart: `${i * 2}%` }} />)}</div>}
      </main>
      {asked && <ValueMenu asked={asked} explore={explore} onEdit={open} onDifferent={(these) => different(these)} onClose={() => setAsked(null)} />}
    </ValueMenuContext.Provider>
  );
}

function Unknown({ trace, onTraces, onAgain }: { trace: string; onTraces: () => void; onAgain: () => void }) {
  return (
    <StateBlock eyebrow="404" title="No span of this trace is stored" offers={[{ icon: 'undo', label: 'Look again', detail: 'spans may still be on their way', run: onAgain }, { icon: 'traces', label: 'Choose a trace', run: onTraces }]}>
      <p className="mid">Nothing has the id <span className="mono whole">{cut(trace, 64)}</span>. It may have been sampled away, be older than what is kept, or not have arrived yet.</p>
    </StateBlock>
  );
}
