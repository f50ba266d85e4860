// The server's answers as React state, by TanStack Query: one hook for each question a page asks. Answers of one question
// are kept, so that Back shows them at once. It must not know how anything looks.
import { CancelledError, keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { deleteSession, getDatasets, getFields, getSession, getValues, postCompare, postQuery, postRows, postSession } from './client';
import type { ApiError } from './errors';
import { setKeyNeeded } from './session';
import type { CompareAnswer, CompareSpec, FieldInfo, QueryAnswer, QuerySpec, RowsAnswer, RowsSpec, SessionInfo } from './types';

const MINUTE = 60_000;

export const useDatasets = (poll: number | false) => useQuery<Awaited<ReturnType<typeof getDatasets>>, ApiError>({ queryKey: ['datasets'], queryFn: ({ signal }) => getDatasets(signal), refetchInterval: poll, staleTime: 10_000 });

export const useFields = (dataset: string) => useQuery<FieldInfo[], ApiError>({ queryKey: ['fields', dataset], queryFn: ({ signal }) => getFields(dataset, signal), enabled: dataset !== '', staleTime: MINUTE, refetchInterval: MINUTE });

export const useValues = (dataset: string, field: string, prefix: string, limit: number, enabled: boolean) =>
  useQuery({ queryKey: ['values', dataset, field, prefix, limit], queryFn: ({ signal }) => getValues(dataset, field, prefix, limit, signal), enabled: enabled && dataset !== '' && field !== '', staleTime: MINUTE, placeholderData: keepPreviousData });

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
      let so = NOTHING_YET;
      await postCompare(dataset, spec, (told) => {
        so = 'fields' in told ? { ...so, answer: told } : { ...so, ...told };
        // What came late of a question that was left must not be kept as its answer.
        if (!signal.aborted) client.setQueryData(queryKey, so);
      }, signal);
      return so;
    },
    staleTime: Infinity,
    gcTime: 10 * MINUTE,
  });
  const stop = useCallback(() => void client.cancelQueries({ queryKey: ['compare', dataset, question] }, { revert: false }), [client, dataset, question]);
  const { refetch } = query;
  const again = useCallback(() => void refetch(), [refetch]);
  return { told: query.data ?? NOTHING_YET, error: query.error instanceof CancelledError ? null : query.error, running: query.isFetching, stop, again };
}
