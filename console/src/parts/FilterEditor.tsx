// Editing one filter in its chip: field, then operator, then value; or the whole of it typed at once (retry_count >= 3).
// It hands back a finished filter and must not know the page.
import { useState } from 'react';
import { useValues } from '../api/hooks';
import type { FieldInfo, FieldValue } from '../api/types';
import { FILTER_OPS, takesList, takesNoValue, type Filter, type Scalar } from '../state/explore';
import { rank } from '../state/complete';
import { ANY_FIELD } from '../state/found';
import { readFilter, readList, readScalar, writeFilter } from '../state/grammar';
import { count } from '../words/numbers';
import { valueText } from '../words/values';
import { Completion, type Option } from './Completion';
import { FieldPreview } from './FieldPreview';
import { fieldOptions, isNumber, isText, mostEvents, type KnownField } from './fieldOptions';

type Props = { dataset: string; fields: KnownField[]; filter: Filter | null; onDone: (filter: Filter) => void; onRemove: () => void; onClose: () => void };
type Stage = 'field' | 'op' | 'value';
const HINTS: Record<string, string> = { '=': 'is', '!=': 'is not', in: 'one of', 'not-in': 'none of', matches: 'regular expression', exists: 'has a value', 'does-not-exist': 'has no value' };
const TYPED = 'typed:';
/** What can be asked of all text fields at once. */
const ANY_OPS = ['contains', '=', 'matches'];

const startText = (f: Filter | null) => (f?.value === undefined ? '' : Array.isArray(f.value) ? f.value.map(String).join(', ') : String(f.value));

/** A number typed for a field of text means the text; quotes make text of anything. */
function typedScalar(text: string, field: FieldInfo | undefined): Scalar {
  const value = readScalar(text);
  return typeof value !== 'string' && isText(field) && !isNumber(field) && !field?.types.boolean ? text.trim() : value;
}

export function FilterEditor({ dataset, fields, filter, onDone, onRemove, onClose }: Props) {
  const [column, setColumn] = useState(filter?.column ?? '');
  const [op, setOp] = useState(filter?.op ?? '');
  const [stage, setStage] = useState<Stage>(filter ? (takesNoValue(filter.op) ? 'op' : 'value') : 'field');
  const [text, setText] = useState(startText(filter));
  const field: KnownField | undefined = fields.find((f) => f.name === column);
  const listed = takesList(op);
  const prefix = listed ? (text.split(',').pop() ?? '').trim() : text;
  const values = useValues(dataset, column, prefix, 20, stage === 'value' && column !== ANY_FIELD, field?.calculated);

  const step = (next: Stage) => {
    setStage(next);
    setText('');
  };
  const done = (value: Scalar | Scalar[]) => onDone({ column, op, value });
  const applyTyped = () => text.trim() !== '' && done(listed ? readList(text) : typedScalar(text, field));

  const pick = (option: Option, how: 'enter' | 'tab' | 'click') => {
    if (option.id.startsWith(TYPED)) {
      if (stage === 'value') return applyTyped();
      const whole = readFilter(text);
      return whole && onDone(whole);
    }
    if (stage === 'field') {
      setColumn(option.id);
      return step('op');
    }
    if (stage === 'op') {
      setOp(option.id);
      return takesNoValue(option.id) ? onDone({ column, op: option.id }) : step('value');
    }
    const value = JSON.parse(option.id) as Scalar;
    if (!listed) return done(value);
    const chosen = [...readList(text).slice(0, text.includes(',') || text.trim() === '' ? -1 : 0), value];
    if (how === 'click' || how === 'tab') return setText(`${chosen.map(String).join(', ')}, `);
    return done(text.trim() === '' ? [value] : readList(text));
  };
  const back = () => {
    if (stage === 'value') step('op');
    else if (stage === 'op') {
      step('field');
      setText(column);
    } else onRemove();
  };
  const options = stage === 'field' ? wholeFirst(text, [...fieldOptions(fields, text), ...anyField(text)]) : stage === 'op' ? opOptions(text, field, column === ANY_FIELD) : valueOptions(text, prefix, listed, op, values.data ?? []);
  return (
    <Completion
      label={stage === 'field' ? 'Field to filter by' : stage === 'op' ? `How to compare ${column === ANY_FIELD ? 'any field' : column}` : `Value of ${column === ANY_FIELD ? 'any field' : column}`}
      stage={stage}
      lead={stage === 'field' ? null : <><bdi>{column === ANY_FIELD ? 'any field' : column}</bdi>{stage === 'value' && <span className="op">{op}</span>}</>}
      text={text}
      onText={setText}
      options={options}
      onPick={pick}
      onEnter={stage === 'value' ? applyTyped : undefined}
      onBack={back}
      onClose={onClose}
      nothing={stage === 'value' ? (values.isFetching ? 'Reading values.' : 'Type a value.') : stage === 'field' ? 'No field of this name.' : undefined}
      preview={stage === 'op' ? undefined : (option) => <FieldPreview dataset={dataset} field={stage === 'field' ? (fields.find((f) => f.name === option?.id) ?? null) : (field ?? null)} most={mostEvents(fields)} onValue={(f, value) => value !== null && onDone({ column: f.name, op: stage === 'value' && !listed ? op : '=', value })} />}
      foot={filter && <button type="button" className="text-button" onClick={onRemove}>Remove</button>}
    />
  );
}

/** When what is typed is already a whole filter, it is the first offer. */
function wholeFirst(text: string, offers: Option[]): Option[] {
  const whole = readFilter(text);
  return whole ? [{ id: TYPED, text: writeFilter(whole), hint: 'this filter' }, ...offers] : offers;
}

const anyField = (text: string): Option[] => (text === '' || 'any field'.startsWith(text.toLowerCase()) || text === ANY_FIELD ? [{ id: ANY_FIELD, text: 'any field', hint: 'search all', plain: true }] : []);

function opOptions(text: string, field: FieldInfo | undefined, any: boolean): Option[] {
  const order = any ? ANY_OPS : isNumber(field) && !isText(field) ? ['=', '>=', '>', '<=', '<', '!=', 'exists', 'does-not-exist', 'in', 'not-in'] : FILTER_OPS;
  return rank(order, text, (o) => o, (o) => -order.indexOf(o)).map(({ item, from, to }) => ({ id: item, text: item, mark: [from, to], hint: HINTS[item] ?? '' }));
}

/** `prefix` is what the values were asked for; until the server has answered, the list before is narrowed here. */
function valueOptions(text: string, prefix: string, listed: boolean, op: string, values: FieldValue[]): Option[] {
  const known = values.filter((v) => v.value !== null && String(v.value).toLowerCase().includes(prefix.toLowerCase())).map((v) => ({ id: JSON.stringify(v.value), text: valueText(v.value as Scalar), right: count(v.events) }));
  const exact = known.findIndex((k) => k.text === text.trim());
  if (text.trim() === '' || (exact >= 0 && !listed)) return exact > 0 ? [known[exact]!, ...known.filter((_, i) => i !== exact)] : known;
  return [{ id: TYPED, text: `${op} ${text}`, hint: 'as typed' }, ...known];
}
