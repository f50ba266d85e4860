// Keys of this Outcrop as React state: listing, making and revoking. It must not know how anything looks, and never keeps
// the text of a key: that is in the answer that made it, and nowhere else.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ask, call, getMetrics } from './client';
import type { ApiError } from './errors';
import type { CreatedKey, Grant, KeyInfo, Readiness } from './types';

const KEYS = ['keys'];
const LOOK_AGAIN_MS = 10_000;
const COUNT_AGAIN_MS = 2000;

export const useKeyList = (enabled: boolean) => useQuery<KeyInfo[], ApiError>({ queryKey: KEYS, queryFn: ({ signal }) => call<{ items: KeyInfo[] }>('/api/v1/keys', { signal }).then((a) => a.items), enabled });

export function useCreateKey() {
  const client = useQueryClient();
  return useMutation<CreatedKey, ApiError, { name: string; scopes: Grant[] }>({
    mutationFn: (body) => call('/api/v1/keys', { body }),
    gcTime: 0,
    onSuccess: () => client.invalidateQueries({ queryKey: KEYS }),
  });
}

/** Revokes a key as it is now: somebody who changed it in between is not overruled but asked again. */
export function useRevokeKey() {
  const client = useQueryClient();
  return useMutation<void, ApiError, string>({
    mutationFn: async (id) => {
      const seen = await ask('/api/v1/keys/{id}', { parts: { id } });
      await ask('/api/v1/keys/{id}', { method: 'DELETE', parts: { id }, ifMatch: seen.headers.get('etag') ?? undefined });
    },
    onSettled: () => client.invalidateQueries({ queryKey: KEYS }),
  });
}

/** How this Outcrop is; it answers while it is not ready too. */
export const useReadiness = () => useQuery<Readiness, ApiError>({ queryKey: ['readiness'], queryFn: ({ signal }) => call<Readiness>('/readyz', { signal }), refetchInterval: LOOK_AGAIN_MS });
/** The server's counters; looked at often, by whoever waits for something to arrive. */
export const useMetrics = () => useQuery<string, ApiError>({ queryKey: ['metrics'], queryFn: ({ signal }) => getMetrics(signal), refetchInterval: COUNT_AGAIN_MS, retry: false });
export const useVersion = () => useQuery<{ version: string }, ApiError>({ queryKey: ['version'], queryFn: ({ signal }) => call<{ version: string }>('/api/v1/version', { signal }), staleTime: Infinity });
