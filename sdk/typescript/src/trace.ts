/** Trace ids: W3C `traceparent` in and out, and which traces are kept. Knows nothing of events. */

import { randomFillSync } from "node:crypto";

import { STATE_CHARACTERS_MAX } from "./limits.js";

const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const BITS = 56n;
const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);

/** The unit of another process that ours belong to. */
export class Remote {
  constructor(
    readonly traceId: string,
    readonly spanId: string,
    readonly kept: boolean,
    readonly state: string | undefined,
  ) {}
}

// Random bytes for many ids at once: a call for each would cost more than the unit.
const pool = Buffer.alloc(4096);
let used = pool.length;

function hex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString("hex", used - bytes, used);
}

export function newTraceId(): string {
  return hex(16);
}

export function newSpanId(): string {
  return hex(8);
}

/** Whether a trace is one of the `1 / rate` that are kept: the same in every service with the same rate. */
export function isKept(traceId: string, rate: number): boolean {
  if (rate <= 1) return true;
  return BigInt(`0x${traceId.slice(-14)}`) >= (1n << BITS) - (1n << BITS) / BigInt(rate);
}

/** The remote parent that a `traceparent` names, or null if it names none. */
export function parse(header: unknown, tracestate?: unknown): Remote | null {
  const found = typeof header === "string" ? PARENT.exec(header.trim()) : null;
  if (!found) return null;
  const [, version, traceId = NO_TRACE, spanId = NO_SPAN, flags = "00", more] = found;
  if (version === "ff" || (version === "00" && more !== undefined)) return null;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return null;
  return new Remote(traceId, spanId, (Number.parseInt(flags, 16) & 1) === 1, state(tracestate));
}

/** What others said of the trace, as it goes on to whoever is called; undefined for what cannot stand in a header. */
function state(header: unknown): string | undefined {
  if (typeof header !== "string") return undefined;
  let said = header.replaceAll("\t", " ").replace(/^ +| +$/g, "");
  if (!/^[ -~]*$/.test(said)) return undefined;
  if (said.length > STATE_CHARACTERS_MAX) said = said.slice(0, Math.max(0, said.lastIndexOf(",", STATE_CHARACTERS_MAX)));
  return said || undefined;
}

export function format(traceId: string, spanId: string, kept: boolean): string {
  return `00-${traceId}-${spanId}-${kept ? "01" : "00"}`;
}
