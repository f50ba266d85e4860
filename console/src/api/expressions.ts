// Whether an expression can be calculated, as React state: it is tried on the newest events of the range, a moment after the
// last key, so that the server says what is wrong and where, and what it gives can be seen. Tries are no part of the history.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useDebouncedValue } from '@mantine/hooks';
import { columnsOf, positionOf } from '../state/expression';
import type { Made } from '../state/explore';
import type { Times } from '../state/spec';
import type { Value } from '../words/values';
import { postRows } from './client';
import { ApiError } from './errors';

export type Fault = { message: string; /** The character at fault, from 1; null where it is about the name or the whole. */ position: number | null };
/** `values` are what the tried events have. */
export type Checked = { fault: Fault } | { values: Value[] };

const PAUSE_MS = 180;
const EVENTS_TRIED = 100;
const UNNAMED = 'unnamed';
/** The editor says which one is meant, and shows where. */
const WHERE = /^(?:calculated field|formula) ".*?", character \d+: /s;

function faultOf(error: ApiError, made: Made): Fault {
  const { field, position, similar, name } = error.details;
  if (error.code === 'unknown_field' && field) return { message: `There is no field ${field}.${similar?.[0] ? ` The closest is ${similar[0]}.` : ''}`, position: positionOf(made.expression, field) };
  const own = name === made.name && typeof position === 'number';
  return { message: own ? error.message.replace(WHERE, '') : error.message, position: own ? position : null };
}

async function tried(dataset: string, fields: Made[], made: Made, when: Times, limit: number, signal: AbortSignal): Promise<Checked> {
  try {
    const answer = await postRows(dataset, { calculated_fields: [...fields, made], columns: [made.name], ...when, order: 'descending', limit }, signal);
    return { values: answer.rows.map((row) => row[0] ?? null) };
  } catch (reason) {
    if (!(reason instanceof ApiError) || reason.passing) throw reason;
    return { fault: faultOf(reason, made) };
  }
}

type Trying = { dataset: string; when: Times; name: string; expression: string };
export type Check = { checked: Checked | null; /** It is about the text as it stands. */ current: boolean; error: ApiError | null };

function useTried(kind: 'field' | 'formula', t: Trying, fields: Made[], limit: number, local: Fault | null): Check {
  const made = { name: t.name.trim() || UNNAMED, expression: t.expression };
  const [asked] = useDebouncedValue(JSON.stringify(made), PAUSE_MS);
  const empty = t.expression.trim() === '';
  const query = useQuery<Checked, ApiError>({
    queryKey: ['expression', kind, t.dataset, asked, JSON.stringify(fields), t.when.start_time, t.when.end_time],
    queryFn: ({ signal }) => tried(t.dataset, fields, JSON.parse(asked) as Made, t.when, limit, signal),
    enabled: !empty && local === null && t.dataset !== '',
    staleTime: Infinity,
    retry: false,
    placeholderData: keepPreviousData,
  });
  if (local) return { checked: { fault: local }, current: true, error: null };
  const current = asked === JSON.stringify(made) && !query.isPlaceholderData && (query.isSuccess || query.isError);
  return { checked: empty ? null : (query.data ?? null), current, error: query.error };
}

/** `others` are the calculated fields it may name. */
export const useCheckedField = (t: Trying, others: Made[]) => useTried('field', t, others, EVENTS_TRIED, null);

/** A formula has numbers in the place of fields: those of the whole range, where they are known. */
export function useCheckedFormula(t: Trying, others: Made[], numbers: Record<string, number | null>): Check {
  const names = [...Object.keys(numbers), ...others.map((f) => f.name)];
  const columns = columnsOf(t.expression);
  const unknown = columns.find((name) => !names.includes(name));
  const local = unknown === undefined ? null : { message: `There is no calculation ${unknown}. ${names.length === 1 ? 'There is' : 'There are'} ${names.join(', ') || 'none'}.`, position: positionOf(t.expression, unknown) };
  const values = Object.entries(numbers).map(([name, value]) => ({ name, expression: String(value ?? 1) }));
  const check = useTried('formula', t, [...values, ...others], 1, local);
  const whole = columns.every((name) => typeof numbers[name] === 'number');
  return whole || !check.checked || 'fault' in check.checked ? check : { ...check, checked: { values: [] } };
}
