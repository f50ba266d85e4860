// The one time axis under a chart stack, and the crosshair's time on it.
import { DAY, moment, timeTicks } from '../words/times';
import { useCrosshair } from './crosshair';
import type { Buckets } from './shape';

export function TimeAxis({ buckets, width, now }: { buckets: Buckets; width: number; now: number }) {
  const at = useCrosshair();
  const span = buckets.to - buckets.from;
  const ticks = timeTicks(buckets.from, buckets.to, width);
  const cross = at === null ? null : buckets.from + (at + 0.5) * buckets.stepMs;
  const x = (t: number) => ((t - buckets.from) / span) * width;
  return (
    <div className="time-axis" aria-hidden="true">
      {ticks.map((tick) => {
        // A label half outside, or under the crosshair's own, would be read wrongly.
        const near = cross !== null && Math.abs(x(tick.at) - x(cross)) < 44;
        return near || x(tick.at) < 14 || x(tick.at) > width - 14 ? null : <span key={tick.at} style={{ left: x(tick.at) }}>{tick.text}</span>;
      })}
      {cross !== null && <span className="at" style={{ left: Math.min(width - 24, Math.max(24, x(cross))) }}>{moment(cross - buckets.stepMs / 2, buckets.to - buckets.from > DAY ? 0 : now, buckets.stepMs)}</span>}
    </div>
  );
}
