// One board: its panels under one range, filters for all of them and one crosshair. Looking at it changes nothing that is
// kept: another range and other filters stand in the address. Editing is a mode, and saving names the revision that was seen.
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { serverNow } from '../../api/client';
import { useBoard, useDeleteBoard, useKeepBoard, type SeenBoard } from '../../api/kept';
import { useFields } from '../../api/hooks';
import { createCrosshair, CrosshairContext } from '../../charts/crosshair';
import { useZone } from '../../parts/choices';
import { AddChip, Chip, FilterWords } from '../../parts/Chip';
import { copy, say } from '../../parts/copy';
import { Dialog } from '../../parts/Dialogs';
import { ErrorBand } from '../../parts/ErrorBand';
import { FilterEditor } from '../../parts/FilterEditor';
import { Icon } from '../../parts/Icon';
import { useKeys } from '../../parts/keys';
import { TimeRange } from '../../parts/TimeRange';
import { boardText, add, EVERY_INTENT, onBoard, exploreOf, type Board, type Panel } from '../../state/boards';
import { isLast, type Filter, type Range } from '../../state/explore';
import { writeFilter } from '../../state/grammar';
import type { Go } from '../../state/location';
import { encodePage, type Page } from '../../state/url';
import { troubleOfError } from '../../words/errors';
import { counted } from '../../words/numbers';
import { MarkersOf } from '../explore/Markers';
import { saveFile } from './file';
import { Grid, heightOf } from './Grid';
import { IntentsPanel } from './IntentsPanel';
import { panelExplore, QueryPanel } from './QueryPanel';
import '../explore/explore.css';
import './boards.css';

type At = Extract<Page, { page: 'board' }>;
type Props = { at: At; dataset: string; go: Go };
/** A board left open looks again this often. */
const AGAIN_MS = 30_000;
const HEAD = 40;

export function BoardPage({ at, dataset, go }: Props) {
  const query = useBoard(at.id);
  if (query.isError && !query.data) {
    return (
      <>
        <header className="top"><h1>Board</h1></header>
        <main className="away"><ErrorBand key={query.errorUpdatedAt} trouble={troubleOfError(query.error)} onFix={null} onUndo={null} onRetry={() => void query.refetch()} /></main>
      </>
    );
  }
  return query.data ? <Opened key={at.id} at={at} seen={query.data} dataset={dataset} go={go} /> : <><header className="top"><h1>Board</h1></header><main className="boards" /></>;
}

