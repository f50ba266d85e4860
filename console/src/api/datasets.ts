// Datasets as React state: the fields of one, its settings, dropping it, deleting events of it, and the tasks that do so.
// Every change names the settings as they were seen, so that nobody who changed them in between is overruled.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { rolesNamed, rolesOf, type Roles as TraceRoles } from '../state/roles';
import { ask, call } from './client';
import type { ApiError } from './errors';
import type { DatasetChange, DatasetSettings, DeletionAnswer, DeletionSpec, FieldInfo, FieldList, Roles, RolesInfo, TaskInfo } from './types';

const PATH = '/api/v1/datasets/{dataset}';
const MINUTE = 60_000;
const WATCH_MS = 500;
const LOOK_AGAIN_MS = 5000;

export const useFieldList = (dataset: string) => useQuery<FieldList, ApiError>({ queryKey: ['field-list', dataset], queryFn: ({ signal }) => call<FieldList>('/api/v1/fields/{dataset}', { parts: { dataset }, signal }), staleTime: MINUTE });

type Seen = { settings: DatasetSettings; etag: string };

export const useDatasetSettings = (dataset: string) =>
  useQuery<Seen, ApiError>({
    queryKey: ['dataset', dataset],
    queryFn: async ({ signal }) => {
      const response = await ask(PATH, { parts: { dataset }, signal });
      return { settings: (await response.json()) as DatasetSettings, etag: response.headers.get('etag') ?? '' };
    },
  });

export function useChangeDataset(dataset: string) {
  const client = useQueryClient();
  return useMutation<DatasetSettings, ApiError, { change: DatasetChange; etag: string }>({
    mutationFn: ({ change, etag }) => call<DatasetSettings>(PATH, { method: 'PATCH', parts: { dataset }, body: change, ifMatch: etag }),
    onSettled: (now) => {
      // Nothing is asked of a name that is none any more.
      void client.invalidateQueries({ queryKey: ['dataset'], refetchType: now && now.name !== dataset ? 'none' : 'active' });
      void client.invalidateQueries({ queryKey: ['datasets'] });
    },
  });
}

export function useDropDataset(dataset: string) {
  const client = useQueryClient();
  return useMutation<void, ApiError, string>({
    mutationFn: (etag) => call<void>(PATH, { method: 'DELETE', parts: { dataset }, ifMatch: etag }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['datasets'] });
      // Nothing that was read of it is true any more, and nothing is asked of it again.
      client.removeQueries({ predicate: (q) => q.queryKey[1] === dataset && !q.isActive() });
    },
  });
}

export function useDeleteEvents(dataset: string) {
  const client = useQueryClient();
  return useMutation<DeletionAnswer, ApiError, DeletionSpec>({
    mutationFn: (body) => call<DeletionAnswer>('/api/v1/events/{dataset}', { method: 'DELETE', parts: { dataset }, body }),
    onSuccess: (answer) => (answer.task ? client.invalidateQueries({ queryKey: ['tasks'] }) : undefined),
  });
}

const under = (task: TaskInfo) => task.state === 'waiting' || task.state === 'running';

/** The tasks that are known, the youngest first; looked at often while one is under way. */
export const useTasks = (enabled: boolean) =>
  useQuery<TaskInfo[], ApiError>({ queryKey: ['tasks'], queryFn: ({ signal }) => call<{ items: TaskInfo[] }>('/api/v1/tasks', { signal }).then((a) => a.items), enabled, refetchInterval: (q) => (q.state.data?.some(under) ? WATCH_MS : LOOK_AGAIN_MS) });

export function useCancelTask() {
  const client = useQueryClient();
  return useMutation<void, ApiError, string>({ mutationFn: async (id) => void (await ask('/api/v1/tasks/{id}', { method: 'DELETE', parts: { id } })), onSettled: () => client.invalidateQueries({ queryKey: ['tasks'] }) });
}

const ROLES = '/api/v1/datasets/{dataset}/roles';

/** Which fields of a dataset make traces, and the tag under which they were seen. */
export const useRoles = (dataset: string) =>
  useQuery<{ info: RolesInfo; etag: string }, ApiError>({
    queryKey: ['roles', dataset],
    queryFn: async ({ signal }) => {
      const response = await ask(ROLES, { parts: { dataset }, signal });
      return { info: (await response.json()) as RolesInfo, etag: response.headers.get('etag') ?? '' };
    },
    enabled: dataset !== '',
    staleTime: MINUTE,
  });

/** The fields that make traces in a dataset; until the server has named them, the usual ones among its fields. */
export function useTraceRoles(dataset: string, fields: FieldInfo[]): TraceRoles | null {
  const named = useRoles(dataset).data?.info.roles;
  return useMemo(() => (named ? rolesNamed(named) : rolesOf(fields)), [named, fields]);
}

export function useChangeRoles(dataset: string) {
  const client = useQueryClient();
  return useMutation<RolesInfo, ApiError, { roles: Roles; etag: string }>({
    mutationFn: ({ roles, etag }) => call<RolesInfo>(ROLES, { method: 'PUT', parts: { dataset }, body: roles, ifMatch: etag }),
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ['roles', dataset] });
      void client.invalidateQueries({ queryKey: ['trace'] });
    },
  });
}
