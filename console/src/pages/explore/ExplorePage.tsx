// The Explore page: a question as chips, its answer as charts and a table. It joins state, runs and parts, and decides
// nothing about how a part looks or how a change is made.
import { lazy, Suspense, useCallback, useMemo, useRef, useState } from 'react';
import { serverNow } from '../../api/client';
import type { DatasetInfo, FieldInfo } from '../../api/types';
import { createCrosshair, CrosshairContext } from '../../charts/crosshair';
import type { PlotPick } from '../../charts/ChartStack';
import { chooseHistory, useHistoryOpen, useZone } from '../../parts/choices';
import { copy } from '../../parts/copy';
import { ErrorBand } from '../../parts/ErrorBand';
import { modKey } from '../../parts/keys';
import { ProgressLine, RunningBand, useSince } from '../../parts/Progress';
import { QueryStrip, type Editing } from '../../parts/QueryStrip';
import { ValueMenu, ValueMenuContext, type Asked } from '../../parts/ValueMenu';
import { differentOf, theseDuring, type These } from '../../state/different';
import { renameField, setRange } from '../../state/edit';
import { type Explore } from '../../state/explore';
import { traceLook } from '../../state/looking';
import type { Go } from '../../state/location';
import { useSteps } from '../../state/location';
import { encodePage, frozen } from '../../state/url';
import { troubleOfError, troubleOfWarning } from '../../words/errors';
import { Brief } from './Brief';
import { CopyAs } from './CopyAs';
import { EmptyState } from './EmptyState';
import { eventsOf, holdsNothing } from './empty';
import { GoTo } from './GoTo';
import { MarkDialog, MarkersMenu, MarkersOf } from './Markers';
import { Results } from './Results';
import { TopBar } from './TopBar';
import { useExample } from './useExample';
import { useExploreKeys } from './useExploreKeys';
import { useLive } from './useLive';
import { useRun } from './useRun';
import { ViewBar } from './ViewBar';
import './explore.css';

const ChartStack = lazy(() => import('../../charts/ChartStack'));
const SaveDialog = lazy(() => import('../../parts/SaveDialog').then((m) => ({ default: m.SaveDialog })));
const HistoryPanel = lazy(() => import('./HistoryPanel').then((m) => ({ default: m.HistoryPanel })));
const PlotMenu = lazy(() => import('./PlotMenu').then((m) => ({ default: m.PlotMenu })));

type Props = { explore: Explore; datasets: DatasetInfo[]; fields: FieldInfo[]; ready: boolean; go: Go; onDataset: (name: string) => void };

