// Which requests to send events were refused, and what to do about it, from the counters of the server. Pure; it reads the
// text of /metrics.
import { counted } from './numbers';

export type Refused = { route: string; status: number; requests: number };

const LINE = /^outcrop_http_requests_total\{route="([^"]+)",status="(\d{3})"\} (\d+)$/gm;
const REJECTED = /^outcrop_ingest_rejected_events_total (\d+)$/m;
const TAKES_EVENTS = /^\/(api\/v1\/events\/\{dataset\}|v1\/(logs|metrics|traces)\/?|1\/(events|batch|kinesis_events)\/\{dataset\}|(\{index\}\/)?_bulk|loki\/api\/v1\/push)$/;

/** The most frequent first. */
export function refusedIn(metrics: string): Refused[] {
  const all = [...metrics.matchAll(LINE)].map(([, route, status, requests]): Refused => ({ route: route!, status: Number(status), requests: Number(requests) }));
  return all.filter((r) => r.status >= 400 && r.requests > 0 && TAKES_EVENTS.test(r.route)).sort((a, b) => b.requests - a.requests);
}

/** Events refused one by one, in requests that were taken. */
export const rejectedIn = (metrics: string): number => Number(REJECTED.exec(metrics)?.[1] ?? 0);

const WHY: Record<number, string> = {
  400: 'What was sent could not be read. The answer says at which byte and why.',
  401: 'They had no key that may send, or one that was revoked.',
  403: 'Their key may not send to that dataset.',
  404: 'There is nothing at that address.',
  405: 'Events are sent with POST.',
  413: 'They were larger than a request may be: send less at once.',
  415: 'The content type or compression is none that is understood here.',
  422: 'What was sent cannot be stored. The answer says why.',
  429: 'More came at once than could be taken. Whoever sent them should try again.',
  503: 'Events could not be taken just then. Settings say how this Outcrop is.',
  507: 'The disk is full.',
};

export function refusedWords(r: Refused): { lead: string; why: string } {
  return { lead: `${counted(r.requests, 'request')} ${r.requests === 1 ? 'was' : 'were'} refused`, why: WHY[r.status] ?? (r.status >= 500 ? 'Something failed here. The server’s log says what.' : 'The answer says why.') };
}
