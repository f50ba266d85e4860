// The query, as chips on two lines: Show and Where on the left, Group by and Order on the right, Run at the end.
// Editing one chip at a time; a finished edit is a new page, and the page runs it.
import { useMemo, useState, type ReactNode } from 'react';
import type { FieldInfo } from '../api/types';
import * as edit from '../state/edit';
import { effectiveOrder } from '../state/spec';
import { calculationName, LIMIT_DEFAULT, type Calculation, type Explore } from '../state/explore';
import { writeCalculation, writeFilter, writeHaving } from '../state/grammar';
import type { Times } from '../state/spec';
import { exact } from '../words/numbers';
import { CalculationEditor } from './CalculationEditor';
import { AddChip, CalculationWords, Chip, FilterWords, HavingWords, MadeWords, OrderWords } from './Chip';
import { withCalculated } from './fieldOptions';
import { DetailsEditor } from './DetailsEditor';
import { FilterEditor } from './FilterEditor';
import { GroupEditor } from './GroupEditor';
import { FieldEditor, FormulaEditor } from './MadeEditor';
import { HavingEditor, LimitEditor, OrderEditor } from './SmallEditors';

export type Editing = { part: 'field' | 'show' | 'formula' | 'where' | 'by' | 'order' | 'limit' | 'having'; at: number | null } | null;

type Props = {
  explore: Explore;
  fields: FieldInfo[];
  when: Times;
  /** What the calculations are over the whole range, as far as it is known. */
  totals: Record<string, number | null>;
  /** The field an error is about; chips that name it are outlined. */
  fault: string | null;
  editing: Editing;
  setEditing: (editing: Editing) => void;
  onEdit: (next: Explore) => void;
  go: ReactNode;
};

