// The picked events in their surroundings: a heatmap with the box, which can be moved, resized and drawn anew; or, for
// everything else, the events of the query over time with the picked ones in the colour of *these*.
import { useMemo, useRef } from 'react';
import { useAnswer } from '../../api/hooks';
import type { HeatmapAnswer, QueryAnswer } from '../../api/types';
import { bucketsOfSpan, cellsBetween, cellsOf, gridOf, theseOfCells, type Cells } from '../../charts/box';
import { BoxSelection } from '../../charts/BoxSelection';
import { hasCells, heatMax, roomy } from '../../charts/heat';
import { Heatmap } from '../../charts/Heatmap';
import { Plot } from '../../charts/Plot';
import { bucketsOf, timesOf, type Buckets, type Chart } from '../../charts/shape';
import { TimeAxis } from '../../charts/TimeAxis';
import { TimePlot } from '../../charts/TimePlot';
import { ValueAxis } from '../../charts/ValueAxis';
import { useWidth } from '../../charts/useWidth';
import { boxColumn, boxValues, narrowed, pickedBy, theseDuring, type Different, type These } from '../../state/different';
import type { Explore } from '../../state/explore';
import { querySpec, times } from '../../state/spec';
import { heatSentence } from '../../words/charts';
import { boxWords } from '../../words/different';
import { count } from '../../words/numbers';
import '../../charts/stack.css';
import 'uplot/dist/uPlot.min.css';

type Props = { different: Different; now: number; onThese: (these: These) => void; onRemove: () => void };

/** The question of a picture: the scope, with one calculation. */
function useSeries(e: Explore | null, show: Explore['show']) {
  const asked = useMemo(() => e && querySpec({ ...e, show, by: [], orders: [], havings: [], granularity: null, compare: null }, times(e, 0)), [e, show]);
  return useAnswer({ dataset: e?.dataset ?? '', question: `picture ${JSON.stringify(asked)}`, at: 0 }, asked);
}

export default function Picked(props: Props) {
  const { these } = props.different;
  return pickedBy(these) === 'box' ? <Box {...props} column={boxColumn(these)!} /> : <OverTime {...props} />;
}

function Box({ different, column, now, onThese, onRemove }: Props & { column: string }) {
  const ground = useRef<HTMLDivElement>(null);
  const width = useWidth(ground);
  const show = useMemo(() => [{ op: 'HEATMAP', column }], [column]);
  const query = useSeries(different.explore, show);
  const found = query.data?.heatmaps?.[0];
  const map = useMemo(() => (found && hasCells(found) ? roomy(found) : null), [found]);
  const series = query.data?.series;
  const buckets = useMemo(() => (series ? bucketsOf(series) : null), [series]);
  const cells = useMemo(() => (map && buckets && different.these.span ? cellsOf(boxValues(different.these), different.these.span, map, buckets) : null), [map, buckets, different.these]);
  return (
    <section className="card-panel" aria-label="Your box">
      <header>
        <h3>Your box</h3><span className="mono dim cut">{column}</span><span className="sp" />
        {map && <span className="legend">1 <span className="ramp short" /> {count(heatMax(map.counts))}</span>}
      </header>
      <div className="picture">
        <div ref={ground} className="ground" />
        {map && buckets && cells ? <BoxedHeatmap map={map} buckets={buckets} these={different.these} cells={cells} width={width} now={now} onThese={onThese} onRemove={onRemove} /> : <Waiting error={query.error?.message} height={HEIGHT} />}
      </div>
      <p className="picture-note">Drag an edge to refine, draw again to replace. <span className="wide"><kbd>Esc</kbd> removes it.</span></p>
    </section>
  );
}

const HEIGHT = 250;

function BoxedHeatmap({ map, buckets, these, cells, width, now, onThese, onRemove }: { map: HeatmapAnswer; buckets: Buckets; these: These; cells: Cells; width: number; now: number; onThese: (these: These) => void; onRemove: () => void }) {
  const take = (c: Cells) => onThese(theseOfCells(c, map, buckets));
  return (
    <>
      <Plot buckets={buckets} height={HEIGHT} flat={false} boxes kept={null} onPick={(p) => take(cellsBetween({ bucket: p.first, place: p.low }, { bucket: p.last, place: p.high }, map))}>
        <Heatmap map={map} width={width} height={HEIGHT} label={heatSentence(map, buckets)} picked={cells} />
        <BoxSelection cells={cells} grid={gridOf(map)} label={(c) => boxWords(c === cells ? these : theseOfCells(c, map, buckets), now)} onChange={take} onRemove={onRemove} />
      </Plot>
      <TimeAxis buckets={buckets} width={width} now={now} />
    </>
  );
}

