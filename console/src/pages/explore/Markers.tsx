// Markers of a page: read for its time, made by hand, listed, hidden, deleted. It provides them to the charts below.
import { Popover } from '@mantine/core';
import { useCallback, useMemo, useState, type FormEvent, type ReactNode } from 'react';
import { serverNow } from '../../api/client';
import { useDeleteMarker, useKeepMarker, useMarkers, type Marker } from '../../api/kept';
import { MarkersContext, markerTime } from '../../charts/markers';
import { AnchoredMenu } from '../../parts/AnchoredMenu';
import { chooseMarkers, useMarkersShown } from '../../parts/choices';
import { Dialog } from '../../parts/Dialogs';
import { Icon } from '../../parts/Icon';
import { MenuList, type MenuLine } from '../../parts/MenuList';
import type { Span } from '../../state/different';
import { counted } from '../../words/numbers';
import { moment, readTyped, typed } from '../../words/times';
import { cut } from '../../words/values';
import { zoneWords } from '../../words/zone';
import '../../parts/save.css';

const NONE: Marker[] = [];
const HOUR = 3_600_000;
type Acts = { onZoom: (span: Span) => void; onSince: ((from: number) => void) | null };

/** The markers of a dataset in a time, for all charts below, with the menu that a label opens. */
export function MarkersOf({ dataset, span, acts, children }: { dataset: string; span: Span; acts: Acts; children: ReactNode }) {
  const shown = useMarkersShown();
  const query = useMarkers(dataset, span.from, span.to);
  const [asked, setAsked] = useState<{ markers: Marker[]; at: DOMRect } | null>(null);
  const onMarker = useCallback((markers: Marker[], at: DOMRect) => setAsked({ markers, at }), []);
  const list = shown ? (query.data ?? NONE) : NONE;
  const value = useMemo(() => ({ list, onMarker }), [list, onMarker]);
  const forget = useDeleteMarker();
  const now = serverNow();
  const one = asked?.markers.length === 1 ? asked.markers[0]! : null;
  const lines: MenuLine[] = !asked ? [] : one ? [
    { id: 'Z', label: 'An hour around it', icon: 'zoom', letter: 'Z', run: () => acts.onZoom({ from: markerTime(one) - HOUR / 2, to: markerTime(one) + HOUR / 2 }) },
    ...(acts.onSince ? [{ id: 'D', label: 'What is different since?', icon: 'different' as const, letter: 'D', these: true, run: () => acts.onSince!(markerTime(one)) }] : []),
    ...(one.url ? [{ id: 'R', label: 'Read more', icon: 'link' as const, letter: 'R', run: () => void window.open(one.url!, '_blank', 'noopener,noreferrer') }] : []),
    { id: 'H', label: 'Hide all markers', icon: 'x', letter: 'H', run: () => chooseMarkers(false) },
    { id: 'X', label: 'Delete this marker', icon: 'trash', letter: 'X', run: () => forget.mutate(one.id) },
  ] : asked.markers.map((m): MenuLine => ({ id: m.id, label: <bdi>{cut(m.text, 48)}</bdi>, icon: 'flag', right: <span className="dim num">{moment(markerTime(m), now)}</span>, run: () => setAsked({ markers: [m], at: asked.at }) }));
  return (
    <MarkersContext.Provider value={value}>
      {children}
      {asked && <AnchoredMenu key={one?.id ?? 'several'} at={asked.at} head={one ? <><p className="strong whole" dir="auto">{one.text}</p><p className="dim">{[one.kind, moment(markerTime(one), now), one.dataset ?? 'every dataset'].filter(Boolean).join(', ')}</p></> : <p className="strong">{counted(asked.markers.length, 'marker')}</p>} lines={lines} onClose={() => setAsked(null)} />}
    </MarkersContext.Provider>
  );
}