export function QueryStrip({ explore: e, fields: sent, when, totals, fault, editing, setEditing, onEdit, go }: Props) {
  const [origin, setOrigin] = useState<HTMLElement | null>(null);
  /** The calculation that is being named, at its place or as a new one. */
  const [details, setDetails] = useState<{ at: number | null; calculation: Calculation } | null>(null);
  const fields = useMemo(() => withCalculated(sent, { fields: e.calculated, when }), [sent, e.calculated, when]);
  const open = (part: NonNullable<Editing>['part'], at: number | null = null) => {
    setOrigin(document.activeElement instanceof HTMLElement ? document.activeElement : null);
    setEditing({ part, at });
  };
  const close = () => {
    setEditing(null);
    setDetails(null);
    requestAnimationFrame(() => origin?.isConnected && origin.focus());
  };
  const done = (next: Explore) => {
    close();
    onEdit(next);
  };
  const is = (part: string, at: number | null) => editing?.part === part && editing.at === at;
  const shared = { dataset: e.dataset, fields, onClose: close };
  const order = effectiveOrder(e);
  const detailed = (at: number | null, calculation: Calculation) => {
    if (at === null && editing === null) setOrigin(document.activeElement instanceof HTMLElement ? document.activeElement : null);
    setEditing({ part: 'show', at });
    setDetails({ at, calculation });
  };
  const editorOf = (at: number | null) => {
    const c = at === null ? null : e.show[at]!;
    const take = (next: Calculation) => done(at === null ? edit.addCalculation(e, next) : edit.setCalculation(e, at, next));
    const remove = () => (at === null ? close() : done(edit.removeCalculation(e, at)));
    const own = details?.at === at ? details.calculation : c?.name || c?.filters ? c : null;
    if (own) return <DetailsEditor key="details" explore={e} fields={fields} calculation={own} known={at !== null} onDone={take} onRemove={remove} onClose={close} />;
    return <CalculationEditor key="calculation" {...shared} calculation={c} onDone={take} onDetails={(next) => detailed(at, next)} onRemove={remove} />;
  };
  const made = { explore: e, when, onClose: close };
  const formulaEditor = (at: number | null) => <FormulaEditor key="formula" {...made} made={at === null ? null : e.formulas[at]!} totals={totals} onDone={(next) => done(edit.setFormula(e, at, next))} onRemove={() => done(edit.removeFormula(e, at!))} />;
  const fieldEditor = (at: number | null) => <FieldEditor key="field" {...made} made={at === null ? null : e.calculated[at]!} fields={fields} onDone={(next) => done(edit.setCalculated(e, at, next))} onRemove={() => done(edit.removeCalculated(e, at!))} />;
  return (
    <section className="query" aria-label="Query">
      <div className="part">
        <span className="lab">Show</span>
        {e.show.map((c, i) =>
          is('show', i) ? editorOf(i) : (
            <Chip key={calculationName(c)} label={writeCalculation(c)} unshown={c.hidden} bad={fault !== null && (c.column === fault || c.filters?.some((f) => f.column === fault))} onEdit={() => open('show', i)} onRemove={() => onEdit(edit.removeCalculation(e, i))}><CalculationWords c={c} /></Chip>
          ),
        )}
        {e.formulas.map((f, i) => is('formula', i) ? formulaEditor(i) : <Chip key={`formula ${f.name}`} label={`formula ${f.name}`} bad={f.name === fault} onEdit={() => open('formula', i)} onRemove={() => onEdit(edit.removeFormula(e, i))}><MadeWords made={f} /></Chip>)}
        {is('show', null) ? editorOf(null) : <AddChip label="Add a calculation" onClick={() => open('show')}>+</AddChip>}
        {is('formula', null) ? formulaEditor(null) : <AddChip label="ƒ formula: calculate with calculations" onClick={() => open('formula')}>ƒ formula</AddChip>}
      </div>
      <div className="part">
        <span className="lab">Group by</span>
        {e.by.map((column, i) =>
          is('by', i) ? (
            <GroupEditor key={i} {...shared} taken={e.by} column={column} onDone={(next) => done(edit.setGroup(e, i, next))} onRemove={() => done(edit.removeGroup(e, i))} />
          ) : (
            <Chip key={column} label={`group ${column}`} bad={column === fault} onEdit={() => open('by', i)} onRemove={() => onEdit(edit.removeGroup(e, i))}><bdi>{column}</bdi></Chip>
          ),
        )}
        {is('by', null) ? <GroupEditor {...shared} taken={e.by} column={null} onDone={(column) => done(edit.groupBy(e, column))} onRemove={close} /> : <AddChip label="Add a group" onClick={() => open('by')}>+</AddChip>}
      </div>
      <div className="part">
        <span className="lab">Where</span>
        {e.where.map((f, i) => (
          <span className="part inner" key={i}>
            {i > 0 && <button type="button" className="joint" aria-label={e.combine === 'AND' ? 'and: all filters must hold, change to any' : 'or: any filter may hold, change to all'} onClick={() => onEdit({ ...e, combine: e.combine === 'AND' ? 'OR' : 'AND' })}>{e.combine === 'AND' ? 'and' : 'or'}</button>}
            {is('where', i) ? (
              <FilterEditor {...shared} filter={f} onDone={(next) => done(edit.setFilter(e, i, next))} onRemove={() => done(edit.removeFilter(e, i))} />
            ) : (
              <Chip label={writeFilter(f)} bad={f.column === fault} onEdit={() => open('where', i)} onRemove={() => onEdit(edit.removeFilter(e, i))}><FilterWords f={f} /></Chip>
            )}
          </span>
        ))}
        {is('where', null) ? <FilterEditor {...shared} filter={null} onDone={(f) => done(edit.addFilter(e, f))} onRemove={close} /> : <AddChip label="Add a + filter /" onClick={() => open('where')}>+ filter <kbd>/</kbd></AddChip>}
        {e.calculated.length === 0 && !is('field', null) && <AddChip label="calculated field: add one" onClick={() => open('field')}>calculated field</AddChip>}
      </div>
      <div className="part">
        <span className="lab">Order</span>
        {is('order', 0) ? (
          <OrderEditor explore={e} onDone={(o) => done({ ...e, orders: [o] })} onRemove={() => done({ ...e, orders: [] })} onClose={close} />
        ) : order && (e.by.length > 0 || e.orders.length > 0) ? (
          <Chip label="order" onEdit={() => open('order', 0)} onRemove={() => onEdit({ ...e, orders: [] })}><OrderWords o={order} /></Chip>
        ) : (
          <AddChip label="order: choose it" onClick={() => open('order', 0)}>order</AddChip>
        )}
        {is('limit', 0) ? <LimitEditor limit={e.limit} onDone={(limit) => done({ ...e, limit })} onClose={close} /> : <AddChip label={`limit ${exact(e.limit)}, change it`} used={e.limit !== LIMIT_DEFAULT} onClick={() => open('limit', 0)}>limit {exact(e.limit)}</AddChip>}
        {e.havings.map((h, i) =>
          is('having', i) ? (
            <HavingEditor key={i} explore={e} having={h} onDone={(next) => done({ ...e, havings: e.havings.map((o, k) => (k === i ? next : o)) })} onRemove={() => done({ ...e, havings: e.havings.filter((_, k) => k !== i) })} onClose={close} />
          ) : (
            <Chip key={writeHaving(h)} label={`having ${writeHaving(h)}`} onEdit={() => open('having', i)} onRemove={() => onEdit({ ...e, havings: e.havings.filter((_, k) => k !== i) })}><HavingWords h={h} /></Chip>
          ),
        )}
        {is('having', null) ? <HavingEditor explore={e} having={null} onDone={(h) => done({ ...e, havings: [...e.havings, h] })} onRemove={close} onClose={close} /> : <AddChip label="having: add a condition on groups" onClick={() => open('having')}>having</AddChip>}
      </div>
      {(e.calculated.length > 0 || editing?.part === 'field') && (
        <div className="part made-part">
          <span className="lab">Fields</span>
          {e.calculated.map((m, i) => is('field', i) ? fieldEditor(i) : <Chip key={`field ${m.name}`} label={`calculated field ${m.name}`} bad={m.name === fault} onEdit={() => open('field', i)} onRemove={() => onEdit(edit.removeCalculated(e, i))}><MadeWords made={m} /></Chip>)}
          {is('field', null) ? fieldEditor(null) : <AddChip label="Add a calculated field" onClick={() => open('field')}>+</AddChip>}
        </div>
      )}
      <div className="go">{go}</div>
    </section>
  );
}
