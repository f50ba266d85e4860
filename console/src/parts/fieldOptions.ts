// Fields as options of a completion. Pure: ranking is state/complete, words are words/values.
import type { FieldInfo } from '../api/types';
import { rank } from '../state/complete';
import { share } from '../words/numbers';
import { typeWords } from '../words/values';
import type { Calculating } from '../api/hooks';
import type { Option } from './Completion';

/** A field that was sent, or one that the query calculates. */
export type KnownField = FieldInfo & { calculated?: Calculating };

/** The fields of a dataset with those that a query calculates, which come before sent ones of their names. */
export function withCalculated(fields: FieldInfo[], calculated: Calculating): KnownField[] {
  if (calculated.fields.length === 0) return fields;
  const made = calculated.fields.map(({ name }): KnownField => ({ name, types: { calculated: 1 }, events: mostEvents(fields), distinct_estimate: 0, first_seen: '', last_seen: '', overflow: false, calculated }));
  return [...made, ...fields.filter((f) => !calculated.fields.some((m) => m.name === f.name))];
}

const SHOWN = 60;

/** The most events any field has: the whole that a field's presence is a share of. */
export const mostEvents = (fields: FieldInfo[]) => fields.reduce((most, f) => Math.max(most, f.events), 0);

export function fieldOptions(fields: KnownField[], typed: string): Option[] {
  const most = mostEvents(fields);
  return rank(fields, typed, (f) => f.name, (f) => f.events)
    .slice(0, SHOWN)
    .map(({ item, from, to }) => ({ id: item.name, text: item.name, mark: [from, to], hint: typeWords(item.types), right: most && !item.calculated ? share(item.events / most) : '' }));
}

export const isNumber = (f: FieldInfo | undefined) => f !== undefined && (f.types.integer ?? 0) + (f.types.float ?? 0) + (f.types.calculated ?? 0) > 0;
export const isText = (f: FieldInfo | undefined) => f !== undefined && (f.types.string ?? 0) + (f.types.calculated ?? 0) > 0;
