// The pages that look at events as they are, each loaded when it is first opened.
import { lazy, Suspense } from 'react';
import type { DatasetInfo, FieldInfo } from '../api/types';
import type { Go } from '../state/location';
import type { Looking as Page } from '../state/looking';

const TracePage = lazy(() => import('./trace/TracePage').then((m) => ({ default: m.TracePage })));
const TracesPage = lazy(() => import('./traces/TracesPage').then((m) => ({ default: m.TracesPage })));
const LivePage = lazy(() => import('./live/LivePage').then((m) => ({ default: m.LivePage })));
const EventPage = lazy(() => import('./event/EventPage').then((m) => ({ default: m.EventPage })));

type Props = { page: Page; dataset: string; datasets: DatasetInfo[]; fields: FieldInfo[]; ready: boolean; go: Go };

export function Looking({ page, dataset, datasets, fields, ready, go }: Props) {
  return (
    <Suspense fallback={null}>
      {page.page === 'trace' && <TracePage key={page.trace.trace} look={page.trace} dataset={dataset} go={go} />}
      {page.page === 'traces' && <TracesPage look={page.traces} dataset={dataset} datasets={datasets} fields={fields} ready={ready} go={go} />}
      {page.page === 'live' && <LivePage key={dataset} look={page.live} dataset={dataset} datasets={datasets} fields={fields} go={go} />}
      {page.page === 'event' && <EventPage key={`${page.event.dataset}${page.event.sequence}`} look={page.event} go={go} />}
    </Suspense>
  );
}
