// How the charts are drawn, and what the answer cost: it teaches what is cheap.
import type { ReactNode } from 'react';
import type { Stats } from '../../api/types';
import { isHeatmap, valuesOf, type Explore, type View } from '../../state/explore';
import { count, duration } from '../../words/numbers';
import { CompareMenu } from './CompareMenu';

const LABELS: Record<View, string> = { heatmap: 'Heatmap', lines: 'Lines', stacked: 'Stacked', bars: 'Bars', number: 'Number' };

export function viewsOf(e: Explore): View[] {
  const scalars = valuesOf(e).length > 0;
  return [...(e.show.some(isHeatmap) ? (['heatmap'] as const) : []), ...(scalars ? (['lines', 'stacked', 'bars', 'number'] as const) : [])];
}

/** The view that is on when nobody chose. */
export const viewNow = (e: Explore): View | null => e.view ?? (e.show.some(isHeatmap) ? 'heatmap' : null);

export function ViewBar({ explore, stats, events, onView, onCompare, markers }: { explore: Explore; stats: Stats; events: number | null; onView: (view: View | null) => void; onCompare: (seconds: number | null) => void; markers: ReactNode }) {
  const views = viewsOf(explore);
  const now = viewNow(explore);
  return (
    <div className="viewbar">
      <div className="seg wide" role="group" aria-label="View">
        {views.map((view) => (
          <button type="button" key={view} aria-pressed={view === now} onClick={() => onView(view === 'heatmap' || view === explore.view ? null : view)}>{LABELS[view]}</button>
        ))}
      </div>
      <CompareMenu explore={explore} onCompare={onCompare} />
      {markers}
      <span className="sp wide" />
      <Cost stats={stats} events={events} />
    </div>
  );
}

function Cost({ stats, events }: { stats: Stats; events: number | null }) {
  const segments = stats.segments;
  const skipped = segments ? segments.skipped_by_time + segments.skipped_by_index : 0;
  return (
    <p className="cost" data-testid="cost">
      {events !== null && <span><b>{count(events)}</b> {events === 1 ? 'event' : 'events'}</span>}
      {stats.rows_total !== undefined && <span className="wide">from {count(stats.rows_total)} stored</span>}
      {segments && segments.total > 0 && skipped > 0 && <span className="wide">{count(skipped)} of {count(segments.total)} segments skipped</span>}
      <span>{duration(stats.elapsed_ms)}</span>
      {stats.partial && <span className="warn">not all of it was read</span>}
    </p>
  );
}
