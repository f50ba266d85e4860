// Saving the query that is looked at: under a name, or as a panel of a board. Times stay relative where they are.
import { useState, type FormEvent } from 'react';
import { ask } from '../api/client';
import { useBoards, useKeepBoard, useKeepQuery, type BoardInfo } from '../api/kept';
import type { ApiError } from '../api/errors';
import { add, emptyBoard, fromWire, panelOf, storedQuery } from '../state/boards';
import { isLast, type Explore } from '../state/explore';
import { titleOf } from '../words/titles';
import { say } from './copy';
import { Dialog } from './Dialogs';
import './save.css';

const NEW = '';
type Props = { explore: Explore; onClose: () => void; onBoard: (id: string) => void };

export function SaveDialog({ explore, onClose, onBoard }: Props) {
  const [where, setWhere] = useState<'query' | 'board'>('query');
  const [name, setName] = useState(titleOf(explore));
  const [board, setBoard] = useState<string | null>(null);
  const [fresh, setFresh] = useState('');
  const boards = useBoards(where === 'board');
  const keepQuery = useKeepQuery();
  const keepBoard = useKeepBoard();
  const [trouble, setTrouble] = useState<string | null>(null);
  const list = boards.data ?? [];
  const chosen = board ?? list[0]?.id ?? NEW;
  const missing = name.trim() === '' ? 'Give it a name.' : where === 'board' && chosen === NEW && fresh.trim() === '' ? 'Name the new board.' : null;
  const busy = keepQuery.isPending || keepBoard.isPending;
  const saved = () => {
    onClose();
    say('Saved');
  };
  const query = () => keepQuery.mutateAsync({ body: { name: name.trim(), description: '', dataset: explore.dataset, view: explore.view, spec: { ...storedQuery(explore), ...(isLast(explore.range) ? { time_range: explore.range.last } : { start_time: new Date(explore.range.from).toISOString(), end_time: new Date(explore.range.to).toISOString() }) } } }).then(saved);
  const panel = async () => {
    const one = panelOf(explore, name.trim());
    if (chosen === NEW) {
      const made = await keepBoard.keep({ ...emptyBoard, name: fresh.trim(), range: isLast(explore.range) ? explore.range : emptyBoard.range, panels: add([], one) });
      return onBoard(made.id);
    }
    // Read anew: somebody may have changed it since the list was.
    const response = await ask('/api/v1/boards/{id}', { parts: { id: chosen } });
    const now = fromWire((await response.json()) as BoardInfo);
    if (typeof now === 'string') return setTrouble(now);
    await keepBoard.keep({ ...now, panels: add(now.panels, one) }, { id: chosen, etag: response.headers.get('etag') ?? '' });
    onBoard(chosen);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (missing || busy) return;
    setTrouble(null);
    (where === 'query' ? query() : panel().then(() => say('Saved'))).catch((reason: ApiError) => setTrouble(reason.message));
  };
  return (
    <Dialog title="Save" opened onClose={onClose} width={480}>
      <form className="save-form" onSubmit={submit}>
        <div className="seg" role="group" aria-label="As what">
          <button type="button" aria-pressed={where === 'query'} onClick={() => setWhere('query')}>As a query</button>
          <button type="button" aria-pressed={where === 'board'} onClick={() => setWhere('board')}>On a board</button>
        </div>
        <label htmlFor="save-name">{where === 'query' ? 'Name' : 'Title of the panel'}</label>
        <input id="save-name" data-autofocus value={name} autoComplete="off" maxLength={200} onChange={(event) => setName(event.target.value)} />
        {where === 'board' && (
          <>
            <label htmlFor="save-board">Board</label>
            <select id="save-board" value={chosen} onChange={(event) => setBoard(event.target.value)}>
              {list.map((b) => <option key={b.id} value={b.id}>{b.name}</option>)}
              <option value={NEW}>A new board</option>
            </select>
            {chosen === NEW && <><label htmlFor="save-fresh">Name of the new board</label><input id="save-fresh" value={fresh} autoComplete="off" maxLength={200} onChange={(event) => setFresh(event.target.value)} /></>}
          </>
        )}
        {trouble && <p className="bad" role="alert">{trouble}</p>}
        <div className="dialog-acts">
          <button type="submit" className="btn ink" disabled={missing !== null || busy}>{where === 'query' ? 'Save the query' : 'Put it on the board'}</button>
          {missing && <span className="dim">{missing}</span>}
        </div>
      </form>
    </Dialog>
  );
}
