/**
 * A unit of work: what it is meant to do, what was noted and expected below it, how it ended.
 *
 * 1. `begin` makes a child of the current unit; whoever calls runs the work within it.
 * 2. `note` and `expect` find it from anywhere below.
 * 3. `finish` closes it, writes its event and hands that to the sender.
 *
 * Nothing here throws into the program or waits. Knows nothing of sending.
 */

import { AsyncLocalStorage } from "node:async_hooks";

import { Failure } from "./failure.js";
import type { Intent } from "./intent.js";
import { FIELDS_MAX } from "./limits.js";
import type { Sender } from "./sender.js";
import * as trace from "./trace.js";
import { type Plain, name as fieldName, plain } from "./values.js";
import type { Fields } from "./settings.js";

const storage = new AsyncLocalStorage<Unit | trace.Remote | null>();

// The sender of this process, once `init` has made one.
let sender: Sender | undefined;

export function setSender(active: Sender | undefined): void {
  sender = active;
}

/** One unit of work, from its beginning until it is handed over. */
export class Unit {
  readonly spanId = trace.newSpanId();
  readonly traceId: string;
  readonly parentId: string | undefined;
  readonly state: string | undefined;
  readonly kept: boolean;
  rate: number;
  readonly began: number = performance.now();
  milliseconds = 0;
  fields: Record<string, Plain> | undefined = {};
  fieldsCount = 0;
  fieldsLeftOut = 0;
  readonly unmet: string[] = [];
  readonly checked: Set<string> | undefined;
  failure: Failure | undefined;

  constructor(
    readonly intent: Intent,
    readonly target: Sender,
  ) {
    const above = storage.getStore();
    this.traceId = above ? above.traceId : trace.newTraceId();
    this.parentId = above ? above.spanId : undefined;
    this.state = above ? above.state : undefined;
    this.rate = intent.sampleRate ?? target.sampleRate;
    this.kept = trace.isKept(this.traceId, this.rate);
    this.checked = intent.expects.length > 0 ? new Set() : undefined;
  }

  /** Adds fields to this unit's event; null and undefined remove one. */
  note(fields: Fields): void {
    const kept = this.fields;
    if (!kept) return sender?.count("notesOutside");
    try {
      for (const said in fields) {
        if (Object.hasOwn(fields, said)) this.#set(kept, fieldName(said), plain(fields[said]));
      }
    } catch {
      sender?.count("internalErrors");
    }
  }

  #set(kept: Record<string, Plain>, name: string, value: Plain | undefined): void {
    const known = Object.hasOwn(kept, name);
    if (value === undefined) {
      if (known) {
        delete kept[name];
        this.fieldsCount -= 1;
      }
    } else if (known) {
      kept[name] = value;
    } else if (this.fieldsCount >= FIELDS_MAX) {
      this.fieldsLeftOut += 1;
    } else {
      this.fieldsCount += 1;
      if (name === "__proto__") Object.defineProperty(kept, name, { value, enumerable: true, writable: true, configurable: true });
      else kept[name] = value;
    }
  }

  /** Says what must hold. Returns whether it does. */
  expect(name: string, condition: unknown): boolean {
    const holds = Boolean(condition);
    if (!this.fields) {
      sender?.count("notesOutside");
      return holds;
    }
    const known = expectation(name);
    this.checked?.add(known);
    if (!holds && !this.unmet.includes(known)) this.unmet.push(known);
    return holds;
  }
}

/** The name of an expectation as it can stand in a list. */
export function expectation(name: string): string {
  return String(name).replaceAll(";", ",");
}

/** Begins a unit; undefined where nothing is sent. */
export function begin(intent: Intent): Unit | undefined {
  if (!sender) return undefined;
  try {
    return new Unit(intent, sender);
  } catch {
    sender.count("internalErrors");
    return undefined;
  }
}

/** Runs work with a unit as its current one. */
export function within<R>(unit: Unit, work: () => R): R {
  return storage.run(unit, work);
}

export function returned(unit: Unit, result: unknown): void {
  finish(unit, undefined, result, true);
}

export function failed(unit: Unit, failure: unknown): void {
  finish(unit, failure, undefined, false);
}

function finish(unit: Unit, thrown: unknown, result: unknown, hasResult: boolean): void {
  const fields = unit.fields;
  if (!fields) return;
  unit.milliseconds = performance.now() - unit.began;
  // From here on it takes nothing more: what runs longer than its unit cannot change an event on its way.
  unit.fields = undefined;
  try {
    if (!hasResult) unit.failure = new Failure(thrown);
    judge(unit, result, hasResult);
    if (unit.unmet.length > 0) unit.rate = 1;
    if (unit.unmet.length === 0 && !unit.kept) unit.target.count("sampledOut");
    else unit.target.putUnit(unit, fields);
  } catch {
    unit.target.count("internalErrors");
  }
}

/** Adds what the end says to what was checked on the way. */
function judge(unit: Unit, result: unknown, hasResult: boolean): void {
  const { intent, unmet } = unit;
  if (hasResult && intent.ensures) {
    for (const [name, condition] of intent.ensures) {
      if (!unmet.includes(name) && !holds(condition, result)) unmet.push(name);
    }
  }
  if (intent.withinMilliseconds !== undefined && unit.milliseconds > intent.withinMilliseconds) unmet.push(intent.within);
  if (unit.failure) unmet.push(unit.failure.isCancelled ? "not cancelled" : "no error");
}

function holds(condition: (result: unknown) => unknown, result: unknown): boolean {
  try {
    return Boolean(condition(result));
  } catch {
    return false;
  }
}

/** The nearest unit above, if there is one. */
export function current(): Unit | undefined {
  const above = storage.getStore();
  return above instanceof Unit ? above : undefined;
}

/** Adds fields to the event of the nearest unit above; null and undefined remove one. */
export function note(fields: Fields): void {
  const unit = current();
  if (unit) unit.note(fields);
  else sender?.count("notesOutside");
}

/** Says what must hold in the nearest unit above. Returns whether it does; never throws. */
export function expect(name: string, condition: unknown): boolean {
  const unit = current();
  if (unit) return unit.expect(name, condition);
  sender?.count("notesOutside");
  return Boolean(condition);
}

/** The W3C `traceparent` for a call to another service; undefined outside of any unit. */
export function traceparent(): string | undefined {
  const above = storage.getStore();
  return above ? trace.format(above.traceId, above.spanId, above.kept) : undefined;
}

/** The W3C `tracestate` for a call to another service: what came in; undefined if nothing did. */
export function tracestate(): string | undefined {
  return storage.getStore()?.state;
}

/** Headers of a request that came in, as Node.js has them: `traceparent`, and `tracestate` beside it. */
export type TraceHeaders = Readonly<Record<string, unknown>>;

/** Runs work whose units belong to the trace that a `traceparent` names; to a new one if it names none. */
export function continueTrace<R>(header: string | TraceHeaders | null | undefined, work: () => R): R {
  const headers = typeof header === "object" ? header : { traceparent: header };
  return storage.run(trace.parse(headers?.["traceparent"], headers?.["tracestate"]), work);
}
