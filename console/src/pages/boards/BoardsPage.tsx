// Boards and saved queries of everybody: found by name, opened by a click, brought in from a file.
import { useRef, useState } from 'react';
import { serverNow } from '../../api/client';
import { useBoards, useDeleteQuery, useKeepBoard, useQueries } from '../../api/kept';
import { ErrorBand } from '../../parts/ErrorBand';
import { Icon } from '../../parts/Icon';
import { emptyBoard, readBoard, savedExplore, type Board } from '../../state/boards';
import type { Go } from '../../state/location';
import { troubleOfError } from '../../words/errors';
import { count } from '../../words/numbers';
import { ago } from '../../words/times';
import { titleOf } from '../../words/titles';
import './boards.css';

export function BoardsPage({ go }: { go: Go }) {
  const [sought, setSought] = useState('');
  const file = useRef<HTMLInputElement>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const boards = useBoards();
  const queries = useQueries('');
  const forget = useDeleteQuery();
  const keep = useKeepBoard();
  const now = serverNow();
  const holds = (...texts: (string | undefined)[]) => texts.some((t) => t?.toLowerCase().includes(sought.trim().toLowerCase()));
  const make = (board: Board) => keep.keep(board).then((made) => go({ page: 'board', id: made.id, range: null, where: [] }), () => undefined);
  const bring = async (chosen: File | undefined) => {
    if (!chosen) return;
    const board = readBoard(await chosen.text());
    setWrong(typeof board === 'string' ? board : null);
    if (typeof board !== 'string') await make(board);
  };
  const mine = (boards.data ?? []).filter((b) => holds(b.name, b.description));
  const saved = (queries.data ?? []).filter((q) => holds(q.name, q.description, q.dataset, titleOf(savedExplore(q))));
  const error = boards.error ?? queries.error ?? keep.error;
  return (
    <>
      <header className="top">
        <h1 className="shown">Boards</h1>
        <span className="sp" />
        <input ref={file} type="file" accept="application/json,.json" className="vh" tabIndex={-1} aria-label="Board as JSON" onChange={(event) => (void bring(event.target.files?.[0]), (event.target.value = ''))} />
        <button type="button" className="btn" onClick={() => file.current?.click()}>From JSON</button>
        <button type="button" className="btn ink" disabled={keep.isPending} onClick={() => void make({ ...emptyBoard, name: 'New board' })}><Icon name="plus" />New board</button>
      </header>
      <main className="boards" data-testid="boards">
        {error && <div className="band-place"><ErrorBand trouble={troubleOfError(error)} onFix={null} onUndo={null} onRetry={() => (void boards.refetch(), void queries.refetch())} /></div>}
        {wrong && <p className="note bad" role="alert">{wrong} Nothing was brought in.</p>}
        <div className="boards-find"><label className="find"><Icon name="search" /><input value={sought} onChange={(e) => setSought(e.target.value)} placeholder="Find a board or a query" aria-label="Find a board or a query" /></label></div>
        <section aria-labelledby="boards-head">
          <h2 id="boards-head">Boards <span className="dim">{count(mine.length)}</span></h2>
          <ul className="kept-list">
            {mine.map((b) => (
              <li key={b.id}>
                <button type="button" className="kept-line" onClick={() => go({ page: 'board', id: b.id, range: null, where: [] })}>
                  <Icon name="boards" /><span className="cut"><b dir="auto">{b.name}</b> {b.description && <span className="mid">{b.description}</span>}</span>
                  <span className="dim num">{b.panels?.length ?? 0} {b.panels?.length === 1 ? 'panel' : 'panels'}</span><span className="dim num wide">changed {ago(Date.parse(b.changed), now)}</span>
                </button>
              </li>
            ))}
          </ul>
          {boards.isSuccess && mine.length === 0 && <p className="note mid">{sought ? 'No board of this name.' : 'No board yet. Make one, or save a query of Explore on one.'}</p>}
        </section>
        <section aria-labelledby="queries-head">
          <h2 id="queries-head">Saved queries <span className="dim">{count(saved.length)}</span></h2>
          <ul className="kept-list">
            {saved.map((q) => (
              <li key={q.id} className="two">
                <button type="button" className="kept-line" onClick={() => go({ page: 'explore', explore: savedExplore(q) })}>
                  <Icon name="explore" /><span className="cut"><b dir="auto">{q.name}</b> <span className="mid">{titleOf(savedExplore(q))}</span></span>
                  <span className="dim num">{q.dataset}</span><span className="dim num wide">{ago(Date.parse(q.changed), now)}</span>
                </button>
                <button type="button" className="btn ghost icon" aria-label={`Delete ${q.name}`} onClick={() => forget.mutate(q.id)}><Icon name="trash" /></button>
              </li>
            ))}
          </ul>
          {queries.isSuccess && saved.length === 0 && <p className="note mid">{sought ? 'No saved query of this name.' : 'No saved query yet. Explore has Save at the top.'}</p>}
        </section>
      </main>
    </>
  );
}