function Opened({ at, seen, dataset, go }: Props & { seen: SeenBoard }) {
  useZone();
  const [draft, setDraft] = useState<Board | null>(null);
  const board = draft ?? seen.board;
  const editing = draft !== null;
  const [asked, setAsked] = useState(() => serverNow());
  const [ranging, setRanging] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const crosshair = useRef(createCrosshair()).current;
  const keep = useKeepBoard();
  const range = at.range ?? board.range;
  const filters = at.where.length > 0 ? at.where : board.filters;
  const span = useMemo(() => (isLast(range) ? { from: asked - range.last * 1000, to: asked } : range), [range, asked]);
  const change = useCallback((part: Partial<At>) => go({ ...at, ...part }), [go, at]);
  useEffect(() => {
    if (editing || !isLast(range)) return;
    const timer = setInterval(() => document.hidden || document.querySelector('[role=menu]') || setAsked(serverNow()), AGAIN_MS);
    return () => clearInterval(timer);
  }, [editing, range]);
  const onRange = useCallback((next: Range) => {
    setAsked(serverNow());
    if (draft) setDraft({ ...draft, range: next });
    else change({ range: next });
  }, [draft, change]);
  const onFilters = (next: Filter[]) => (draft ? setDraft({ ...draft, filters: next }) : change({ where: next }));
  const edit = () => setDraft({ ...seen.board });
  const save = () => {
    if (!draft) return;
    keep.keep(draft, { id: at.id, etag: seen.etag }).then(() => {
      setDraft(null);
      change({ range: null, where: [] });
      say('Saved');
    }, () => undefined);
  };
  useKeys({ e: () => !editing && edit(), r: () => setRanging(true), 'mod+s': save, escape: () => crosshair.set(null) });
  const set = (part: Partial<Board>) => draft && setDraft({ ...draft, ...part });
  const put = (panel: Panel) => set({ panels: add(board.panels, panel) });
  const fresh = { id: '', x: 0, y: 0, dataset };
  const link = () => void copy(window.location.origin + window.location.pathname + encodePage(at));
  const draw = (panel: Panel) => {
    const height = heightOf(panel.height) - HEAD;
    const own = panel.dataset || dataset;
    if (panel.kind === 'text') return { right: null, body: editing ? <textarea className="panel-text" aria-label={`Text of ${panel.title || 'the panel'}`} value={panel.text} onChange={(event) => set({ panels: board.panels.map((p) => (p.id === panel.id ? { ...panel, text: event.target.value } : p)) })} /> : <p className="panel-text" dir="auto">{panel.text}</p> };
    if (panel.kind === 'intents') return { right: <span className="dim cut">{own}</span>, body: <IntentsPanel dataset={own} intent={panel.intent} range={range} at={asked} go={go} /> };
    const joined = onBoard(exploreOf(own, panel.query, panel.view, range), filters) === null;
    return {
      right: <>{joined && <span className="dim cut" title="Its own filters are joined by or: one query cannot hold the board's too.">without the board’s filters</span>}<button type="button" className="btn ghost icon panel-open" aria-label={`Open ${panel.title || 'the panel'} in Explore`} title="Open in Explore" onClick={() => go({ page: 'explore', explore: panelExplore(panel, dataset, range, filters) })}><Icon name="explore" /></button></>,
      body: <QueryPanel panel={panel} dataset={dataset} range={range} filters={filters} at={asked} height={height} go={go} onRange={onRange} />,
    };
  };
  return (
    <CrosshairContext.Provider value={crosshair}>
      <header className="top">
        <a className="crumb wide" href="/?page=boards" onClick={(event) => (event.preventDefault(), go({ page: 'boards' }))}>Boards</a>
        <span className="slash wide" aria-hidden="true">/</span>
        {editing ? <><h1 className="vh">{board.name}</h1><input className="board-name" aria-label="Name of the board" value={board.name} onChange={(event) => set({ name: event.target.value })} /></> : <h1 className="cut strong shown" dir="auto">{board.name}</h1>}
        <span className="sp" />
        <TimeRange range={range} shown={span} now={asked} opened={ranging} onOpened={setRanging} onRange={onRange} />
        {editing ? (
          <>
            <button type="button" className="btn" onClick={() => setDraft(null)}>Discard</button>
            <button type="button" className="btn ink" disabled={board.name.trim() === '' || keep.isPending} onClick={save}>Save</button>
          </>
        ) : (
          <>
            <button type="button" className="btn ghost icon wide" aria-label="Copy link" title="Copy link" onClick={link}><Icon name="link" /></button>
            <button type="button" className="btn" onClick={edit}>Edit <kbd aria-hidden="true">E</kbd></button>
          </>
        )}
      </header>
      <main className="boards board" data-testid="board" data-editing={editing}>
        {keep.isError && <div className="band-place"><ErrorBand trouble={{ ...troubleOfError(keep.error), ...(keep.error.status === 412 || keep.error.status === 409 ? { headline: 'Somebody else changed this board meanwhile.', advice: 'Copy your JSON, look again, and bring your change in anew.' } : {}) }} onFix={null} onUndo={null} onRetry={save} /></div>}
        <div className="board-bar">
          <span className="dim wide">Everywhere on this board</span>
          <Filters filters={filters} dataset={dataset} onFilters={onFilters} />
          {!editing && (at.range || at.where.length > 0) && <button type="button" className="text-button" onClick={() => change({ range: null, where: [] })}>As it was made</button>}
          <span className="sp" />
          {editing ? (
            <>
              <button type="button" className="btn ghost" onClick={() => put({ ...fresh, width: 4, height: 6, title: 'Intents, worst first', kind: 'intents', intent: EVERY_INTENT })}><Icon name="plus" />Intents</button>
              <button type="button" className="btn ghost" onClick={() => put({ ...fresh, width: 4, height: 3, title: 'Note', kind: 'text', text: 'What to do when this board is red.' })}><Icon name="plus" />Text</button>
              <button type="button" className="btn ghost" onClick={() => setLeaving(true)}><Icon name="trash" />Delete</button>
            </>
          ) : <button type="button" className="btn ghost" title="The board as JSON, to keep in git" onClick={() => saveFile(`${board.name.replace(/[^\p{L}\p{N}]+/gu, '-').toLowerCase()}.json`, boardText(board))}><Icon name="download" />JSON</button>}
        </div>
        {board.panels.length === 0 ? (
          <section className="state"><h2>{editing ? 'Add intents or a text here; queries come from Explore.' : 'This board is empty.'}</h2><p className="mid">In Explore, <b>Save</b> puts the query that you look at on a board.</p></section>
        ) : <MarkersOf dataset={dataset} span={span} acts={{ onZoom: onRange, onSince: null }}><Grid panels={board.panels} editing={editing} onPanels={(panels) => set({ panels })} onTitle={(i, title) => set({ panels: board.panels.map((p, k) => (k === i ? { ...p, title } : p)) })} draw={draw} /></MarkersOf>}
      </main>
      {leaving && <DeleteBoard id={at.id} board={board} onClose={() => setLeaving(false)} onGone={() => go({ page: 'boards' })} />}
    </CrosshairContext.Provider>
  );
}