const COUNT = [{ op: 'COUNT' }];
const RANGE_HEIGHT = 120;

function OverTime({ different, now, onThese, onRemove }: Props) {
  const ground = useRef<HTMLDivElement>(null);
  const width = useWidth(ground);
  const { explore, these } = different;
  const ranged = pickedBy(these) === 'range';
  const inside = useMemo(() => (ranged ? null : narrowed(explore, these.where)), [explore, these.where, ranged]);
  const all = useSeries(explore, COUNT);
  const picked = useSeries(inside, COUNT);
  const chart = useMemo(() => (all.data?.series && (ranged || picked.data?.series) ? chartOfThese(all.data, ranged ? null : picked.data!, these) : null), [all.data, picked.data, ranged, these]);
  if (!ranged && !inside) return null;
  const error = all.error ?? picked.error;
  return (
    <section className="card-panel" aria-label={ranged ? 'Your range' : 'These over time'}>
      <header><h3>{ranged ? 'Your range' : 'These over time'}</h3><span className="dim">events</span></header>
      <div className="picture">
        <div ref={ground} className="ground" />
        {chart ? <Bars {...chart} width={width} now={now} ranged={ranged} these={these} onThese={onThese} onRemove={onRemove} /> : <Waiting error={error?.message} height={RANGE_HEIGHT} />}
      </div>
      <p className="picture-note">{ranged ? 'Drag an edge to refine, draw again to replace.' : 'Drag to compare a range of time instead.'} {ranged && <span className="wide"><kbd>Esc</kbd> removes it.</span>}</p>
    </section>
  );
}

/** Bars of all events, the picked ones in front and in their own colour. */
function chartOfThese(all: QueryAnswer, picked: QueryAnswer | null, these: These): { chart: Chart; buckets: Buckets } {
  const buckets = bucketsOf(all.series!);
  const counts = (a: QueryAnswer) => Array.from({ length: buckets.count }, (_, i) => a.series?.groups[0]?.values.COUNT?.[i] ?? 0);
  const whole = counts(all);
  const middle = (i: number) => buckets.from + (i + 0.5) * buckets.stepMs;
  const mine = picked ? counts(picked) : whole.map((n, i) => (these.span && middle(i) >= these.span.from && middle(i) < these.span.to ? n : 0));
  const line = (label: string, token: string, values: number[]) => ({ key: [], label, token, lead: false, values, drawn: values });
  const high = whole.reduce((most, n) => Math.max(most, n), 1);
  return { buckets, chart: { name: 'COUNT', title: { op: 'COUNT' }, unit: { kind: 'count' }, kind: 'bars', lines: [line('these', '--these', mine), line('others', '--others', whole)], undrawn: 0, then: null, low: 0, high } };
}

function Bars({ chart, buckets, width, now, ranged, these, onThese, onRemove }: { chart: Chart; buckets: Buckets; width: number; now: number; ranged: boolean; these: These; onThese: (these: These) => void; onRemove: () => void }) {
  const mine = chart.lines[0]!.values.reduce<number>((sum, n) => sum + (n ?? 0), 0);
  const all = chart.lines[1]!.values.reduce<number>((sum, n) => sum + (n ?? 0), 0);
  const during = (c: Cells) => theseDuring(timesOf(buckets, c.first, c.last));
  const cells = ranged && these.span ? { ...bucketsOfSpan(these.span, buckets), low: 0, high: 0 } : null;
  return (
    <>
      <Plot buckets={buckets} height={RANGE_HEIGHT} flat boxes={false} kept={null} onPick={(p) => onThese(theseDuring(timesOf(buckets, p.first, p.last)))}>
        <ValueAxis chart={chart} height={RANGE_HEIGHT} />
        <TimePlot chart={chart} buckets={buckets} width={width} height={RANGE_HEIGHT} label={`Events over time: ${count(mine)} of ${count(all)} are these.`} />
        {cells && <BoxSelection cells={cells} grid={{ columns: buckets.count, bins: 1 }} label={(c) => boxWords(c === cells ? these : during(c), now)} onChange={(c) => onThese(during(c))} onRemove={onRemove} />}
      </Plot>
      <TimeAxis buckets={buckets} width={width} now={now} />
    </>
  );
}

function Waiting({ error, height }: { error: string | undefined; height: number }) {
  if (error) return <p className="bad picture-note" role="alert">{error}</p>;
  return <div className="picture-to-come" style={{ height: height + 20 }} aria-hidden="true" />;
}
