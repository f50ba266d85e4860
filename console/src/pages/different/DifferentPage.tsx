// The page "What is different": the answer as sentences on top, then the picked events in their surroundings and the fields
// that differ. It joins state, the compare and parts, and decides nothing about how a part looks or what words it uses.
import { lazy, Suspense, useCallback, useMemo, useRef, useState } from 'react';
import { serverNow } from '../../api/client';
import type { DatasetInfo, FieldInfo } from '../../api/types';
import { createCrosshair, CrosshairContext } from '../../charts/crosshair';
import { copy } from '../../parts/copy';
import { DatasetMenu } from '../../parts/DatasetMenu';
import { ErrorBand } from '../../parts/ErrorBand';
import { Icon } from '../../parts/Icon';
import { modKey } from '../../parts/keys';
import { ProgressLine, useSince } from '../../parts/Progress';
import { ValueMenu, ValueMenuContext, type Asked } from '../../parts/ValueMenu';
import { differentOf, queryWithout, spanOf, type Different, type These } from '../../state/different';
import type { Explore } from '../../state/explore';
import { useSteps, type Go } from '../../state/location';
import { traceLook } from '../../state/looking';
import { encodePage } from '../../state/url';
import { troubleOfError, troubleOfWarning } from '../../words/errors';
import { span } from '../../words/times';
import { Answer, type Acts } from './Answer';
import { ConditionMenu } from './ConditionMenu';
import { Examples } from './Examples';
import { Fields } from './Fields';
import { ConditionContext, type Condition } from './pick';
import { ScopeBar } from './ScopeBar';
import { useDifferent } from './useDifferent';
import { useDifferentKeys } from './useDifferentKeys';
import { withoutExplanation } from './Without';
import './different.css';

const Picked = lazy(() => import('./Picked'));

type Props = { different: Different; datasets: DatasetInfo[]; fields: FieldInfo[]; go: Go; onDataset: (name: string) => void };

export function DifferentPage({ different: d, datasets, fields, go, onDataset }: Props) {
  const known = useMemo(() => fields.map((f) => f.name), [fields]);
  const r = useDifferent(d, known);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [condition, setCondition] = useState<Condition | null>(null);
  const crosshair = useRef(createCrosshair()).current;
  const find = useRef<HTMLInputElement>(null);
  const { undo, redo } = useSteps();
  const now = useMemo(() => serverNow(), [d]); // eslint-disable-line react-hooks/exhaustive-deps -- the moment of this page

  const open = useCallback((e: Explore) => go({ page: 'explore', explore: e }), [go]);
  const compare = useCallback((next: Different) => go({ page: 'different', different: next }), [go]);
  const pick = useCallback((these: These) => compare(differentOf(d.explore, spanOf({ ...d, these: { ...these, span: null } }), these)), [compare, d]);
  const back = useCallback(() => open(d.explore), [open, d.explore]);
  const link = useCallback(() => void copy(window.location.origin + window.location.pathname + encodePage({ page: 'different', different: d })), [d]);
  const acts = useMemo<Acts>(() => ({ open, compare, stop: r.stop, again: r.again }), [open, compare, r.stop, r.again]);
  const answer = r.shown?.answer ?? null;
  const on = r.shown?.different ?? d;
  const without = answer?.explanations[0] ? queryWithout(on.explore, answer.explanations[0].filters) : null;
  useDifferentKeys({ running: r.running, stop: r.stop, back, without: without && (() => open(without)), find: () => find.current?.focus(), link, again: r.again, undo, redo });

  const late = useSince(r.running && !r.current, 100);
  const warning = r.current ? answer?.warnings?.[0] : undefined;
  const trouble = r.error ? troubleOfError(r.error, d.explore.dataset) : warning ? troubleOfWarning(warning, d.explore.dataset) : null;
  const nothing = answer ? withoutExplanation(on, answer) : null;
  const bare = nothing !== null && nothing.kind !== 'scattered' && !(nothing.kind === 'alike' && d.all);
  const time = spanOf({ ...d, these: { ...d.these, span: null } });
  return (
    <CrosshairContext.Provider value={crosshair}>
      <ValueMenuContext.Provider value={setAsked}>
        <ConditionContext.Provider value={setCondition}>
          <header className="top">
            <DatasetMenu name={d.explore.dataset} datasets={datasets} onChoose={onDataset} />
            <span className="slash" aria-hidden="true">/</span>
            <h1 className="cut shown">What is different</h1>
            <span className="sp" />
            <span className="wide steps">
              {undo && <button type="button" className="btn ghost icon" aria-label="Undo" title={`Undo ${modKey('Z')}`} onClick={undo}><Icon name="undo" /></button>}
              {redo && <button type="button" className="btn ghost icon" aria-label="Redo" title={`Redo ${modKey('⇧Z')}`} onClick={redo}><Icon name="redo" /></button>}
            </span>
            <span className="mid num wide top-time"><Icon name="clock" /> {span(time.from, time.to, now)}</span>
            <button type="button" className="btn ghost icon" aria-label="Copy link" title="Copy link  Y" onClick={link}><Icon name="link" /></button>
          </header>
          <main className="different" data-testid="different" data-settled={!r.running && (r.current || r.error !== null)} data-exact={r.current && answer?.exact === true}>
            <ScopeBar different={d} fields={fields} known={known} onBack={back} onThan={(than) => compare({ ...d, than })} />
            <div className="what-holder">
              {late && <ProgressLine />}
              {trouble && <ErrorBand key={trouble.code} trouble={trouble} warning={r.error === null} onFix={null} onUndo={undo} onRetry={r.again} />}
              <Answer different={d} shown={r.shown} told={r.told} current={r.current} running={r.running} stopped={r.stopped} known={known} acts={acts} />
            </div>
            <div className={[bare ? 'different-body bare' : 'different-body', !r.current && answer ? 'stale' : ''].join(' ')}>
              <div className="pictures">
                <Suspense fallback={null}><Picked different={d} now={now} onThese={pick} onRemove={back} /></Suspense>
                {answer && !bare && r.current && <Examples different={on} fields={fields} events={answer.selection.events} onOpen={open} onTrace={(trace) => go({ page: 'trace', trace: traceLook(d.explore.dataset, trace) })} />}
              </div>
              {answer && !bare && <Fields answer={answer} all={d.all} find={find} onAll={(all) => compare({ ...d, all })} />}
              {!answer && !r.error && <div className="fields-to-come" aria-hidden="true"><i /><i /><i /><i /></div>}
            </div>
          </main>
          {asked && <ValueMenu asked={asked} explore={d.explore} onEdit={open} onDifferent={pick} onClose={() => setAsked(null)} />}
          {condition && <ConditionMenu condition={condition} explore={d.explore} onEdit={open} onDifferent={pick} onClose={() => setCondition(null)} />}
        </ConditionContext.Provider>
      </ValueMenuContext.Provider>
    </CrosshairContext.Provider>
  );
}
