// Both distributions of a number as outlined steps, medians as ticks below and as words. One stop of the Tab key; arrows go
// from step to step, Enter opens what a step offers.
import { useMemo, useRef, useState, type KeyboardEvent } from 'react';
import type { ComparedField } from '../../api/types';
import { distributionOf, outline, type Step } from '../../charts/distribution';
import type { Filter } from '../../state/explore';
import { share } from '../../words/numbers';
import { unitOfField, withUnit } from '../../words/units';
import { useConditionMenu } from './pick';

const WIDTH = 400;
const HEIGHT = 52;

export function DistributionPlot({ field, rough }: { field: ComparedField; rough: boolean }) {
  const open = useConditionMenu();
  const d = useMemo(() => distributionOf(field.bins ?? []), [field.bins]);
  const [at, setAt] = useState(0);
  const steps = useRef<HTMLDivElement>(null);
  const unit = unitOfField(field.field);
  const medians = field.p50 ?? {};
  const say = (v: number | null | undefined) => (v === null || v === undefined ? 'none' : withUnit(v, unit));
  if (!d) return <p className="card-note">Every value is {say(field.bins?.[0]?.min)}.</p>;
  const last = d.steps.length - 1;
  const now = Math.min(at, last);

  const filters = (s: Step, i: number): Filter[] => [...(i > 0 ? [{ column: field.field, op: '>=', value: s.min }] : []), { column: field.field, op: i === last ? '<=' : '<', value: s.max }];
  const words = (s: Step) => `${withUnit(s.min, unit)} – ${withUnit(s.max, unit)}: about ${share(s.these)} of these, ${share(s.others)} of the others`;
  const keys = (event: KeyboardEvent) => {
    const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = Math.min(last, Math.max(0, to));
    setAt(next);
    (steps.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  const median = (v: number | null | undefined, token: string) => v !== null && v !== undefined && <rect x={d.place(v) * WIDTH - 1} y={HEIGHT + 2} width={2.5} height={6} style={{ fill: `var(${token})` }} />;
  return (
    <>
      <div className="dist" role="group" aria-label={`Distribution of ${field.field}: median ${say(medians.selection)} of these, ${say(medians.baseline)} of the others`}>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + 10}`} preserveAspectRatio="none" aria-hidden="true">
          <path d={`${outline(d, 'others', WIDTH, HEIGHT)}Z`} className="fill others" />
          <path d={outline(d, 'others', WIDTH, HEIGHT)} className="line others" />
          <path d={`${outline(d, 'these', WIDTH, HEIGHT)}Z`} className="fill these" />
          <path d={outline(d, 'these', WIDTH, HEIGHT)} className="line these" />
          <path d={`M0 ${HEIGHT}H${WIDTH}`} className="ground-line" />
          {median(medians.baseline, '--others')}
          {median(medians.selection, '--these')}
        </svg>
        <div className="dist-steps" ref={steps} onKeyDown={keys}>
          {d.steps.map((s, i) => (
            <button type="button" key={i} tabIndex={i === now ? 0 : -1} aria-label={words(s)} title={words(s)} aria-haspopup="menu" style={{ left: `${s.x0 * 100}%`, width: `${(s.x1 - s.x0) * 100}%` }} onFocus={() => setAt(i)} onClick={(event) => open({ filters: filters(s, i), said: `about ${share(s.these)} of these, ${share(s.others)} of the others`, at: event.currentTarget.getBoundingClientRect() })} />
          ))}
        </div>
      </div>
      <p className="dist-words">
        <span>{withUnit(d.steps[0]!.min, unit)}</span>
        <span>median <b className="these-words">{rough ? '≈ ' : ''}{say(medians.selection)}</b> of these, <b className="mid">{rough ? '≈ ' : ''}{say(medians.baseline)}</b> of the others</span>
        <span>{withUnit(d.steps[last]!.max, unit)}</span>
      </p>
    </>
  );
}
