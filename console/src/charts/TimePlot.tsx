// Lines, stacks and bars over time, drawn by uPlot without its axes, cursor and legend: those are shared by the whole stack.
// It draws what shape.ts made and must not know queries, menus or formats of values.
import uPlot from 'uplot';
import { useLayoutEffect, useRef } from 'react';
import { useTheme } from '../theme/choose';
import { token } from './paint';
import { valueTicks, type Buckets, type Chart, type Line } from './shape';

function seriesOf(chart: Chart, line: Line): uPlot.Series {
  const colour = token(line.token);
  if (chart.kind === 'bars') return { stroke: colour, fill: colour, width: 0, points: { show: false }, paths: uPlot.paths.bars!({ size: [0.9, Infinity], gap: 1 }) };
  if (chart.kind === 'stacked') return { stroke: colour, width: 1, fill: withAlpha(colour, Number(token('--area')) || 0.8), points: { show: false } };
  const grey = line.token === '--cat-other';
  const width = line.lead ? 2.2 : grey ? 1.1 : 1.6;
  // A value between two gaps is a dot: a line would not be seen, and bridging the gap would invent points.
  return { stroke: colour, width, fill: line.lead && !grey ? withAlpha(colour, 0.08) : undefined, spanGaps: false, points: { show: true, filter: lonely, size: line.lead ? 4 : 3, fill: colour, width: 0 } };
}

/** The same earlier: a dotted line over everything, so that it is seen on bars too. */
const earlierSeries = (): uPlot.Series => ({ stroke: token('--text-2'), width: 1.4, dash: [2, 3], spanGaps: false, points: { show: false } });

/** Only values between two gaps get a dot. */
const lonely: uPlot.Series.Points.Filter = (u, index) => {
  const values = u.data[index]!;
  const found: number[] = [];
  for (let i = 0; i < values.length; i += 1) if (values[i] != null && values[i - 1] == null && values[i + 1] == null) found.push(i);
  return found;
};

/** Tokens are #rrggbb; canvas wants the opacity in the colour. */
function withAlpha(hex: string, alpha: number): string {
  return hex + Math.round(alpha * 255).toString(16).padStart(2, '0');
}

export function TimePlot({ chart, buckets, width, height, label }: { chart: Chart; buckets: Buckets; width: number; height: number; label: string }) {
  const host = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  useLayoutEffect(() => {
    if (!host.current || width <= 0) return;
    const { ticks, top, bottom } = valueTicks(chart.low, chart.high, height, chart.unit.kind === 'count');
    // Painted from the last group to the first: stacks need the lower one in front, lines the leader on top.
    const lines = [...chart.lines].reverse();
    const middle = Array.from({ length: buckets.count }, (_, i) => buckets.from + (i + 0.5) * buckets.stepMs);
    const grid = { stroke: token('--grid'), width: 1 };
    const plot = new uPlot(
      {
        width,
        height,
        padding: [4, 0, 0, 0],
        cursor: { show: false },
        legend: { show: false },
        select: { show: false, left: 0, top: 0, width: 0, height: 0 },
        scales: { x: { time: false, range: [buckets.from, buckets.to] }, y: { range: [bottom, top] } },
        axes: [{ show: false }, { size: 0, grid, ticks: { show: false }, splits: () => ticks, values: () => ticks.map(() => null) }],
        series: [{}, ...lines.map((line) => seriesOf(chart, line)), ...(chart.then ? [earlierSeries()] : [])],
        // A layer of a stack fills down to the one below it only, so that its colour is the one in the legend.
        bands: chart.kind === 'stacked' ? lines.slice(1).map((_, i) => ({ series: [i + 1, i + 2] as uPlot.Band.Bounds })) : [],
      },
      [middle, ...lines.map((line) => Array.from({ length: buckets.count }, (_, i) => line.drawn[i] ?? null)), ...(chart.then ? [chart.then] : [])],
      host.current,
    );
    return () => plot.destroy();
  }, [chart, buckets, width, height, theme]);
  return <div ref={host} className="plot-canvas" role="img" aria-label={label} />;
}
