// One event by its number: what a link to an event opens. Its values lead to the query around its time.
import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { getEvent, serverNow } from '../../api/client';
import { useTraceRoles } from '../../api/datasets';
import type { ApiError } from '../../api/errors';
import type { EventAnswer, FieldInfo } from '../../api/types';
import { copy } from '../../parts/copy';
import { ErrorBand } from '../../parts/ErrorBand';
import { Icon } from '../../parts/Icon';
import { useKeys } from '../../parts/keys';
import { ProgressLine, useSince } from '../../parts/Progress';
import { StateBlock } from '../../parts/StateBlock';
import { ValueMenu, ValueMenuContext, type Asked } from '../../parts/ValueMenu';
import { differentOf, type These } from '../../state/different';
import type { Explore } from '../../state/explore';
import { useSteps, type Go } from '../../state/location';
import { exploreAround, traceLook, type EventLook } from '../../state/looking';
import { times } from '../../state/spec';
import { encodePage } from '../../state/url';
import { EventPanel } from '../../tables/EventPanel';
import type { EventRow } from '../../tables/shape';
import { troubleOfError } from '../../words/errors';
import type { Value } from '../../words/values';
import '../../tables/tables.css';
import './event.css';

export function EventPage({ look, go }: { look: EventLook; go: Go }) {
  const query = useQuery<EventAnswer, ApiError>({ queryKey: ['event', look.dataset, look.sequence], queryFn: ({ signal }) => getEvent(look.dataset, look.sequence, signal), staleTime: Infinity });
  const [asked, setAsked] = useState<Asked | null>(null);
  const roles = useTraceRoles(look.dataset, NO_FIELDS);
  const { undo } = useSteps();
  const now = useMemo(() => serverNow(), []);
  const late = useSince(query.isFetching, 100);
  const event = query.data;
  const row = useMemo<EventRow | null>(() => (event ? { time: event.timestamp, sequence: look.sequence, values: new Map(Object.entries(event.fields).filter(([, v]) => v !== null) as [string, Value][]) } : null), [event, look.sequence]);
  const at = event ? Date.parse(event.timestamp) : now;
  const explore = useMemo(() => exploreAround(look.dataset, at, now), [look.dataset, at, now]);
  const open = useCallback((e: Explore) => go({ page: 'explore', explore: e }), [go]);
  const different = useCallback((these: These) => {
    const when = times(explore, now);
    go({ page: 'different', different: differentOf(explore, { from: Date.parse(when.start_time), to: Date.parse(when.end_time) }, these) });
  }, [explore, now, go]);
  const search = encodePage({ page: 'event', event: look });
  const around = useCallback(() => open({ ...explore, show: [{ op: 'COUNT' }], tab: 'events', range: { from: Math.floor(at) - MINUTE, to: Math.ceil(at) + MINUTE } }), [open, explore, at]);
  useKeys(useMemo(() => ({ escape: () => (undo ? undo() : around()), 'mod+z': () => undo?.(), y: () => void copy(window.location.origin + window.location.pathname + search) }), [undo, around, search]));
  return (
    <ValueMenuContext.Provider value={setAsked}>
      <header className="top">
        {undo && <button type="button" className="btn ghost back" onClick={undo}><Icon name="back" />Back</button>}
        <h1 className="cut shown"><bdi>{look.dataset}</bdi> <span className="dim">event</span> <span className="mono">{look.sequence}</span></h1>
        <span className="sp" />
        {event && <button type="button" className="btn" onClick={around}><Icon name="clock" />Events around it</button>}
      </header>
      <main className="event-page" data-testid="event-page">
        {late && <ProgressLine />}
        {query.isError && query.error.status !== 404 && <ErrorBand key={query.error.message} trouble={troubleOfError(query.error, look.dataset)} onFix={null} onUndo={undo} onRetry={() => void query.refetch()} />}
        {query.isError && query.error.status === 404 && <StateBlock eyebrow="404" title="This event is not stored" offers={[{ icon: 'explore', label: <>Explore <bdi>{look.dataset}</bdi></>, run: () => open(explore) }]}><p className="mid">It may have been deleted, or be older than what is kept.</p></StateBlock>}
        {row && <EventPanel row={row} now={now} roles={roles} link={search} onTrace={(trace, when, span) => go({ page: 'trace', trace: traceLook(look.dataset, trace, when, span) })} onClose={() => (undo ? undo() : around())} onStep={() => {}} />}
      </main>
      {asked && <ValueMenu asked={asked} explore={explore} onEdit={open} onDifferent={different} onClose={() => setAsked(null)} />}
    </ValueMenuContext.Provider>
  );
}

const MINUTE = 60_000;
const NO_FIELDS: FieldInfo[] = [];
