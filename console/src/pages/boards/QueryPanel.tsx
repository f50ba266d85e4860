// A panel that shows a query: it asks on its own, and loads, fails and is empty on its own. What is drawn is what Explore
// draws; every click leads there.
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useAnswer, type Run } from '../../api/hooks';
import type { QueryAnswer } from '../../api/types';
import type { PlotPick } from '../../charts/ChartStack';
import { PlotMenu } from '../explore/PlotMenu';
import { eventsOf, holdsNothing } from '../explore/empty';
import { useSince } from '../../parts/Progress';
import { ValueMenu, ValueMenuContext, type Asked } from '../../parts/ValueMenu';
import { differentOf, type These } from '../../state/different';
import { orderBy } from '../../state/edit';
import { exploreOf, numberOf, onBoard, type Panel } from '../../state/boards';
import { calculationName, type Explore, type Filter, type Range } from '../../state/explore';
import type { Go } from '../../state/location';
import { endsOf, wholeBuckets } from '../../charts/shape';
import { querySpec, times, type Times } from '../../state/spec';
import { GroupTable } from '../../tables/GroupTable';
import { sparkPath } from '../../tables/shape';
import { earlierWords } from '../../words/different';
import { duration } from '../../words/numbers';
import { span } from '../../words/times';
import { unitOf, withUnit } from '../../words/units';

const ChartStack = lazy(() => import('../../charts/ChartStack'));

type Query = Extract<Panel, { kind: 'query' }>;
type Props = { panel: Query; dataset: string; range: Range; filters: Filter[]; at: number; height: number; go: Go; onRange: (range: Range) => void };

/** The Explore page of a panel on its board. */
export function panelExplore(panel: Query, dataset: string, range: Range, filters: Filter[]): Explore {
  const own = exploreOf(panel.dataset || dataset, panel.query, panel.view, range);
  return onBoard(own, filters) ?? own;
}

export function QueryPanel({ panel, dataset, range, filters, at, height, go, onRange }: Props) {
  const e = useMemo(() => panelExplore(panel, dataset, range, filters), [panel, dataset, range, filters]);
  const when = useMemo(() => times(e, at), [e, at]);
  const spec = useMemo(() => querySpec(e, when), [e, when]);
  const run = useMemo<Run>(() => ({ dataset: e.dataset, question: JSON.stringify([spec.calculated_fields, spec.calculations, spec.formulas, spec.filters, spec.filter_combination, spec.breakdowns, spec.orders, spec.havings, spec.limit, e.range, e.granularity, e.compare]), at }), [spec, e, at]);
  const query = useAnswer(run, spec);
  const last = useRef<{ answer: QueryAnswer; e: Explore; when: Times } | null>(null);
  if (query.data) last.current = { answer: query.data, e, when };
  const late = useSince(query.isFetching, 400);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [picked, setPicked] = useState<PlotPick | null>(null);
  const open = useCallback((explore: Explore) => go({ page: 'explore', explore }), [go]);
  const different = useCallback((these: These) => go({ page: 'different', different: differentOf(e, { from: Date.parse(when.start_time), to: Date.parse(when.end_time) }, these) }), [go, e, when]);
  const shown = last.current;
  if (query.isError) {
    return (
      <div className="panel-said" role="alert">
        <p className="bad strong">{query.error.code === 'deadline' ? 'Stopped: it took too long' : 'It could not be asked'}</p>
        <p className="mid">{query.error.message}</p>
        <p><button type="button" className="btn" onClick={() => void query.refetch()}>Ask again</button> <button type="button" className="btn ghost" onClick={() => open(e)}>Open in Explore</button></p>
      </div>
    );
  }
  if (!shown) return <div className="panel-wait" aria-hidden="true"><i /></div>;
  if (holdsNothing(shown.answer, shown.e)) return <div className="panel-said"><p className="mid">No events {'last' in range ? `in the last ${duration(range.last * 1000)}` : span(range.from, range.to, at)}.</p><p><button type="button" className="btn" onClick={() => open(e)}>Open in Explore</button></p></div>;
  return (
    <ValueMenuContext.Provider value={setAsked}>
      <div className={late ? 'panel-body stale' : 'panel-body'} data-panel-settled={!query.isFetching}>
        {panel.view === 'number' ? <BigNumber answer={shown.answer} e={shown.e} when={shown.when} /> : panel.view === 'table' ? <GroupTable answer={shown.answer} explore={shown.e} onOrder={(order) => open(orderBy(e, order))} /> : (
          <Suspense fallback={<div className="panel-wait" aria-hidden="true"><i /></div>}>
            <ChartStack answer={shown.answer} explore={shown.e} now={at} picked={picked} onPick={setPicked} onZoom={(from, to) => onRange({ from, to })} onDifferent={different} room={height} />
          </Suspense>
        )}
      </div>
      {asked && <ValueMenu asked={asked} explore={e} onEdit={open} onDifferent={different} onClose={() => setAsked(null)} />}
      {picked && <PlotMenu picked={picked} explore={e} now={at} onEdit={open} onDifferent={different} onClose={() => setPicked(null)} />}
    </ValueMenuContext.Provider>
  );
}

/** The number, its shape over the range, and what it was. */
function BigNumber({ answer, e, when }: { answer: QueryAnswer; e: Explore; when: Times }) {
  const c = numberOf(e);
  const host = useRef<HTMLDivElement>(null);
  const [wide, setWide] = useState(0);
  useEffect(() => setWide(host.current?.clientWidth ?? 0), []);
  if (!c) return <p className="panel-said mid">A heatmap alone has no number. Choose another view.</p>;
  const name = calculationName(c);
  const unit = unitOf(c);
  const value = answer.total?.[name] ?? eventsOf(answer);
  const then = answer.compare?.rows[0]?.[answer.columns.findIndex((column) => column.name === name)];
  const values = answer.series ? wholeBuckets(answer.series.groups[0]?.values[name] ?? [], endsOf(answer.series, Date.parse(when.start_time), Date.parse(when.end_time))) : [];
  const most = values.reduce<number>((m, v) => (v !== null && v > m ? v : m), 0);
  return (
    <div className="big-number" ref={host}>
      <div>
        <strong>{value === null || value === undefined ? <span className="dim">no value</span> : withUnit(value, unit)}</strong>
        {e.compare !== null && typeof then === 'number' && <p className="dim">{withUnit(then, unit)} {earlierWords(e.compare)}</p>}
      </div>
      {wide > 190 && e.by.length === 0 && <svg viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true"><path d={sparkPath(values, 100, 40, most * 1.05)} vectorEffect="non-scaling-stroke" /></svg>}
    </div>
  );
}
