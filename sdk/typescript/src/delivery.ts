/** One request to the store, and what its answer means. Knows nothing of queues or of what events say. */

import http from "node:http";
import https from "node:https";

import { ANSWER_BYTES_MAX, BACKOFF_SECONDS_MIN, RETRY_AFTER_SECONDS_MAX } from "./limits.js";

/** What became of a request. */
export type Verdict =
  | { kind: "delivered"; accepted: number; rejected: number }
  | { kind: "split" | "refused"; why: string }
  | { kind: "again"; waitSeconds?: number | undefined; maybeStored: boolean; stale?: boolean; why: string };

/** Where and how events go. */
export interface Target {
  url: string;
  dataset: string;
  key: string | undefined;
}

/** A connection to the store that is kept open. */
export class Door {
  readonly #target: Target;
  readonly #agent: http.Agent | https.Agent;
  readonly #isSecure: boolean;

  constructor(target: Target) {
    this.#target = target;
    this.#isSecure = target.url.startsWith("https:");
    this.#agent = new (this.#isSecure ? https : http).Agent({ keepAlive: true, maxSockets: 1 });
  }

  /** Sends a body once; a second time only if the connection that was kept open had gone. */
  async post(batchId: string, body: Buffer, seconds: number): Promise<Verdict> {
    const verdict = await this.#post(batchId, body, seconds);
    if (verdict.kind !== "again" || !verdict.stale) return verdict;
    const again = await this.#post(batchId, body, seconds);
    return again.kind === "again" ? { ...again, maybeStored: true } : again;
  }

  #post(batchId: string, body: Buffer, seconds: number): Promise<Verdict> {
    return new Promise((resolve) => {
      let isConnected = false;
      const fail = (why: string, stale: boolean): void => resolve({ kind: "again", maybeStored: isConnected, stale, why });
      try {
        const request = (this.#isSecure ? https : http).request(this.#url(), this.#options(batchId, body));
        const timer = setTimeout(() => {
          fail(`no answer within ${seconds} s`, false);
          request.destroy();
        }, seconds * 1_000);
        timer.unref();
        request.on("socket", (socket) => {
          // The program may end whenever it wants to; who waits for us at its end keeps it alive for that.
          socket.unref();
          if (socket.connecting) socket.once("connect", () => (isConnected = true));
          else isConnected = true;
        });
        request.on("error", (error) => fail(error.message, request.reusedSocket));
        request.on("close", () => clearTimeout(timer));
        request.on("response", (response) => collect(response, resolve, fail));
        request.end(body);
      } catch (error) {
        fail(String(error), false);
      }
    });
  }

  #url(): URL {
    const url = new URL(this.#target.url.includes("://") ? this.#target.url : `http://${this.#target.url}`);
    url.pathname = `${url.pathname.replace(/\/+$/, "")}/api/v1/events/${encodeURIComponent(this.#target.dataset)}`;
    return url;
  }

  #options(batchId: string, body: Buffer): http.RequestOptions {
    const headers: http.OutgoingHttpHeaders = {
      "Content-Type": "application/x-ndjson",
      "Content-Encoding": "gzip",
      "Content-Length": body.length,
      "User-Agent": "outcrop-typescript",
      "X-Outcrop-Batch-Id": batchId,
    };
    if (this.#target.key) headers["Authorization"] = `Bearer ${this.#target.key}`;
    return { method: "POST", agent: this.#agent, headers };
  }

  close(): void {
    this.#agent.destroy();
  }
}

function collect(response: http.IncomingMessage, resolve: (verdict: Verdict) => void, fail: (why: string, stale: boolean) => void): void {
  const parts: Buffer[] = [];
  let bytes = 0;
  response.on("data", (part: Buffer) => {
    bytes += part.length;
    parts.push(part);
    if (bytes > ANSWER_BYTES_MAX) {
      response.destroy(new Error("an answer without end"));
    }
  });
  response.on("error", (error) => fail(error.message, false));
  response.on("aborted", () => fail("the answer broke off", false));
  response.on("end", () => resolve(judge(response.statusCode ?? 0, response.headers["retry-after"], Buffer.concat(parts).toString())));
}

/** What an answer means. */
export function judge(status: number, retryAfter: string | undefined, text: string): Verdict {
  if (status === 200) return stored(text);
  const why = `${status} ${message(text)}`;
  if (status === 413) return { kind: "split", why };
  if (status === 408 || status === 429 || status >= 500) {
    // A gateway that gave up waiting does not know what the store did.
    return { kind: "again", waitSeconds: seconds(retryAfter), maybeStored: [408, 500, 502, 504].includes(status), why };
  }
  return { kind: "refused", why };
}

function stored(text: string): Verdict {
  const answer = parsed(text) as { accepted?: unknown; rejected_total?: unknown } | undefined;
  if (typeof answer?.accepted === "number" && typeof answer.rejected_total === "number") {
    return { kind: "delivered", accepted: answer.accepted, rejected: answer.rejected_total };
  }
  return { kind: "again", maybeStored: true, why: "an answer that is none of Outcrop's" };
}

function message(text: string): string {
  const answer = parsed(text) as { error?: { message?: unknown } } | undefined;
  return typeof answer?.error?.message === "string" ? answer.error.message.slice(0, 300) : "";
}

function parsed(text: string): unknown {
  try {
    return (JSON.parse(text) as unknown) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Seconds that a server asks to wait, also by a date; undefined if it leaves that to us. */
function seconds(retryAfter: string | undefined): number | undefined {
  if (retryAfter === undefined) return undefined;
  const said = /^\s*\d+(\.\d+)?\s*$/.test(retryAfter) ? Number(retryAfter) : (Date.parse(retryAfter) - Date.now()) / 1_000;
  // Less is no wait: a server that says 0 for ever would be asked without a pause.
  return said >= BACKOFF_SECONDS_MIN ? Math.min(said, RETRY_AFTER_SECONDS_MAX) : undefined;
}