export function ExplorePage({ explore, datasets, fields, ready, go, onDataset }: Props) {
  const r = useRun(explore, ready);
  const [editing, setEditing] = useState<Editing>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [picked, setPicked] = useState<PlotPick | null>(null);
  const [ranging, setRanging] = useState(false);
  const [held, setHeld] = useState(false);
  const [searching, setSearching] = useState(false);
  const [saving, setSaving] = useState(false);
  const [marking, setMarking] = useState(false);
  const crosshair = useRef(createCrosshair()).current;
  const { undo, redo } = useSteps();
  useZone();
  const history = useHistoryOpen();
  const fold = useCallback(() => chooseHistory(!history), [history]);

  const edit = useCallback((next: Explore) => go({ page: 'explore', explore: next }), [go]);
  /** About the events on the screen: those of the answer that is shown, in its times. */
  const different = useCallback((these: These) => {
    const on = r.shown ?? { explore, when: r.when };
    go({ page: 'different', different: differentOf(on.explore, { from: Date.parse(on.when.start_time), to: Date.parse(on.when.end_time) }, these) });
  }, [explore, go, r.when, r.shown]);
  const link = useCallback(() => void copy(window.location.origin + window.location.pathname + encodePage(frozen({ page: 'explore', explore }, r.run.at))), [explore, r.run.at]);
  const openTrace = useCallback((trace: string, at: number | null, span: string | null) => go({ page: 'trace', trace: traceLook(explore.dataset, trace, at, span) }), [go, explore.dataset]);
  const example = useExample(explore, fields, r.when, openTrace);
  const live = useCallback(() => go({ page: 'explore', explore: { ...explore, live: !explore.live } }, 'replace'), [explore, go]);
  useExploreKeys({ explore, edit, setEditing, openRange: () => setRanging(true), again: r.again, cancel: r.cancel, running: r.running, undo, redo, link, live, search: () => setSearching(true), save: () => setSaving(true), history: fold, mark: () => setMarking(true) });
  const rests = asked !== null || picked !== null || editing !== null || ranging || held || searching || saving || marking;
  useLive(explore.live, rests, r.running || r.error !== null, r.shown?.answer.series?.step_seconds ?? 60, r.again);

  const span = useMemo(() => ({ from: Date.parse(r.when.start_time), to: Date.parse(r.when.end_time) }), [r.when]);
  /** Where the crosshair is, else now. */
  const markAt = () => {
    const series = r.shown?.answer.series;
    const at = crosshair.get();
    return series && at !== null ? Date.parse(series.start) + at * series.step_seconds * 1000 : serverNow();
  };
  const lineLate = useSince(r.running && !explore.live, 100);
  const bandLate = useSince(r.running && !explore.live, 400);
  const { shown, error, current } = r;
  const trouble = useMemo(() => {
    if (error) return troubleOfError(error, explore.dataset);
    const warning = current ? shown?.answer.warnings?.[0] : undefined;
    return warning ? troubleOfWarning(warning, explore.dataset) : null;
  }, [error, current, shown, explore.dataset]);
  const totals = useMemo(() => shown?.answer.total ?? {}, [shown]);
  const stale = (bandLate || r.error !== null) && !r.current;
  const fix = trouble?.field && trouble.instead ? () => edit(renameField(explore, trouble.field!, trouble.instead!)) : null;
  const empty = shown !== null && holdsNothing(shown.answer, shown.explore);
  const now = shown?.at ?? serverNow();

  const goPart = (close: () => void) => r.running && lineLate ? (
    <button type="button" className="btn" onClick={r.cancel}>Cancel <kbd>Esc</kbd></button>
  ) : (
    <button type="button" className="btn ink" onClick={() => (close(), r.again())} data-testid="run">Run <kbd>{modKey('↵')}</kbd></button>
  );
  return (
    <CrosshairContext.Provider value={crosshair}>
      <ValueMenuContext.Provider value={setAsked}>
        <TopBar explore={explore} datasets={datasets} when={r.when} now={now} undo={undo} redo={redo} ranging={ranging} setRanging={setRanging} liveRests={rests} onDataset={onDataset} onRange={(range) => edit(setRange(explore, range))} onLive={live} onLink={link} onSearch={() => setSearching(true)} onSave={() => setSaving(true)} history={history} onHistory={fold} />
        <main className="explore" data-testid="explore" data-settled={!r.running && (r.current || r.error !== null)}>
          <Brief explore={explore}>
            {(close) => <QueryStrip
              explore={explore}
              fields={fields}
              when={r.when}
              totals={totals}
              fault={trouble?.field ?? null}
              editing={editing}
              setEditing={setEditing}
              onEdit={edit}
              go={<>{goPart(close)}<CopyAs explore={explore} when={r.when} /></>}
            />}
          </Brief>
          <div className="explore-row">
          <div className={stale ? 'answer stale' : 'answer'}>
            {lineLate && !bandLate && <ProgressLine />}
            {bandLate && <RunningBand since={r.since} before={shown !== null} />}
            {trouble && !bandLate && <ErrorBand key={`${r.run.at}${trouble.code}`} trouble={trouble} warning={r.error === null} onFix={fix} onUndo={undo} onRetry={r.again} />}
            {shown && empty && r.current && <EmptyState explore={shown.explore} when={shown.when} stats={shown.answer.stats} dataset={datasets.find((d) => d.name === explore.dataset) ?? null} now={now} onEdit={edit} />}
            {shown && !(empty && r.current) && (
              <>
                <section className="charts" aria-label="Charts">
                  <ViewBar explore={explore} stats={shown.answer.stats} events={eventsOf(shown.answer)} onView={(view) => edit({ ...explore, view })} onCompare={(compare) => edit({ ...explore, compare })} markers={<MarkersMenu dataset={explore.dataset} span={span} onMark={() => setMarking(true)} onZoom={(range) => edit(setRange(explore, range))} />} />
                  <MarkersOf dataset={explore.dataset} span={span} acts={{ onZoom: (range) => edit(setRange(explore, range)), onSince: (from) => different(theseDuring({ from, to: span.to })) }}>
                  <Suspense fallback={<ChartsToCome explore={explore} />}>
                    <ChartStack answer={shown.answer} explore={{ ...shown.explore, view: explore.view }} now={now} picked={picked} onPick={setPicked} onZoom={(from, to) => edit(setRange(explore, { from, to }))} onDifferent={different} />
                  </Suspense>
                  </MarkersOf>
                </section>
                <Results explore={explore} run={r.run} when={r.when} shown={shown} ready={ready && !r.error} onEdit={edit} onTrace={openTrace} onHold={setHeld} />
              </>
            )}
            {!shown && !r.error && <section className="charts" aria-hidden="true"><ChartsToCome explore={explore} /></section>}
          </div>
          {history && <Suspense fallback={<aside className="history" aria-label="History" />}><HistoryPanel explore={explore} run={r.run.at} now={now} onOpen={edit} onClose={fold} /></Suspense>}
          </div>
        </main>
        {asked && <ValueMenu asked={asked} explore={explore} onEdit={edit} onDifferent={different} onExample={example} onClose={() => setAsked(null)} />}
        {marking && <MarkDialog dataset={explore.dataset} at={markAt()} onClose={() => setMarking(false)} />}
        {saving && <Suspense fallback={null}><SaveDialog explore={explore} onClose={() => setSaving(false)} onBoard={(id) => go({ page: 'board', id, range: null, where: [] })} /></Suspense>}
        {searching && <GoTo explore={explore} fields={fields} when={r.when} onEdit={edit} onTrace={(trace) => openTrace(trace, null, null)} onClose={() => setSearching(false)} />}
        {picked && <Suspense fallback={null}><PlotMenu picked={picked} explore={explore} now={now} onEdit={edit} onDifferent={different} onExample={example} onClose={() => setPicked(null)} /></Suspense>}
      </ValueMenuContext.Provider>
    </CrosshairContext.Provider>
  );
}

/** Where charts will be, in their final size, only when nothing was shown before. */
function ChartsToCome({ explore }: { explore: Explore }) {
  return (
    <div className="to-come" aria-hidden="true">
      {explore.show.map((c, i) => <i key={i} style={{ height: c.op === 'HEATMAP' ? 196 : 84 }} />)}
    </div>
  );
}
