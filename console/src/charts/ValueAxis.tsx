// The labels of a value axis in the gutter. The grid lines themselves are painted by the plot, from the same ticks.
import { withUnit } from '../words/units';
import { valueTicks, type Chart } from './shape';

export function ValueAxis({ chart, height }: { chart: Chart; height: number }) {
  const { ticks, top, bottom } = valueTicks(chart.low, chart.high, height, chart.unit.kind === 'count');
  const inner = height - 4;
  return (
    <div className="axis-values" aria-hidden="true">
      {ticks.map((tick) => {
        const place = ((tick - bottom) / (top - bottom)) * inner;
        return place < 6 && tick !== 0 ? null : <span key={tick} style={{ bottom: Math.min(place, height - 6) }}>{withUnit(tick, chart.unit)}</span>;
      })}
    </div>
  );
}
