// The query, as chips on two lines: Show and Where on the left, Group by and Order on the right, Run at the end.
// Editing one chip at a time; a finished edit is a new page, and the page runs it.
import { useState, type ReactNode } from 'react';
import type { FieldInfo } from '../api/types';
import * as edit from '../state/edit';
import { effectiveOrder } from '../state/spec';
import { calculationName, LIMIT_DEFAULT, type Explore } from '../state/explore';
import { writeFilter, writeHaving } from '../state/grammar';
import { exact } from '../words/numbers';
import { CalculationEditor } from './CalculationEditor';
import { AddChip, CalculationWords, Chip, FilterWords, HavingWords, OrderWords } from './Chip';
import { FilterEditor } from './FilterEditor';
import { GroupEditor } from './GroupEditor';
import { HavingEditor, LimitEditor, OrderEditor } from './SmallEditors';

export type Editing = { part: 'show' | 'where' | 'by' | 'order' | 'limit' | 'having'; at: number | null } | null;

type Props = {
  explore: Explore;
  fields: FieldInfo[];
  /** The field an error is about; chips that name it are outlined. */
  fault: string | null;
  editing: Editing;
  setEditing: (editing: Editing) => void;
  onEdit: (next: Explore) => void;
  go: ReactNode;
};

export function QueryStrip({ explore: e, fields, fault, editing, setEditing, onEdit, go }: Props) {
  const [origin, setOrigin] = useState<HTMLElement | null>(null);
  const open = (part: NonNullable<Editing>['part'], at: number | null = null) => {
    setOrigin(document.activeElement instanceof HTMLElement ? document.activeElement : null);
    setEditing({ part, at });
  };
  const close = () => {
    setEditing(null);
    requestAnimationFrame(() => origin?.isConnected && origin.focus());
  };
  const done = (next: Explore) => {
    close();
    onEdit(next);
  };
  const is = (part: string, at: number | null) => editing?.part === part && editing.at === at;
  const shared = { dataset: e.dataset, fields, onClose: close };
  const order = effectiveOrder(e);
  return (
    <section className="query" aria-label="Query">
      <div className="part">
        <span className="lab">Show</span>
        {e.show.map((c, i) =>
          is('show', i) ? (
            <CalculationEditor key={i} {...shared} calculation={c} onDone={(next) => done(edit.setCalculation(e, i, next))} onRemove={() => done(edit.removeCalculation(e, i))} />
          ) : (
            <Chip key={calculationName(c)} label={calculationName(c)} bad={fault !== null && c.column === fault} onEdit={() => open('show', i)} onRemove={() => onEdit(edit.removeCalculation(e, i))}><CalculationWords c={c} /></Chip>
          ),
        )}
        {is('show', null) ? <CalculationEditor {...shared} calculation={null} onDone={(c) => done(edit.addCalculation(e, c))} onRemove={close} /> : <AddChip label="Add a calculation" onClick={() => open('show')}>+</AddChip>}
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
            <HavingEditor key={i} show={e.show} having={h} onDone={(next) => done({ ...e, havings: e.havings.map((o, k) => (k === i ? next : o)) })} onRemove={() => done({ ...e, havings: e.havings.filter((_, k) => k !== i) })} onClose={close} />
          ) : (
            <Chip key={writeHaving(h)} label={`having ${writeHaving(h)}`} onEdit={() => open('having', i)} onRemove={() => onEdit({ ...e, havings: e.havings.filter((_, k) => k !== i) })}><HavingWords h={h} /></Chip>
          ),
        )}
        {is('having', null) ? <HavingEditor show={e.show} having={null} onDone={(h) => done({ ...e, havings: [...e.havings, h] })} onRemove={close} onClose={close} /> : <AddChip label="having: add a condition on groups" onClick={() => open('having')}>having</AddChip>}
      </div>
      <div className="go">{go}</div>
    </section>
  );
}
