// What a search box offers for what is typed: the trace of an id, a filter that is already whole, fields by name, and the values in which the
// text was found. Pure; it knows fields and rows, not how they are asked for.
import type { FieldInfo, RowsAnswer } from '../api/types';
import type { Value } from '../words/values';
import { rank } from './complete';
import { canNarrow, addFilter, groupBy, onlyThis } from './edit';
import type { Explore, Filter } from './explore';
import { readFilter } from './grammar';
import { traceIdIn } from './looking';

/** The column that means some text field of the event. */
export const ANY_FIELD = '*';
export const anywhere = (text: string): Filter => ({ column: ANY_FIELD, op: 'contains', value: text });

export type FoundValue = { column: string; value: string; events: number };
const VALUES_SHOWN = 8;
const FIELDS_SHOWN = 8;

/** The values that hold a text, in raw events that a search over all fields gave back: the most frequent first. */
export function valuesWith(answer: RowsAnswer, text: string): FoundValue[] {
  const found = new Map<string, FoundValue>();
  answer.columns.forEach((column, at) => {
    for (const row of answer.rows) {
      const value: Value = row[at] ?? null;
      if (typeof value !== 'string' || column.name === 'timestamp' || !value.includes(text)) continue;
      const id = JSON.stringify([column.name, value]);
      const before = found.get(id);
      if (before) before.events += 1;
      else found.set(id, { column: column.name, value, events: 1 });
    }
  });
  return [...found.values()].sort((a, b) => b.events - a.events || a.value.length - b.value.length).slice(0, VALUES_SHOWN);
}

export type Offer =
  | { kind: 'trace'; trace: string }
  | { kind: 'anywhere'; text: string; next: Explore }
  | { kind: 'filter'; filter: Filter; next: Explore }
  | { kind: 'value'; found: FoundValue; next: Explore }
  | { kind: 'field'; field: FieldInfo; from: number; to: number; next: Explore };

export function offersFor(e: Explore, typed: string, fields: FieldInfo[], values: FoundValue[]): Offer[] {
  const text = typed.trim();
  const narrows = canNarrow(e);
  const trace = traceIdIn(text);
  const offers: Offer[] = [];
  const whole = text === '' ? null : readFilter(text);
  const known = whole && (whole.column === ANY_FIELD || fields.some((f) => f.name === whole.column));
  if (whole && known && narrows) offers.push({ kind: 'filter', filter: whole, next: addFilter({ ...e, combine: 'AND' }, whole) });
  const named = rank(fields, text, (f) => f.name, (f) => f.events).slice(0, FIELDS_SHOWN).map(({ item, from, to }): Offer => ({ kind: 'field', field: item, from, to, next: groupBy(e, item.name) }));
  if (text !== '' && narrows) {
    for (const found of values) offers.push({ kind: 'value', found, next: onlyThis(e, found.column, found.value) });
    offers.push({ kind: 'anywhere', text, next: addFilter({ ...e, combine: 'AND' }, anywhere(text)) });
  }
  // A name that begins as typed is most often what was meant; a text that is only found in names comes after values.
  const begins = named.filter((o) => o.kind === 'field' && o.from === 0 && text !== '');
  const first: Offer[] = trace ? [{ kind: 'trace', trace }] : [];
  return text === '' ? named : [...first, ...offers.filter((o) => o.kind === 'filter'), ...begins, ...offers.filter((o) => o.kind !== 'filter'), ...named.filter((o) => !begins.includes(o))];
}
