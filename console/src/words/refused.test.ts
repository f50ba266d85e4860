// Refused requests, from the text of the counters: only those that send events, and each with what to do.
import { expect, it } from 'vitest';
import { refusedIn, refusedWords, rejectedIn } from './refused';

const TEXT = `# TYPE outcrop_http_requests counter
outcrop_http_requests_total{route="/api/v1/events/{dataset}",status="200"} 7
outcrop_http_requests_total{route="/api/v1/events/{dataset}",status="400"} 1
outcrop_http_requests_total{route="/v1/traces",status="401"} 12
outcrop_http_requests_total{route="/{index}/_bulk",status="429"} 2
outcrop_http_requests_total{route="/api/v1/query/{dataset}",status="422"} 9
outcrop_http_requests_total{route="/api/v1/events/{dataset}/{sequence}",status="404"} 3
# TYPE outcrop_ingest_rejected_events counter
outcrop_ingest_rejected_events_total 4
`;

it('are those that sent events, the most frequent first', () => {
  expect(refusedIn(TEXT)).toEqual([{ route: '/v1/traces', status: 401, requests: 12 }, { route: '/{index}/_bulk', status: 429, requests: 2 }, { route: '/api/v1/events/{dataset}', status: 400, requests: 1 }]);
  expect(rejectedIn(TEXT)).toBe(4);
  expect([refusedIn(''), rejectedIn('')]).toEqual([[], 0]);
});

it('say what to do', () => {
  expect(refusedWords({ route: '/v1/traces', status: 401, requests: 12 })).toEqual({ lead: '12 requests were refused', why: 'They had no key that may send, or one that was revoked.' });
  expect(refusedWords({ route: '/v1/logs', status: 418, requests: 1 })).toEqual({ lead: '1 request was refused', why: 'The answer says why.' });
  expect(refusedWords({ route: '/v1/logs', status: 500, requests: 1 }).why).toContain('log');
});
