// What people make and keep, as React state: boards, saved queries, markers, rules of redaction, and what was asked before. Changes name the
// revision that their maker has seen, so that nobody overwrites what another changed meanwhile. It must not know how
// anything looks.
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ask, call, type Path } from './client';
import { ApiError } from './errors';
import type { QuerySpec } from './types';
import type { Rule } from '../words/redaction';
import { fromWire, toWire, type Board, type StoredQuery, type WireBoard } from '../state/boards';

type Made<T> = T & { id: string; created: string; changed: string; creator: string };
type List<T> = { items: T[]; cursor?: string | null };
export type BoardInfo = Made<WireBoard>;
export type SavedQuery = Made<{ name: string; description?: string; dataset: string; spec: StoredQuery & Pick<QuerySpec, 'start_time' | 'end_time' | 'time_range'>; view?: string | null }>;
export type NewQuery = { name: string; description: string; dataset: string; spec: SavedQuery['spec']; view: string | null };
export type NewMarker = { time: string; end: string | null; dataset: string | null; text: string; kind: string | null; url: string | null };
export type Marker = Made<Omit<NewMarker, 'end' | 'dataset' | 'kind' | 'url'> & Partial<Pick<NewMarker, 'end' | 'dataset' | 'kind' | 'url'>> & { color?: string | null }>;
export type Asked = { id: string; time: string; times: number; dataset: string; spec: SavedQuery['spec']; who?: { id: string; name: string } | null; duration_ms: number; refused?: string | null };

const PAGE = 500;
const KINDS = { boards: '/api/v1/boards', queries: '/api/v1/queries', markers: '/api/v1/markers', redactions: '/api/v1/redactions', history: '/api/v1/history' } as const;
type Kind = keyof typeof KINDS;
const all = (kind: Kind): Path => KINDS[kind];
const each = (kind: Exclude<Kind, 'history'>): Path => `${KINDS[kind]}/{id}`;

function useList<T>(kind: Kind, options: Record<string, string>, staleTime = 10_000, enabled = true) {
  const query = new URLSearchParams({ ...options, limit: String(PAGE) }).toString();
  return useQuery<T[], ApiError>({ queryKey: [kind, query], queryFn: ({ signal }) => call<List<T>>(all(kind), { query, signal }).then((a) => a.items), staleTime, enabled, placeholderData: keepPreviousData });
}

/** Makes a thing, or changes the one of an id. */
function useKeep<Body, T>(kind: Exclude<Kind, 'history'>) {
  const client = useQueryClient();
  return useMutation<T, ApiError, { body: Body; id?: string; etag?: string }>({
    mutationFn: ({ body, id, etag }) => (id === undefined ? call<T>(all(kind), { body }) : call<T>(each(kind), { method: 'PUT', parts: { id }, body, ifMatch: etag })),
    onSuccess: () => client.invalidateQueries({ queryKey: [kind] }),
  });
}

/** Deletes a thing as it is now. */
function useDelete(kind: Exclude<Kind, 'history'>) {
  const client = useQueryClient();
  return useMutation<void, ApiError, string>({
    mutationFn: async (id) => {
      const seen = await ask(each(kind), { parts: { id } });
      await ask(each(kind), { method: 'DELETE', parts: { id }, ifMatch: seen.headers.get('etag') ?? undefined });
    },
    onSettled: () => client.invalidateQueries({ queryKey: [kind] }),
  });
}

export const useBoards = (enabled = true) => useList<BoardInfo>('boards', {}, 10_000, enabled);
export const useDeleteBoard = () => useDelete('boards');

export type SeenBoard = { board: Board; etag: string; changed: string };
/** One board with the revision that was seen. */
export function useBoard(id: string) {
  return useQuery<SeenBoard, ApiError>({
    queryKey: ['boards', 'one', id],
    queryFn: async ({ signal }) => {
      const response = await ask(each('boards'), { parts: { id }, signal });
      const made = (await response.json()) as BoardInfo;
      const board = fromWire(made);
      if (typeof board === 'string') throw new ApiError(422, 'unreadable_board', board);
      return { board, etag: response.headers.get('etag') ?? '', changed: made.changed };
    },
    staleTime: 10_000,
  });
}

export function useKeepBoard() {
  const keep = useKeep<WireBoard, BoardInfo>('boards');
  return { ...keep, keep: (board: Board, seen?: { id: string; etag: string }) => keep.mutateAsync({ body: toWire(board), ...seen }) };
}

export const useQueries = (sought: string) => useList<SavedQuery>('queries', sought ? { q: sought } : {});
export const useKeepQuery = () => useKeep<NewQuery, SavedQuery>('queries');
export const useDeleteQuery = () => useDelete('queries');

export const useMarkers = (dataset: string, from: number, to: number) => useList<Marker>('markers', { dataset, start: new Date(from).toISOString(), end: new Date(to).toISOString() }, 5000);
export const useKeepMarker = () => useKeep<NewMarker, Marker>('markers');
export const useDeleteMarker = () => useDelete('markers');

export type MadeRule = Made<Rule>;
export const useRules = () => useList<MadeRule>('redactions', {});
export const useKeepRule = () => useKeep<Rule, MadeRule>('redactions');
export const useDeleteRule = () => useDelete('redactions');

/** The revision of a rule that somebody begins to change, as it was listed. */
export function useRuleTag(of: MadeRule | null) {
  return useQuery<string, ApiError>({
    queryKey: ['redactions', 'tag', of?.id, of?.changed],
    queryFn: async ({ signal }) => {
      const seen = await ask(each('redactions'), { parts: { id: of!.id }, signal });
      if (((await seen.json()) as MadeRule).changed !== of!.changed) throw new ApiError(412, 'changed', 'This is not the rule that was listed.');
      return seen.headers.get('etag') ?? '';
    },
    enabled: of !== null,
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
  });
}

/** Whether this Outcrop can hash: it refuses to look for a hashed value where it has no secret. That says nothing while there
    is no rule. */
export function useHashes(enabled: boolean) {
  return useQuery<boolean, ApiError>({
    queryKey: ['hashes'],
    queryFn: async ({ signal }) => {
      try {
        await call('/api/v1/rows/{dataset}', { parts: { dataset: '*' }, body: { filters: [{ column: 'meta.redacted', op: '=', value: 'any', hashed: true }], columns: [], time_range: 1, limit: 1 }, signal });
        return true;
      } catch (reason) {
        if (reason instanceof ApiError && reason.code === 'cannot_hash') return false;
        throw reason;
      }
    },
    enabled,
    staleTime: 60_000,
    retry: false,
  });
}

export const useHistory = (dataset: string, sought: string, enabled: boolean) => useList<Asked>('history', { dataset, ...(sought ? { q: sought } : {}) }, 1000, enabled);