/** The list of markers in the shown time, with ways to make one and to hide them. */
export function MarkersMenu({ dataset, span, onMark, onZoom }: { dataset: string; span: Span; onMark: () => void; onZoom: (span: Span) => void }) {
  const [opened, setOpened] = useState(false);
  const shown = useMarkersShown();
  const query = useMarkers(dataset, span.from, span.to);
  const now = serverNow();
  const list = query.data ?? NONE;
  const lines: MenuLine[] = [
    { id: 'mark', label: 'Mark a time', icon: 'plus', letter: 'M', run: onMark },
    ...(list.length > 0 ? [{ id: 'hide', label: shown ? 'Hide markers' : 'Show markers', icon: 'flag' as const, letter: 'H', run: () => chooseMarkers(!shown) }] : []),
    ...list.slice(0, 12).map((m): MenuLine => ({ id: m.id, label: <bdi>{cut(m.text, 40)}</bdi>, right: <span className="dim num">{moment(markerTime(m), now)}</span>, run: () => onZoom({ from: markerTime(m) - HOUR / 2, to: markerTime(m) + HOUR / 2 }) })),
  ];
  return (
    <Popover opened={opened} onDismiss={() => setOpened(false)} position="bottom-start" withinPortal trapFocus={false} withRoles={false}>
      <Popover.Target>
        <button type="button" className="btn ghost wide" aria-haspopup="menu" aria-expanded={opened} onClick={() => setOpened(!opened)} data-testid="markers"><Icon name="flag" />{list.length > 0 ? counted(list.length, 'marker') : 'Markers'}{!shown && list.length > 0 && <span className="dim">hidden</span>}</button>
      </Popover.Target>
      <Popover.Dropdown className="value-menu scrolling-menu" role="dialog" aria-label="Markers">{opened && <MenuList label="Markers" lines={lines} onDone={() => setOpened(false)} />}</Popover.Dropdown>
    </Popover>
  );
}

const KINDS = ['deploy', 'flag', 'incident', 'note'];

/** Marking a time by hand. */
export function MarkDialog({ dataset, at, onClose }: { dataset: string; at: number; onClose: () => void }) {
  const [text, setText] = useState('');
  const [kind, setKind] = useState(KINDS[0]!);
  const [time, setTime] = useState(() => typed(at));
  const [all, setAll] = useState(false);
  const keep = useKeepMarker();
  const ms = readTyped(time);
  const missing = text.trim() === '' ? 'Say what happened.' : Number.isNaN(ms) ? 'This is not a time.' : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!missing && !keep.isPending) keep.mutate({ body: { text: text.trim(), kind, time: new Date(ms).toISOString(), end: null, dataset: all ? null : dataset, url: null } }, { onSuccess: () => (chooseMarkers(true), onClose()) });
  };
  return (
    <Dialog title="Mark a time" opened onClose={onClose} width={440}>
      <form className="save-form" onSubmit={submit}>
        <label htmlFor="mark-text">What happened</label>
        <input id="mark-text" data-autofocus value={text} autoComplete="off" maxLength={2000} onChange={(event) => setText(event.target.value)} placeholder="payments 2.19.0" />
        <label htmlFor="mark-kind">Kind</label>
        <select id="mark-kind" value={kind} onChange={(event) => setKind(event.target.value)}>{KINDS.map((k) => <option key={k} value={k}>{k}</option>)}</select>
        <label htmlFor="mark-time">When, {zoneWords()}</label>
        <input id="mark-time" className="mono" value={time} spellCheck={false} aria-invalid={Number.isNaN(ms)} onChange={(event) => setTime(event.target.value)} />
        <label className="check"><input type="checkbox" checked={all} onChange={(event) => setAll(event.target.checked)} /> On the charts of every dataset</label>
        {keep.isError && <p className="bad" role="alert">{keep.error.message}</p>}
        <div className="dialog-acts"><button type="submit" className="btn ink" disabled={missing !== null || keep.isPending}>Mark it</button>{missing && <span className="dim">{missing}</span>}</div>
      </form>
    </Dialog>
  );
}
