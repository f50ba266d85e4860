// Intents as the server found them, as React state.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { call } from './client';
import type { ApiError } from './errors';
import type { IntentItem } from './types';
import { lineOf, type Line } from '../state/intents';
import type { Span } from '../state/different';

const asked = (dataset: string, span: Span) => new URLSearchParams({ dataset, start: new Date(span.from).toISOString(), end: new Date(span.to).toISOString() }).toString();

export function useIntents(dataset: string, span: Span) {
  return useQuery<Line[], ApiError>({
    queryKey: ['intents', dataset, span.from, span.to],
    queryFn: ({ signal }) => call<{ items: IntentItem[] }>('/api/v1/intents', { query: asked(dataset, span), signal }).then((a) => a.items.map(lineOf)),
    enabled: dataset !== '',
    staleTime: Infinity,
    placeholderData: (earlier, from) => (from?.queryKey[1] === dataset ? earlier : undefined),
  });
}

/** Which expectations of one intent fail, how often. */
export const useUnmet = (dataset: string, name: string, span: Span) =>
  useQuery<{ name: string; events: number }[], ApiError>({
    queryKey: ['unmet', dataset, name, span.from, span.to],
    queryFn: ({ signal }) => call<{ unmet: { expectation: string; events: number }[] }>('/api/v1/intents/{name}', { parts: { name }, query: asked(dataset, span), signal }).then((a) => a.unmet.map((u) => ({ name: u.expectation, events: u.events })).sort((a, b) => b.events - a.events)),
    staleTime: Infinity,
    placeholderData: keepPreviousData,
    retry: false,
  });
