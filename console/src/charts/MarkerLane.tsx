// The lane above the charts with a label for each marker, and its line through a plot.
import { useContext, useMemo } from 'react';
import { moment } from '../words/times';
import { labelsOf, MarkersContext, markerTime, onCharts } from './markers';
import type { Buckets } from './shape';

export function MarkerLane({ buckets, width, now }: { buckets: Buckets; width: number; now: number }) {
  const { list, onMarker } = useContext(MarkersContext);
  const labels = useMemo(() => (width > 0 ? labelsOf(list, buckets, width) : []), [list, buckets, width]);
  if (labels.length === 0) return null;
  return (
    <div className="marker-lane" role="group" aria-label="Markers">
      {labels.map((l) => (
        <button type="button" key={l.markers[0]!.id} className={l.side} style={l.side === 'left' ? { right: width - l.x } : { left: l.x }} aria-haspopup="menu" title={l.markers.map((m) => `${moment(markerTime(m), now)} ${m.text}`).join('\n')} onClick={(event) => onMarker(l.markers, event.currentTarget.getBoundingClientRect())}>
          <bdi>{l.text}</bdi>
        </button>
      ))}
    </div>
  );
}

export function MarkerLines({ buckets }: { buckets: Buckets }) {
  const { list } = useContext(MarkersContext);
  const shown = useMemo(() => onCharts(list, buckets), [list, buckets]);
  const place = (ms: number) => `${(100 * (Math.min(buckets.to, ms) - buckets.from)) / (buckets.to - buckets.from)}%`;
  return <>{shown.map((m) => <i key={m.id} className="marker-line" style={{ left: place(markerTime(m)) }} />)}</>;
}
