// The server's answers as React state, by TanStack Query: one hook for each question a page asks. Answers of one question
// are kept, so that Back shows them at once. It must not know how anything looks.
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { deleteSession, getDatasets, getFields, getSession, getValues, postCompare, postQuery, postRows, postSession } from './client';
import type { ApiError } from './errors';
import { setKeyNeeded } from './session';
import type { CompareAnswer, CompareSpec, FieldInfo, FieldValue, QueryAnswer, QuerySpec, RowsAnswer, RowsSpec, SessionInfo } from './types';
import type { Made } from '../state/explore';
import type { Times } from '../state/spec';

const MINUTE = 60_000;

export const useDatasets = (poll: number | false) => useQuery<Awaited<ReturnType<typeof getDatasets>>, ApiError>({ queryKey: ['datasets'], queryFn: ({ signal }) => getDatasets(signal), refetchInterval: poll, staleTime: 10_000 });

export const useFields = (dataset: string) => useQuery<FieldInfo[], ApiError>({ queryKey: ['fields', dataset], queryFn: ({ signal }) => getFields(dataset, signal), enabled: dataset !== '', staleTime: MINUTE, refetchInterval: MINUTE });

/** The fields that a query calculates, and when. */
export type Calculating = { fields: Made[]; when: Times };

/** What a calculated field gives is stored nowhere: it is counted. */
async function countValues(dataset: string, field: string, calculated: Calculating, prefix: string, limit: number, signal: AbortSignal): Promise<FieldValue[]> {
  const answer = await postQuery(dataset, { calculated_fields: calculated.fields, ...calculated.when, breakdowns: [field], filters: prefix ? [{ column: field, op: 'starts-with', value: prefix }] : [], limit, disable_series: true, disable_total_by_aggregate: true, disable_other_by_aggregate: true }, signal);
  return answer.rows.map(([value, events]) => ({ value: value ?? null, events: Number(events) }));
}

/** `calculated` is given for a field that is among those of the query. */
export const useValues = (dataset: string, field: string, prefix: string, limit: number, enabled: boolean, calculated?: Calculating) =>
  useQuery({ queryKey: ['values', dataset, field, prefix, limit, calculated ? JSON.stringify(calculated) : ''], queryFn: ({ signal }) => (calculated ? countValues(dataset, field, calculated, prefix, limit, signal) : getValues(dataset, field, prefix, limit, signal)), enabled: enabled && dataset !== '' && field !== '', staleTime: MINUTE, placeholderData: keepPreviousData });

/** Who is signed in; nobody is while the server needs no key. */
export const useSession = () => useQuery<SessionInfo, ApiError>({ queryKey: ['session'], queryFn: ({ signal }) => getSession(signal), staleTime: Infinity });

/** Signs in; everything that was refused is asked again. */
export function useSignIn() {
  const client = useQueryClient();
  return useMutation<SessionInfo, ApiError, string>({
    mutationFn: postSession,
    onSuccess: (session) => {
      client.clear();
      client.setQueryData(['session'], session);
      setKeyNeeded(false);
    },
  });
}

/** Signs out; nothing that was read stays. */
export function useSignOut() {
  const client = useQueryClient();
  return useMutation<void, ApiError>({
    mutationFn: deleteSession,
    onSuccess: () => {
      client.clear();
      setKeyNeeded(true);
    },
  });
}

/** One run of the page's question: `question` names it, `at` is the moment of the run. A new moment is a new run. */
export type Run = { dataset: string; question: string; at: number };

export function useAnswer(run: Run, spec: QuerySpec | null) {
  return useQuery<QueryAnswer, ApiError>({
    queryKey: ['query', run.dataset, run.question, run.at],
    queryFn: ({ signal }) => postQuery(run.dataset, spec!, signal),
    enabled: spec !== null && run.dataset !== '',
    staleTime: Infinity,
    gcTime: 10 * MINUTE,
  });
}

export function useRows(run: Run, spec: ((cursor: string | null) => RowsSpec) | null) {
  return useInfiniteQuery<RowsAnswer, ApiError, { pages: RowsAnswer[] }, readonly unknown[], string | null>({
    queryKey: ['rows', run.dataset, run.question, run.at],
    queryFn: ({ signal, pageParam }) => postRows(run.dataset, spec!(pageParam), signal),
    initialPageParam: null,
    getNextPageParam: (page) => page.cursor ?? undefined,
    placeholderData: (before, query) => (query?.queryKey[1] === run.dataset ? before : undefined),
    enabled: spec !== null && run.dataset !== '',
    staleTime: Infinity,
    gcTime: 10 * MINUTE,
  });
}

/** Forgets earlier runs of the same question, so that a page left live does not keep an answer for every step. */
export function useForgetEarlier() {
  const client = useQueryClient();
  return (run: Run) => {
    for (const kind of ['query', 'rows']) client.removeQueries({ queryKey: [kind, run.dataset, run.question], predicate: (q) => Number(q.queryKey[3]) < run.at });
  };
}

/** Ends what is under way for a page; the connection closes and the server stops reading. */
export function useCancel() {
  const client = useQueryClient();
  return () => {
    void client.cancelQueries({ queryKey: ['query'] });
    void client.cancelQueries({ queryKey: ['rows'] });
  };
}

/** A compare so far: the newest answer, and how far the exact one is. */
export type Compared = { answer: CompareAnswer | null; done: number; total: number };
const NOTHING_YET: Compared = { answer: null, done: 0, total: 0 };

/** What is different, first from a sample, then exact. `stop` ends it and keeps what is there; `again` asks once more. */
export function useCompare(dataset: string, spec: CompareSpec) {
  const client = useQueryClient();
  const question = JSON.stringify(spec);
  const query = useQuery<Compared, ApiError>({
    queryKey: ['compare', dataset, question],
    queryFn: async ({ signal, queryKey }) => {
      // What was there stays until there is better: going on is not beginning anew.
      let so: Compared = { ...NOTHING_YET, answer: client.getQueryData<Compared>(queryKey)?.answer ?? null };
      await postCompare(dataset, spec, (told) => {
        so = 'fields' in told ? { ...so, answer: told } : { ...so, ...told };
        // What came late of a question that was left must not be kept as its answer.
        if (!signal.aborted) client.setQueryData(queryKey, so);
      }, signal);
      return so;
    },
    // What was left before it was exact goes on when somebody comes back.
    staleTime: (q) => (q.state.data?.answer?.exact ? Infinity : 0),
    gcTime: 10 * MINUTE,
  });
  const stop = useCallback(() => void client.cancelQueries({ queryKey: ['compare', dataset, question] }), [client, dataset, question]);
  const { refetch } = query;
  const again = useCallback(() => void refetch(), [refetch]);
  return { told: query.data ?? NOTHING_YET, error: query.error, running: query.isFetching, stop, again };
}
