// All charts of a page under each other: heatmaps first, then each calculation, with one gutter, one axis, one crosshair.
// It turns pointers and keys into picked events; what becomes of them is the page's business.
import { useContext, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import type { HeatmapAnswer, QueryAnswer } from '../api/types';
import type { Explore } from '../state/explore';
import { valuesOf } from '../state/explore';
import { isEstimated, times } from '../state/spec';
import { theseDuring, type These } from '../state/different';
import { boxWords, earlierWords } from '../words/different';
import { chartSentence, heatSentence } from '../words/charts';
import { HeatHead, LineHead } from './ChartHead';
import { ValueAxis } from './ValueAxis';
import { CrosshairContext } from './crosshair';
import { cellsBetween, gridOf, startCells, theseOfCells, type Cells } from './box';
import { BoxSelection } from './BoxSelection';
import { binAt, hasCells, roomy } from './heat';
import { Heatmap } from './Heatmap';
import { MarkersContext, onCharts } from './markers';
import { MarkerLane } from './MarkerLane';
import { Numbers } from './Numbers';
import { Plot, type Drag, type Picked } from './Plot';
import { bucketsOf, chartOf, endsOf, timesOf, type Buckets } from './shape';
import { TimeAxis } from './TimeAxis';
import { TimePlot } from './TimePlot';
import { useWidth } from './useWidth';
import './stack.css';
import 'uplot/dist/uPlot.min.css';

/** Events under a cell of a heatmap, or of a range of time, with the place where somebody let go. */
export type PlotPick = { these: These; cell: { column: string; low: number; high: number } | null; at: DOMRect };

type Props = {
  answer: QueryAnswer;
  explore: Explore;
  now: number;
  /** What the open menu is about, so that a brushed range stays drawn. */
  picked: PlotPick | null;
  onPick: (picked: PlotPick) => void;
  onZoom: (from: number, to: number) => void;
  onDifferent: (these: These) => void;
  /** Pixels from top to bottom, where the place is given; else each chart has the height that suits it. */
  room?: number;
};

const heightOf = (charts: number, heat: boolean, op: string) => {
  if (heat) return op === 'COUNT' ? 58 : 84;
  return charts === 1 ? 232 : charts === 2 ? 132 : 84;
};

export default function ChartStack({ answer, explore, now, picked, onPick, onZoom, onDifferent, room }: Props) {
  const ground = useRef<HTMLDivElement>(null);
  const stack = useRef<HTMLDivElement>(null);
  const width = useWidth(ground);
  const crosshair = useContext(CrosshairContext);
  const { list: marked } = useContext(MarkersContext);
  const [kept, setKept] = useState<{ name: string; drag: Drag } | null>(null);
  /** A box made by key, on the first heatmap, or on the first chart where it is a range. */
  const [keyed, setKeyed] = useState<Cells | null>(null);
  const { series } = answer;
  const earlier = answer.compare?.series ?? null;
  const earlierName = explore.compare ? earlierWords(explore.compare) : null;
  const buckets = useMemo(() => (series ? bucketsOf(series) : null), [series]);
  const scalars = useMemo(() => valuesOf(explore), [explore.show, explore.formulas]); // eslint-disable-line react-hooks/exhaustive-deps -- nothing else of the page is read
  const rest = answer.other != null || series?.truncated === true;
  const ends = useMemo(() => {
    const when = times(explore, now);
    return series ? endsOf(series, Date.parse(when.start_time), Date.parse(when.end_time)) : undefined;
  }, [series]); // eslint-disable-line react-hooks/exhaustive-deps -- an answer has its times
  const charts = useMemo(() => (series ? scalars.map((c) => chartOf(series, c, explore.view, rest, earlier, ends)) : []), [series, scalars, explore.view, rest, earlier, ends]);
  const heat = explore.view === null || explore.view === 'heatmap';
  const maps = useMemo(() => (heat ? (answer.heatmaps ?? []).filter(hasCells).map(roomy) : []), [answer.heatmaps, heat]);
  if (!series || !buckets || buckets.count === 0) return null;

  const firstMap = maps[0];
  const lane = onCharts(marked, buckets).length > 0 ? LANE : 0;
  const fitted = room === undefined ? null : fit(room - lane, maps.length, explore.view === 'number' ? 0 : charts.length);
  const mapHeight = fitted?.map ?? HEAT_HEIGHT;
  const keys = (event: KeyboardEvent<HTMLDivElement>) => {
    const at = crosshair.get() ?? buckets.count - 1;
    const step = event.shiftKey ? 10 : 1;
    if (event.key === 'ArrowLeft') crosshair.set(Math.max(0, at - step));
    else if (event.key === 'ArrowRight') crosshair.set(Math.min(buckets.count - 1, at + step));
    else if (event.key === 'Escape') crosshair.set(null);
    else if (event.key.toLowerCase() === 'z') onZoom(...around(buckets, at));
    else if (event.key.toLowerCase() === 'b' && !event.metaKey && !event.ctrlKey) setKeyed(startCells(firstMap ? gridOf(firstMap) : { columns: buckets.count, bins: 1 }));
    else return;
    event.preventDefault();
  };
  const pickCell = (map: HeatmapAnswer, bucket: number, place: number, at: DOMRect) => {
    const bin = binAt(place, map);
    const cell = { column: map.column, low: map.bounds[bin]!, high: map.bounds[bin + 1]! };
    onPick({ these: theseOfCells({ first: bucket, last: bucket, low: bin, high: bin }, map, buckets), cell, at });
  };
  const pickBox = (map: HeatmapAnswer, p: Picked) => onDifferent(theseOfCells(cellsBetween({ bucket: p.first, place: p.low }, { bucket: p.last, place: p.high }, map), map, buckets));
  const pickRange = (name: string, p: Picked, drag: Drag) => {
    setKept({ name, drag });
    onPick({ these: theseDuring(timesOf(buckets, p.first, p.last)), cell: null, at: p.at });
  };
  const selection = (map: HeatmapAnswer | undefined) => {
    if (!keyed) return null;
    const these = (c: Cells) => (map ? theseOfCells(c, map, buckets) : theseDuring(timesOf(buckets, c.first, c.last)));
    const remove = () => {
      setKeyed(null);
      stack.current?.focus();
    };
    return <BoxSelection cells={keyed} grid={map ? gridOf(map) : { columns: buckets.count, bins: 1 }} label={(c) => boxWords(these(c), now)} focused onChange={setKeyed} onTake={(c) => onDifferent(these(c))} onRemove={remove} />;
  };
  return (
    <div ref={stack} className="stack" role="group" tabIndex={0} aria-label="Charts. Arrow keys move the crosshair, Z zooms to it, B starts a box." onKeyDown={keys}>
      {explore.view === 'number' && <Numbers answer={answer} calculations={scalars} earlier={explore.by.length === 0 ? earlierName : null} />}
      {explore.view !== 'number' && <MarkerLane buckets={buckets} width={width} now={now} />}
      {maps.map((map) => (
        <section key={map.name} aria-label={map.name}>
          <HeatHead map={map} buckets={buckets} now={now} />
          <Plot buckets={buckets} height={mapHeight} flat={false} boxes kept={null} onPick={(p) => pickBox(map, p)} onClick={(bucket, place, at) => pickCell(map, bucket, place, at)}>
            <Heatmap map={map} width={width} height={mapHeight} label={heatSentence(map, buckets)} />
            {map === firstMap && selection(map)}
          </Plot>
        </section>
      ))}
      {explore.view !== 'number' &&
        charts.map((chart, i) => {
          const height = fitted?.chart ?? heightOf(charts.length, maps.length > 0, chart.title.op);
          return (
            <section key={chart.name} aria-label={chart.name}>
              <LineHead chart={chart} buckets={buckets} now={now} approximate={isEstimated(answer.stats.approximate, chart.name)} earlier={earlierName} />
              <Plot buckets={buckets} height={height} flat boxes={false} kept={picked && !picked.cell && kept?.name === chart.name ? kept.drag : null} onPick={(p, drag) => pickRange(chart.name, p, drag)}>
                <ValueAxis chart={chart} height={height} />
                <TimePlot chart={chart} buckets={buckets} width={width} height={height} label={chartSentence(chart, buckets)} />
                {i === 0 && !firstMap && selection(undefined)}
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
const HEAD = 26;
const AXIS = 22;
const LEAST = 36;
const LANE = 20;

/** The heights that fill a place: a heatmap gets twice a chart's. */
function fit(room: number, maps: number, charts: number): { map: number; chart: number } {
  const part = Math.floor((room - AXIS - (maps + charts) * HEAD) / Math.max(1, maps * 2 + charts));
  return { map: Math.max(LEAST * 2, part * 2), chart: Math.max(LEAST, part) };
}

/** A tenth of the shown time on both sides of the crosshair. */
function around(buckets: Buckets, at: number): [number, number] {
  const reach = Math.max(1, Math.round(buckets.count / 20));
  const { from, to } = timesOf(buckets, Math.max(0, at - reach), Math.min(buckets.count - 1, at + reach));
  return [from, to];
}
