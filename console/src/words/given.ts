// What an expression gives for some events, in a handful of words: the values with how often, or the span of many numbers. Pure.
import { counted, decimal } from './numbers';
import { cut, valueText, type Value } from './values';

export type Given = { lead: string; values: { text: string; times: number | null }[] };
const SHOWN = 8;
const VALUE_MOST = 40;

/** `whole` says that it is one number over everything, as a formula's is. */
export function givenWords(values: Value[], whole = false): Given {
  if (values.length === 0) return { lead: '', values: [] };
  const times = new Map<Value, number>();
  for (const v of values) times.set(v, (times.get(v) ?? 0) + 1);
  const numbers = values.filter((v): v is number => typeof v === 'number').sort((a, b) => a - b);
  if (whole) return { lead: 'Over the whole range', values: [{ text: shown(values[0]!), times: null }] };
  const lead = `The newest ${counted(values.length, 'event')} would have`;
  if (numbers.length > 0 && times.size > SHOWN && numbers.length >= values.length - (times.get(null) ?? 0)) {
    const [low, middle, high] = [numbers[0]!, numbers[Math.floor(numbers.length / 2)]!, numbers.at(-1)!].map(decimal);
    const absent = times.get(null) ?? 0;
    return { lead, values: [{ text: `${low} to ${high}`, times: null }, { text: `median ${middle}`, times: null }, ...(absent > 0 ? [{ text: 'no value', times: absent }] : [])] };
  }
  const all = [...times].sort((a, b) => b[1] - a[1]);
  const rest = all.slice(SHOWN).reduce((sum, [, n]) => sum + n, 0);
  return { lead, values: [...all.slice(0, SHOWN).map(([v, n]) => ({ text: shown(v), times: n })), ...(rest > 0 ? [{ text: `${all.length - SHOWN} other values`, times: rest }] : [])] };
}

const shown = (v: Value) => (typeof v === 'number' ? decimal(v) : cut(valueText(v), VALUE_MOST));
