// The line above a plot: what it shows, and at the right what it says at the crosshair, so that no tooltip covers data.
import type { HeatmapAnswer } from '../api/types';
import { CalculationTitle } from '../parts/CalculationTitle';
import { unitOfField, withUnit } from '../words/units';
import { count } from '../words/numbers';
import { moment } from '../words/times';
import { stepWords } from '../words/charts';
import { useCrosshair } from './crosshair';
import { heatMax, quantile } from './heat';
import { LINES_MOST, readout, type Buckets, type Chart } from './shape';

function At({ buckets, now }: { buckets: Buckets; now: number }) {
  const at = useCrosshair();
  return at === null ? null : <span className="dim wide">at {moment(buckets.from + at * buckets.stepMs, now, buckets.stepMs)}</span>;
}

export function HeatHead({ map, buckets, now }: { map: HeatmapAnswer; buckets: Buckets; now: number }) {
  const at = useCrosshair();
  const unit = unitOfField(map.column);
  const column = at === null ? null : (map.counts[at] ?? null);
  const median = column && quantile(column, map, 0.5);
  const p99 = column && quantile(column, map, 0.99);
  return (
    <div className="chart-head">
      <b className="mono">{map.column}</b>
      <span className="dim wide">events per {stepWords(buckets.stepMs)} and step</span>
      <span className="legend wide">1 <span className="ramp" /> {count(heatMax(map.counts))}</span>
      <span className="sp" />
      <At buckets={buckets} now={now} />
      {column && median !== null && p99 !== null && (
        <>
          <span className="read">median <b>≈ {withUnit(median, unit)}</b></span>
          <span className="read">P99 <b>≈ {withUnit(p99, unit)}</b></span>
        </>
      )}
      {column && median === null && <span className="dim">no values</span>}
    </div>
  );
}

export function LineHead({ chart, buckets, now, approximate, earlier = null }: { chart: Chart; buckets: Buckets; now: number; approximate: boolean; /** What the time before is called. */ earlier?: string | null }) {
  const at = useCrosshair();
  const read = readout(chart, at ?? 0);
  return (
    <div className="chart-head">
      <b><CalculationTitle c={chart.title} /></b>
      {chart.undrawn > 0 && <span className="dim wide">the first {count(LINES_MOST)} of {count(LINES_MOST + chart.undrawn)} groups{chart.kind === 'lines' ? '' : ', the others as one'}</span>}
      {approximate && <span className="dim wide">estimated</span>}
      <span className="sp" />
      {at !== null && <At buckets={buckets} now={now} />}
      {read.named.map(({ line, value }) => (
        <span className="read" key={line.label}>
          {chart.lines.length > 1 && <i className="sw" style={{ background: `var(${line.token})` }} />}
          {(chart.lines.length > 1 || at !== null) && <bdi>{line.label}</bdi>}
          {at !== null && (value === null ? <span className="dim">no value</span> : <b>{withUnit(value, chart.unit)}</b>)}
        </span>
      ))}
      {chart.then && earlier && <span className="read"><span className="mid dotted">{chart.lines.length > 1 && chart.kind === 'lines' && <><bdi>{chart.lines[0]!.label}</bdi> </>}{earlier}</span>{at !== null && (chart.then[at] == null ? <span className="dim">no value</span> : <b>{withUnit(chart.then[at]!, chart.unit)}</b>)}</span>}
      {read.rest && (
        <span className="read">
          <i className="sw" style={{ background: 'var(--cat-other)' }} />
          {read.rest.count} more {at !== null && <b>≤ {withUnit(read.rest.most, chart.unit)}</b>}
        </span>
      )}
    </div>
  );
}
