// The one fetch of the console, and a function for each route it uses. A request ends when its signal aborts, which
// closes the connection and so cancels the query on the server. It must not know React.
import { ApiError, readError } from './errors';
import { setKeyNeeded } from './session';
import type { paths } from './schema.gen';
import type { DatasetInfo, FieldInfo, FieldValue, QueryAnswer, QuerySpec, RowsAnswer, RowsSpec, SessionInfo } from './types';

type Path = keyof paths;
/** Milliseconds the server's clock is ahead of this one; small differences are the second's rounding. */
let clockAhead = 0;

/** The present by the server's clock, so that "the last 2 hours" means its hours on a machine with a wrong clock. */
export const serverNow = () => Date.now() + clockAhead;

function fill(path: Path, parts: Record<string, string>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parts[name] ?? ''));
}

async function call<T>(path: Path, options: { method?: 'DELETE'; parts?: Record<string, string>; query?: string; body?: unknown; signal?: AbortSignal } = {}): Promise<T> {
  const url = fill(path, options.parts ?? {}) + (options.query ? `?${options.query}` : '');
  let response: Response;
  try {
    response = await fetch(url, {
      method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
      headers: options.body === undefined ? { accept: 'application/json' } : { accept: 'application/json', 'content-type': 'application/json' },
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
      credentials: 'same-origin',
    });
  } catch (reason) {
    if (options.signal?.aborted) throw reason;
    throw new ApiError(0, 'unreachable', 'Outcrop does not answer.');
  }
  const date = Date.parse(response.headers.get('date') ?? '');
  if (!Number.isNaN(date)) clockAhead = Math.abs(date - Date.now()) > 2000 ? date - Date.now() : 0;
  if (response.status === 401) setKeyNeeded(true);
  if (!response.ok) throw readError(response.status, await response.text(), response.headers.get('retry-after'));
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export const getSession = (signal?: AbortSignal) => call<SessionInfo>('/api/v1/session', { signal });

export const postSession = (key: string) => call<SessionInfo>('/api/v1/session', { body: { key } });

export const deleteSession = () => call<void>('/api/v1/session', { method: 'DELETE' });

export const getDatasets = (signal?: AbortSignal) => call<{ datasets: DatasetInfo[] }>('/api/v1/datasets', { signal }).then((a) => a.datasets);

export const getFields = (dataset: string, signal?: AbortSignal) => call<{ fields: FieldInfo[] }>('/api/v1/fields/{dataset}', { parts: { dataset }, signal }).then((a) => a.fields);

export function getValues(dataset: string, field: string, prefix: string, limit: number, signal?: AbortSignal) {
  const query = new URLSearchParams({ ...(prefix ? { prefix } : {}), limit: String(limit) }).toString();
  return call<{ values: FieldValue[] }>('/api/v1/values/{dataset}/{field}', { parts: { dataset, field }, query, signal }).then((a) => a.values);
}

/** A field nobody has sent is an error with the nearest names, not a column of nothing: most often it is a slip. */
const STRICT = 'strict=true';

export const postQuery = (dataset: string, body: QuerySpec, signal?: AbortSignal) => call<QueryAnswer>('/api/v1/query/{dataset}', { parts: { dataset }, query: STRICT, body, signal });

export const postRows = (dataset: string, body: RowsSpec, signal?: AbortSignal) => call<RowsAnswer>('/api/v1/rows/{dataset}', { parts: { dataset }, query: STRICT, body, signal });
