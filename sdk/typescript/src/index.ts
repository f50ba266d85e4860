/**
 * Outcrop: declare what your code is meant to do, and see whether it does.
 *
 * In reading order: `intent` declares, `unit` is one piece of work, `failure` how it failed, `values` what it may note,
 * `trace` its place among others, `event` what it becomes, `sender`, `delivery` and `exit` bring it to the store, `register`
 * knows what is declared, `program` begins and ends, `settings`, `limits` and `place` say how, how much and where.
 */

export { type Intent, type IntentOptions, intent, runIntent } from "./intent.js";
export { flush, init, shutdown, stats } from "./program.js";
export type { Reason, Stats } from "./sender.js";
export { type Fields, type Settings, VERSION } from "./settings.js";
export { type TraceHeaders, type Unit, continueTrace, current, expect, note, traceparent, tracestate } from "./unit.js";
