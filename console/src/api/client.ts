// The one fetch of the console, and a function for each route it uses. A request ends when its signal aborts, which
// closes the connection and so cancels the query on the server. It must not know React.
import { ApiError, readError } from './errors';
import { setKeyNeeded } from './session';
import { eventReader } from './stream';
import type { paths } from './schema.gen';
import type { CompareAnswer, CompareSpec, DatasetInfo, EventAnswer, FieldInfo, FieldValue, QueryAnswer, QuerySpec, RowsAnswer, RowsSpec, SessionInfo, TraceAnswer } from './types';

/** The counters are for machines, and so are in no document of the API. */
export type Path = keyof paths | '/metrics';
/** A compare shows what it has and can be ended, so it may take longer than a query. */
const COMPARE_SECONDS_MAX = 300;

/** Milliseconds the server's clock is ahead of this one; small differences are the second's rounding. */
let clockAhead = 0;

/** The present by the server's clock, so that "the last 2 hours" means its hours on a machine with a wrong clock. */
export const serverNow = () => Date.now() + clockAhead;

function fill(path: Path, parts: Record<string, string>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parts[name] ?? ''));
}

type Asking = { method?: 'DELETE' | 'PUT' | 'PATCH'; parts?: Record<string, string>; query?: string; body?: unknown; accept?: string; ifMatch?: string; signal?: AbortSignal };

export async function ask(path: Path, options: Asking): Promise<Response> {
  const url = fill(path, options.parts ?? {}) + (options.query ? `?${options.query}` : '');
  const accept = options.accept ?? 'application/json';
  let response: Response;
  try {
    response = await fetch(url, {
      method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
      headers: { accept, ...(options.body === undefined ? {} : { 'content-type': 'application/json' }), ...(options.ifMatch ? { 'if-match': options.ifMatch } : {}) },
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
  return response;
}

export async function call<T>(path: Path, options: Asking = {}): Promise<T> {
  const response = await ask(path, options);
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

/** A question as SQL, and in what the statement differs from it. */
export type Explained = { sql: string; sql_differs: string[] };

export const postExplain = (dataset: string, body: QuerySpec, signal?: AbortSignal) => call<{ explain: Explained }>('/api/v1/query/{dataset}', { parts: { dataset }, query: `${STRICT}&explain=true`, body, signal }).then((a) => a.explain);

export const postRows = (dataset: string, body: RowsSpec, signal?: AbortSignal) => call<RowsAnswer>('/api/v1/rows/{dataset}', { parts: { dataset }, query: STRICT, body, signal });

/** What a compare says on its way: how far it is, an answer from a sample, the exact one. */
export type CompareTold = { done: number; total: number } | CompareAnswer;

/** Asks what is different and tells each thing as it arrives; ends after the last. */
export async function postCompare(dataset: string, body: CompareSpec, tell: (told: CompareTold) => void, signal: AbortSignal): Promise<void> {
  const query = `${STRICT}&timeout_seconds=${COMPARE_SECONDS_MAX}`;
  const response = await ask('/api/v1/compare/{dataset}', { parts: { dataset }, query, body, accept: 'text/event-stream', signal });
  await readEvents(response, signal, (name, data) => {
    if (name === 'error') throw readError(200, data, null);
    if (name === 'progress' || name === 'answer') tell(JSON.parse(data) as CompareTold);
  });
}

/** Reads server-sent events until there are no more; what breaks on the way is a server that does not answer. */
async function readEvents(response: Response, signal: AbortSignal, take: (name: string, data: string) => void): Promise<void> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const read = eventReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) for (const event of read(piece.value)) take(event.name, event.data);
  } catch (reason) {
    if (signal.aborted || reason instanceof ApiError) throw reason;
    throw new ApiError(0, 'unreachable', 'Outcrop does not answer.');
  }
}

/** Events as they arrive, each as its JSON, and how many the server left out because this reader was slow. */
export async function getTail(dataset: string, filters: unknown[], after: string | null, tell: { opened: () => void; event: (data: string) => void; dropped: (events: number) => void }, signal: AbortSignal): Promise<void> {
  const query = new URLSearchParams({ ...(filters.length > 0 ? { filters: JSON.stringify(filters) } : {}), ...(after ? { after } : {}) }).toString();
  const response = await ask('/api/v1/tail/{dataset}', { parts: { dataset }, query, accept: 'text/event-stream', signal });
  tell.opened();
  await readEvents(response, signal, (name, data) => {
    if (name === 'error') throw readError(200, data, null);
    if (name === 'message' || name === 'event') tell.event(data);
    const dropped = name === 'comment' ? /^dropped (\d+)/.exec(data) : null;
    if (dropped) tell.dropped(Number(dropped[1]));
  });
}

/** Every span of a trace, wherever its events are. */
export const getTrace = (trace_id: string, signal?: AbortSignal) => call<TraceAnswer>('/api/v1/traces/{trace_id}', { parts: { trace_id }, query: 'dataset=*', signal });

export const getMetrics = (signal?: AbortSignal) => ask('/metrics', { accept: 'text/plain', signal }).then((r) => r.text());

export const getEvent = (dataset: string, sequence: string, signal?: AbortSignal) => call<EventAnswer>('/api/v1/events/{dataset}/{sequence}', { parts: { dataset, sequence }, signal });
