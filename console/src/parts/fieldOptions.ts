// Fields as options of a completion. Pure: ranking is state/complete, words are words/values.
import type { FieldInfo } from '../api/types';
import { rank } from '../state/complete';
import { share } from '../words/numbers';
import { typeWords } from '../words/values';
import type { Option } from './Completion';

const SHOWN = 60;

/** The most events any field has: the whole that a field's presence is a share of. */
export const mostEvents = (fields: FieldInfo[]) => fields.reduce((most, f) => Math.max(most, f.events), 0);

export function fieldOptions(fields: FieldInfo[], typed: string): Option[] {
  const most = mostEvents(fields);
  return rank(fields, typed, (f) => f.name, (f) => f.events)
    .slice(0, SHOWN)
    .map(({ item, from, to }) => ({ id: item.name, text: item.name, mark: [from, to], hint: typeWords(item.types), right: most ? share(item.events / most) : '' }));
}

export const isNumber = (f: FieldInfo | undefined) => f !== undefined && (f.types.integer ?? 0) + (f.types.float ?? 0) > 0;
export const isText = (f: FieldInfo | undefined) => f !== undefined && (f.types.string ?? 0) > 0;
