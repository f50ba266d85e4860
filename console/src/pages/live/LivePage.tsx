// Live: events as they arrive, with filters. Reading further down, an open event or Space makes it rest; what arrives then
// waits and is counted.
import { useCallback, useMemo, useRef, useState } from 'react';
import { serverNow } from '../../api/client';
import { useTraceRoles } from '../../api/datasets';
import type { DatasetInfo, FieldInfo } from '../../api/types';
import { copy } from '../../parts/copy';
import { AddChip, Chip, FilterWords } from '../../parts/Chip';
import { DatasetMenu } from '../../parts/DatasetMenu';
import { ErrorBand } from '../../parts/ErrorBand';
import { FilterEditor } from '../../parts/FilterEditor';
import { Icon } from '../../parts/Icon';
import { useKeys } from '../../parts/keys';
import { ValueMenu, ValueMenuContext, type Asked } from '../../parts/ValueMenu';
import { differentOf, type These } from '../../state/different';
import { emptyExplore, type Explore, type Filter } from '../../state/explore';
import { writeFilter } from '../../state/grammar';
import { useSteps, type Go } from '../../state/location';
import { liveWith, traceLook, type LiveLook } from '../../state/looking';
import { times } from '../../state/spec';
import { encodePage } from '../../state/url';
import { EventPanel } from '../../tables/EventPanel';
import { troubleOfError } from '../../words/errors';
import { count, counted } from '../../words/numbers';
import { LiveTable } from './LiveTable';
import { useTail } from './useTail';
import '../../tables/tables.css';
import './live.css';

type Props = { look: LiveLook; dataset: string; datasets: DatasetInfo[]; fields: FieldInfo[]; go: Go };

