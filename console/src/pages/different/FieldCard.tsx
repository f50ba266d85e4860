// One field that differs: pairs of bars for values, two distributions for numbers, one pair where being there at all is the
// difference. Every bar is a way into the query.
import { useState } from 'react';
import type { ComparedField, ComparedValue } from '../../api/types';
import { useValueOpener } from '../../parts/ValueMenu';
import { share } from '../../words/numbers';
import { cut, valueText } from '../../words/values';
import { DistributionPlot } from './DistributionPlot';
import { list } from './More';
import { useConditionMenu } from './pick';

const SHOWN = 4;
const LONG = 15;
const VALUE_MOST = 200;

/** A field with one value says no more than that it is there. */
const isPresence = (f: ComparedField) => f.kind === 'categorical' && (f.distinct?.selection ?? 2) <= 1 && (f.distinct?.baseline ?? 2) <= 1 && (f.values ?? []).filter((v) => v.value !== null).length <= 1;

const byDifference = (a: ComparedValue, b: ComparedValue) => Math.abs(b.selection - b.baseline) - Math.abs(a.selection - a.baseline);

/** The values that differ most, those that these have more often first. */
export function valuesShown(values: ComparedValue[], most: number): ComparedValue[] {
  const kept = [...values].sort(byDifference).slice(0, most);
  const raised = (v: ComparedValue) => Number(v.selection > v.baseline);
  return kept.sort((a, b) => raised(b) - raised(a) || byDifference(a, b));
}

export function FieldCard({ field, rank, rough }: { field: ComparedField; rank: number; rough: boolean }) {
  const [all, setAll] = useState(false);
  const values = field.values ?? [];
  const numeric = field.kind === 'numeric' && field.bins && field.bins.length > 0;
  const presence = isPresence(field);
  const shown = valuesShown(values, all ? values.length : SHOWN);
  return (
    <article className="card" aria-label={`${rank}. ${field.field}`} data-testid="field-card">
      <div className="card-name">
        <span className="rank" aria-hidden="true">{rank}</span>
        <h4 className="mono cut" title={field.field}><bdi>{field.field}</bdi></h4>
        <span className="score refined" key={field.score.toFixed(2)} title="How much it differs, from 0 to 1">{field.score > 0 ? field.score.toFixed(2) : 'no difference'}</span>
      </div>
      {numeric ? <DistributionPlot field={field} rough={rough} /> : presence ? <Presence field={field} rough={rough} /> : shown.map((v, i) => <Pair key={JSON.stringify(v.value)} column={field.field} value={v} first={i === 0} rough={rough} />)}
      {!numeric && !presence && values.length > shown.length && <button type="button" className="text-button card-more" onClick={() => setAll(true)}>{values.length - shown.length} more</button>}
      <Notes field={field} numeric={Boolean(numeric)} presence={presence} />
    </article>
  );
}

function Pair({ column, value, first, rough }: { column: string; value: ComparedValue; first: boolean; rough: boolean }) {
  const said = saidOf(value, rough);
  const ways = useValueOpener({ column, value: value.value, events: null, total: null, said });
  return <Bars {...ways} label={value.value === null ? 'no value' : valueText(value.value)} none={value.value === null} these={value.selection} others={value.baseline} first={first} rough={rough} />;
}

const saidOf = (v: { selection: number; baseline: number }, rough: boolean) => `${rough ? 'about ' : ''}${share(v.selection)} of these, ${share(v.baseline)} of the others`;

function Presence({ field, rough }: { field: ComparedField; rough: boolean }) {
  const open = useConditionMenu();
  const filters = [{ column: field.field, op: 'exists' }];
  const said = saidOf({ selection: field.selection_present, baseline: field.baseline_present }, rough);
  return <Bars label="has a value" none={false} these={field.selection_present} others={field.baseline_present} first rough={rough} aria-haspopup="menu" onClick={(event) => open({ filters, said, at: event.currentTarget.getBoundingClientRect() })} />;
}

type BarsProps = React.ComponentProps<'button'> & { label: string; none: boolean; these: number; others: number; first: boolean; rough: boolean };

/** A pair of bars: these over the others, with both shares. */
function Bars({ label, none, these, others, first, rough, ...ways }: BarsProps) {
  const about = (part: number) => `${rough && part > 0 ? '≈ ' : ''}${share(part)}`;
  return (
    <button type="button" {...ways} className={['vrow', first && 'first', label.length > LONG && 'long'].filter(Boolean).join(' ')} data-testid="pair">
      <span className={none ? 'n cut dim' : 'n cut'} dir="auto" title={label.length > LONG ? label : undefined}>{cut(label, VALUE_MOST)}</span>
      <span className="pair" aria-hidden="true"><i style={{ width: `${these * 100}%` }} /><i style={{ width: `${others * 100}%` }} /></span>
      <span className="pct"><b className="refined" key={`a${about(these)}`}>{about(these)}<span className="vh"> of these, </span></b><span className="refined" key={`b${about(others)}`}>{about(others)}<span className="vh"> of the others</span></span></span>
    </button>
  );
}

function Notes({ field, numeric, presence }: { field: ComparedField; numeric: boolean; presence: boolean }) {
  const notes: string[] = [];
  const value = field.values?.find((v) => v.value !== null)?.value;
  if (presence) notes.push(`The difference is that the field is there at all.${value === undefined ? '' : ` Its value: ${cut(valueText(value ?? null), 60)}.`}`);
  if (numeric && Math.abs(field.selection_present - field.baseline_present) >= 0.01) notes.push(`On ${share(field.selection_present)} of these, ${share(field.baseline_present)} of the others.`);
  if (field.same_as && field.same_as.length > 0) notes.push(`Moves with ${list(field.same_as)}.`);
  if (field.error_bound) notes.push(`Values too many to tell apart: each holds at most ${share(Math.max(field.error_bound.selection, field.error_bound.baseline))}.`);
  return notes.length > 0 ? <p className="card-note">{notes.join(' ')}</p> : null;
}
