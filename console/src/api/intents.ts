// The answers that the Intents page is made of, as React state. An intent is plain fields, so they are plain questions.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { call, postQuery } from './client';
import type { ApiError } from './errors';
import type { QueryAnswer, RowsAnswer, RowsSpec } from './types';
import { before, countsSpec, declaredSpec, linesOf, seenSpec, unmetCounts, unmetSpec, type Line } from '../state/intents';
import type { Span } from '../state/different';

// Not strict: a dataset without intents has none of these fields, and that is an answer.
const query = (dataset: string, body: ReturnType<typeof countsSpec>, signal: AbortSignal) => call<QueryAnswer>('/api/v1/query/{dataset}', { parts: { dataset }, body, signal });
const rows = (dataset: string, body: RowsSpec, signal: AbortSignal) => call<RowsAnswer>('/api/v1/rows/{dataset}', { parts: { dataset }, body, signal });

export function useIntents(dataset: string, span: Span) {
  return useQuery<Line[], ApiError>({
    queryKey: ['intents', dataset, span.from, span.to],
    queryFn: async ({ signal }) => {
      const [now, then, seen, declared] = await Promise.all([query(dataset, countsSpec(span, true), signal), query(dataset, countsSpec(before(span), false), signal), query(dataset, seenSpec(span.to), signal), rows(dataset, declaredSpec(span.to), signal)]);
      return linesOf({ now, before: then, seen, declared });
    },
    enabled: dataset !== '',
    staleTime: Infinity,
    placeholderData: (earlier, from) => (from?.queryKey[1] === dataset ? earlier : undefined),
  });
}

/** Which expectations of one intent fail, how often. */
export const useUnmet = (dataset: string, name: string, span: Span) =>
  useQuery({ queryKey: ['unmet', dataset, name, span.from, span.to], queryFn: async ({ signal }) => unmetCounts(await postQuery(dataset, unmetSpec(name, span), signal)), staleTime: Infinity, placeholderData: keepPreviousData, retry: false });