export function LivePage({ look, dataset, datasets, fields, go }: Props) {
  const [paused, setPaused] = useState(false);
  const [scrolled, setScrolled] = useState(false);
  const [open, setOpen] = useState<string | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [editing, setEditing] = useState<number | 'new' | null>(null);
  const held = paused || scrolled || open !== null || asked !== null || editing !== null;
  const { tail, connection, again, clear } = useTail(dataset, look.where, held);
  const roles = useTraceRoles(dataset, fields);
  const scroller = useRef<HTMLDivElement>(null);
  const { undo, redo } = useSteps();

  const live = useCallback((where: Filter[]) => {
    setEditing(null);
    setOpen(null);
    go({ page: 'live', live: { dataset, where } });
  }, [dataset, go]);
  const explore = useMemo<Explore>(() => ({ ...emptyExplore, dataset, where: look.where }), [dataset, look.where]);
  /** A filter stays here; a group is something to explore. */
  const edit = useCallback((next: Explore) => (next.by.length > 0 ? go({ page: 'explore', explore: next }) : live(next.where)), [go, live]);
  const different = useCallback((these: These) => {
    const when = times(explore, serverNow());
    go({ page: 'different', different: differentOf(explore, { from: Date.parse(when.start_time), to: Date.parse(when.end_time) }, these) });
  }, [explore, go]);
  const resume = useCallback(() => {
    setPaused(false);
    setOpen(null);
    scroller.current?.scrollTo({ top: 0 });
  }, []);
  const link = useCallback(() => void copy(window.location.origin + window.location.pathname + encodePage({ page: 'live', live: { ...look, dataset } })), [look, dataset]);
  const openTrace = useCallback((trace: string, when: number, span: string | null) => go({ page: 'trace', trace: traceLook(dataset, trace, when, span) }), [go, dataset]);
  const toggle = useCallback(() => (held ? resume() : setPaused(true)), [held, resume]);
  useKeys(useMemo(() => ({ ' ': toggle, l: toggle, '/': () => setEditing('new'), y: link, escape: () => held && resume(), 'mod+z': () => undo?.(), 'mod+shift+z': () => redo?.() }), [toggle, link, held, resume, undo, redo]));

  // A column that an equality fixes says nothing new.
  const wanted = useMemo(() => look.where.filter((f) => f.op !== '=').map((f) => f.column), [look.where]);
  const at = tail.events.findIndex((e) => e.sequence === open);
  const row = at >= 0 ? tail.events[at]! : null;
  const step = (by: number) => setOpen(tail.events[Math.min(tail.events.length - 1, Math.max(0, at + by))]?.sequence ?? null);
  const editor = (filter: Filter | null, place: number | null) => <FilterEditor dataset={dataset} fields={fields} filter={filter} onDone={(f) => live(place === null ? liveWith({ ...look, dataset }, f).where : look.where.map((o, i) => (i === place ? f : o)))} onRemove={() => (place === null ? setEditing(null) : live(look.where.filter((_, i) => i !== place)))} onClose={() => setEditing(null)} />;
  return (
    <ValueMenuContext.Provider value={setAsked}>
      <header className="top">
        <DatasetMenu name={dataset} datasets={datasets} onChoose={(name) => go({ page: 'live', live: { dataset: name, where: [] } })} />
        <span className="slash wide" aria-hidden="true">/</span>
        <h1>Live</h1>
        <span className="sp" />
        <button type="button" className={held ? 'btn ink' : 'btn'} onClick={toggle} aria-pressed={held} data-testid="pause">{held ? <><Icon name="play" />Go on</> : <><Icon name="pause" />Pause</>} <kbd className="wide">Space</kbd></button>
        <button type="button" className="btn ghost icon" aria-label="Copy link" title="Copy link  Y" onClick={link}><Icon name="link" /></button>
      </header>
      <main className="live" data-testid="live-page" data-state={connection.state}>
        <section className="query live-query" aria-label="Filters">
          <div className="part">
            <span className="lab">Where</span>
            {look.where.map((f, i) => (
              <span className="part inner" key={i}>
                {i > 0 && <span className="joint still">and</span>}
                {editing === i ? editor(f, i) : <Chip label={writeFilter(f)} onEdit={() => setEditing(i)} onRemove={() => live(look.where.filter((_, k) => k !== i))}><FilterWords f={f} /></Chip>}
              </span>
            ))}
            {editing === 'new' ? editor(null, null) : <AddChip label="Add a + filter /" onClick={() => setEditing('new')}>+ filter <kbd>/</kbd></AddChip>}
          </div>
        </section>
        <div className="live-bar" data-testid="live-bar">
          <span className={connection.state === 'open' && !held ? 'live-dot on' : 'live-dot'} />
          <span role="status">{stateWords(connection.state, paused, scrolled, open !== null || asked !== null || editing !== null)}</span>
          {tail.waiting.length > 0 && <button type="button" className="text-button" onClick={resume} data-testid="waiting">Show {count(tail.waiting.length)} waiting</button>}
          <span className="sp" />
          {tail.dropped > 0 && <span className="warn num" data-testid="dropped" title="They came faster than this page takes them; Explore has them all">{count(tail.dropped)} dropped</span>}
          {tail.forgotten > 0 && <span className="dim num">{count(tail.forgotten)} left out while resting</span>}
          <span className="dim num">{counted(tail.seen, 'event')} arrived</span>
          {tail.events.length > 0 && <button type="button" className="text-button dim" onClick={clear}>Clear</button>}
        </div>
        <div className={row ? 'events with-panel' : 'events'}>
          {connection.state === 'away' && connection.error && <ErrorBand key={connection.error.message} trouble={{ ...troubleOfError(connection.error, dataset), retry: null }} onFix={null} onUndo={connection.error.passing ? null : undo} onRetry={again} />}
          {tail.events.length === 0 ? <Waiting filtered={look.where.length > 0} waiting={tail.waiting.length > 0} /> : <LiveTable events={tail.events} fields={fields} wanted={wanted} open={open} scroller={scroller} roles={roles} onOpen={setOpen} onTrace={openTrace} onScrolled={setScrolled} />}
          {row && <EventPanel row={row} now={serverNow()} roles={roles} link={encodePage({ page: 'event', event: { dataset, sequence: row.sequence } })} onTrace={openTrace} onClose={() => setOpen(null)} onStep={step} />}
        </div>
      </main>
      {asked && <ValueMenu asked={asked} explore={explore} onEdit={edit} onDifferent={different} onClose={() => setAsked(null)} />}
    </ValueMenuContext.Provider>
  );
}

function stateWords(state: 'connecting' | 'open' | 'away', paused: boolean, scrolled: boolean, looking: boolean): string {
  if (state === 'away') return 'Not connected; trying again';
  if (state === 'connecting') return 'Connecting';
  if (paused) return 'Paused';
  if (looking) return 'Resting while something is open';
  return scrolled ? 'Resting while you read further down' : 'Live';
}

function Waiting({ filtered, waiting }: { filtered: boolean; waiting: boolean }) {
  return <p className="note dim waiting-note">{waiting ? 'Paused. What arrives waits.' : filtered ? 'No event that meets the filters has arrived since this page was opened.' : 'No event has arrived since this page was opened.'}</p>;
}