function Filters({ filters, dataset, onFilters }: { filters: Filter[]; dataset: string; onFilters: (filters: Filter[]) => void }) {
  const [editing, setEditing] = useState<number | 'new' | null>(null);
  const fields = useFields(dataset);
  const shared = { dataset, fields: fields.data ?? [], onClose: () => setEditing(null) };
  const done = (next: Filter[]) => {
    setEditing(null);
    onFilters(next);
  };
  return (
    <>
      {filters.map((f, i) => editing === i ? <FilterEditor key={i} {...shared} filter={f} onDone={(next) => done(filters.map((g, k) => (k === i ? next : g)))} onRemove={() => done(filters.filter((_, k) => k !== i))} /> : <Chip key={writeFilter(f)} label={writeFilter(f)} onEdit={() => setEditing(i)} onRemove={() => done(filters.filter((_, k) => k !== i))}><FilterWords f={f} /></Chip>)}
      {editing === 'new' ? <FilterEditor {...shared} filter={null} onDone={(f) => done([...filters, f])} onRemove={() => setEditing(null)} /> : <AddChip label="Add a + filter for the whole board" onClick={() => setEditing('new')}>+ filter</AddChip>}
    </>
  );
}

function DeleteBoard({ id, board, onClose, onGone }: { id: string; board: Board; onClose: () => void; onGone: () => void }) {
  const gone = useDeleteBoard();
  return (
    <Dialog title={`Delete ${board.name}?`} opened onClose={onClose} width={440}>
      <p className="mid">Its {counted(board.panels.length, 'panel')} go with it, for everybody. The events stay. As JSON it can come back.</p>
      {gone.isError && <p className="bad" role="alert">{gone.error.message}</p>}
      <div className="dialog-acts">
        <button type="button" className="btn" onClick={onClose}>Keep it</button>
        <button type="button" className="btn ink" disabled={gone.isPending} onClick={() => gone.mutate(id, { onSuccess: onGone })}>Delete the board</button>
      </div>
    </Dialog>
  );
}
