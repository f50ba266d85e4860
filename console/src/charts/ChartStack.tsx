// All charts of a page under each other: heatmaps first, then each calculation, with one gutter, one axis, one crosshair.
// It turns pointers and keys into picked times and values; what becomes of them is the page's business.
import { useContext, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import type { HeatmapAnswer, QueryAnswer } from '../api/types';
import type { Explore } from '../state/explore';
import { isHeatmap } from '../state/explore';
import { chartSentence, heatSentence } from '../words/charts';
import { HeatHead, LineHead } from './ChartHead';
import { ValueAxis } from './ValueAxis';
import { CrosshairContext } from './crosshair';
import { binAt, hasCells, roomy, valueAt } from './heat';
import { Heatmap } from './Heatmap';
import { Numbers } from './Numbers';
import { Plot, type Picked } from './Plot';
import { bucketsOf, chartOf, timesOf, type Buckets } from './shape';
import { TimeAxis } from './TimeAxis';
import { TimePlot } from './TimePlot';
import { useWidth } from './useWidth';
import './stack.css';
import 'uplot/dist/uPlot.min.css';

export type Box = { column: string; low: number; high: number; from: number; to: number; at: DOMRect; cell: boolean };
type Drag = { x0: number; y0: number; x1: number; y1: number };

type Props = {
  answer: QueryAnswer;
  explore: Explore;
  now: number;
  /** The box whose menu is open, so that it stays drawn. */
  box: Box | null;
  onBox: (box: Box) => void;
  onZoom: (from: number, to: number) => void;
};

const heightOf = (charts: number, heat: boolean, op: string) => {
  if (heat) return op === 'COUNT' ? 58 : 84;
  return charts === 1 ? 232 : charts === 2 ? 132 : 84;
};

export default function ChartStack({ answer, explore, now, box, onBox, onZoom }: Props) {
  const ground = useRef<HTMLDivElement>(null);
  const width = useWidth(ground);
  const crosshair = useContext(CrosshairContext);
  const [kept, setKept] = useState<Drag | null>(null);
  const { series } = answer;
  const buckets = useMemo(() => (series ? bucketsOf(series) : null), [series]);
  const scalars = useMemo(() => explore.show.filter((c) => !isHeatmap(c)), [explore.show]);
  const rest = answer.other != null || series?.truncated === true;
  const charts = useMemo(() => (series ? scalars.map((c) => chartOf(series, c, explore.view, rest)) : []), [series, scalars, explore.view, rest]);
  const heat = explore.view === null || explore.view === 'heatmap';
  const maps = useMemo(() => (heat ? (answer.heatmaps ?? []).filter(hasCells).map(roomy) : []), [answer.heatmaps, heat]);
  if (!series || !buckets || buckets.count === 0) return null;

  const keys = (event: KeyboardEvent) => {
    const at = crosshair.get() ?? buckets.count - 1;
    const step = event.shiftKey ? 10 : 1;
    if (event.key === 'ArrowLeft') crosshair.set(Math.max(0, at - step));
    else if (event.key === 'ArrowRight') crosshair.set(Math.min(buckets.count - 1, at + step));
    else if (event.key === 'Escape') crosshair.set(null);
    else if (event.key.toLowerCase() === 'z') onZoom(...around(buckets, at));
    else return;
    event.preventDefault();
  };
  const pickBox = (map: HeatmapAnswer, picked: Picked, drag: Drag) => {
    setKept(drag);
    const { from, to } = timesOf(buckets, picked.first, picked.last);
    onBox({ column: map.column, ...bounds(map, picked.low, picked.high), from, to, at: picked.at, cell: false });
  };
  const pickCell = (map: HeatmapAnswer, bucket: number, place: number, at: DOMRect) => {
    setKept(null);
    const { from, to } = timesOf(buckets, bucket, bucket);
    onBox({ column: map.column, ...bounds(map, place, place), from, to, at, cell: true });
  };
  const zoom = (picked: Picked) => {
    const { from, to } = timesOf(buckets, picked.first, picked.last);
    onZoom(from, to);
  };
  return (
    <div className="stack" role="group" tabIndex={0} aria-label="Charts. Arrow keys move the crosshair, Z zooms to it." onKeyDown={keys}>
      {explore.view === 'number' && <Numbers answer={answer} calculations={scalars} />}
      {maps.map((map) => (
        <section key={map.name} aria-label={map.name}>
          <HeatHead map={map} buckets={buckets} now={now} />
          <Plot buckets={buckets} height={HEAT_HEIGHT} flat={false} boxes kept={box?.column === map.column && !box.cell ? kept : null} onPick={(picked, drag) => pickBox(map, picked, drag)} onClick={(bucket, place, at) => pickCell(map, bucket, place, at)}>
            <Heatmap map={map} width={width} height={HEAT_HEIGHT} label={heatSentence(map, buckets)} />
          </Plot>
        </section>
      ))}
      {explore.view !== 'number' &&
        charts.map((chart) => {
          const height = heightOf(charts.length, maps.length > 0, chart.title.op);
          return (
            <section key={chart.name} aria-label={chart.name}>
              <LineHead chart={chart} buckets={buckets} now={now} approximate={(answer.stats.approximate ?? []).includes(chart.name)} />
              <Plot buckets={buckets} height={height} flat boxes={false} kept={null} onPick={zoom}>
                <ValueAxis chart={chart} height={height} />
                <TimePlot chart={chart} buckets={buckets} width={width} height={height} label={chartSentence(chart, buckets)} />
              </Plot>
            </section>
          );
        })}
      <div ref={ground} className="ground" />
      {explore.view !== 'number' && <TimeAxis buckets={buckets} width={width} now={now} />}
    </div>
  );
}

const HEAT_HEIGHT = 196;

function bounds(map: HeatmapAnswer, low: number, high: number): { low: number; high: number } {
  const edges = map.bounds;
  return { low: edges[binAt(low, map)] ?? valueAt(low, map), high: edges[binAt(high, map) + 1] ?? valueAt(high, map) };
}

/** A tenth of the shown time on both sides of the crosshair. */
function around(buckets: Buckets, at: number): [number, number] {
  const reach = Math.max(1, Math.round(buckets.count / 20));
  const { from, to } = timesOf(buckets, Math.max(0, at - reach), Math.min(buckets.count - 1, at + reach));
  return [from, to];
}
