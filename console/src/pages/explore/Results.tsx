// Under the charts, one table at a time: groups or events.
import { useCallback, useMemo } from 'react';
import { useTraceRoles } from '../../api/datasets';
import { useRows, type Run } from '../../api/hooks';
import type { FieldInfo } from '../../api/types';
import type { Explore, Tab } from '../../state/explore';
import { orderBy } from '../../state/edit';
import { rowsSpec, type Times } from '../../state/spec';
import { EventTable } from '../../tables/EventTable';
import { GroupTable } from '../../tables/GroupTable';
import { count } from '../../words/numbers';
import { linkToEvent } from './linkToEvent';
import { Download } from './Download';
import type { Shown } from './useRun';

const PAGE = 100;
const NO_FIELDS: FieldInfo[] = [];
export const tabNow = (e: Explore): Tab => e.tab ?? (e.by.length > 0 ? 'groups' : 'events');

type Props = { explore: Explore; run: Run; when: Times; shown: Shown; ready: boolean; onEdit: (next: Explore) => void; onTrace: (trace: string, at: number, span: string | null) => void; onHold: (held: boolean) => void };

export function Results({ explore, run, when, shown, ready, onEdit, onTrace, onHold }: Props) {
  const tab = tabNow(explore);
  const tabs: [Tab, string, number | null][] = [['groups', 'Groups', shown.explore.by.length > 0 ? shown.answer.rows.length : null], ['events', 'Events', null]];
  const keys = (event: React.KeyboardEvent) => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    event.preventDefault();
    const next = tab === 'groups' ? 'events' : 'groups';
    onEdit({ ...explore, tab: next });
    requestAnimationFrame(() => document.getElementById(`tab-${next}`)?.focus());
  };
  return (
    <section className="results" aria-label="Results">
      <div className="tabs">
        <div className="tabs-list" role="tablist" aria-label="Results" onKeyDown={keys}>
        {tabs.map(([id, label, size]) => (
          <button type="button" role="tab" key={id} id={`tab-${id}`} aria-selected={id === tab} aria-controls="results" tabIndex={id === tab ? 0 : -1} onClick={() => onEdit({ ...explore, tab: id })}>
            {label} {size !== null && <span className="dim">{count(size)}</span>}
          </button>
        ))}
        </div>
        <span className="sp" />
        <Download explore={explore} tab={tab} when={when} />
      </div>
      <div role="tabpanel" id="results" aria-labelledby={`tab-${tab}`} className="panel">
        {tab === 'groups' ? (
          shown.answer.rows.length === 0 ? <p className="note dim">No group meets the conditions on groups.</p> : <GroupTable answer={shown.answer} explore={shown.explore} onOrder={(order) => onEdit(orderBy(explore, order))} />
        ) : (
          <Events explore={explore} run={run} when={when} ready={ready} onTrace={onTrace} onHold={onHold} />
        )}
      </div>
    </section>
  );
}

function Events({ explore, run, when, ready, onTrace, onHold }: Pick<Props, 'explore' | 'run' | 'when' | 'ready' | 'onTrace' | 'onHold'>) {
  const spec = useCallback((cursor: string | null) => rowsSpec(explore, when, cursor, PAGE), [explore, when]);
  const query = useRows(run, ready ? spec : null);
  const pages = query.data?.pages;
  const wanted = useMemo(() => [...explore.by, ...explore.where.map((f) => f.column), ...explore.calculated.map((m) => m.name), ...explore.show.map((c) => c.column ?? '')].filter(Boolean), [explore]);
  const { fetchNextPage } = query;
  const more = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  const roles = useTraceRoles(explore.dataset, NO_FIELDS);
  const linkTo = useCallback((index: number) => linkToEvent(explore, when, pages ?? [], index), [explore, when, pages]);
  if (query.isError) return <p className="note bad" role="alert">{query.error.message}</p>;
  if (!pages) return <div className="skeleton" aria-hidden="true">{Array.from({ length: 8 }, (_, i) => <i key={i} />)}</div>;
  if (pages[0]?.rows.length === 0) return <p className="note dim">No events in this range.</p>;
  return <EventTable pages={pages} wanted={wanted} now={run.at} more={query.hasNextPage} loading={query.isFetchingNextPage} onMore={more} onHold={onHold} linkTo={linkTo} onTrace={onTrace} roles={roles} />;
}
