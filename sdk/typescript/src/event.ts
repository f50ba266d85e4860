/** Events: what docs/intent.md says of a unit of work, of a declared intent and of dropped events, as JSON. */

import { type Intent, expectations } from "./intent.js";
import { CLOCK_MILLISECONDS_MAX } from "./limits.js";
import type { Unit } from "./unit.js";
import { type Plain, wellFormed } from "./values.js";

/** Fields that the SDK writes only sometimes: what the code notes under these names goes. */
const SOMETIMES = [
  "intent.unmet",
  "intent.unchecked",
  "intent.owner",
  "trace.parent_id",
  "error.type",
  "exception.message",
  "exception.stacktrace",
  "telemetry.fields_dropped",
  "code.function.name",
];

// What to add to the monotonic clock for the time of day.
let offset = Date.now() - performance.now();

/** The time of an instant of the monotonic clock, in milliseconds with decimals. */
function timeOf(instant: number): number {
  const now = Date.now() - performance.now();
  if (Math.abs(now - offset) > CLOCK_MILLISECONDS_MAX) offset = now;
  return Math.round((offset + instant) * 1_000) / 1_000;
}

/** An object's members as JSON, without its brackets. */
export function members(fields: Record<string, Plain | undefined>): string {
  return JSON.stringify(fields).slice(1, -1);
}

/** A unit of work. The store takes the last of repeated names: notes go over the constants, and ours over both. */
export function ofUnit(unit: Unit, fields: Record<string, Plain>, constants: string): string {
  for (const name of SOMETIMES) if (Object.hasOwn(fields, name)) delete fields[name];
  const { intent } = unit;
  intent.json ??= members(declaration(intent));
  const noted = unit.fieldsCount > 0 ? members(fields) : "";
  const json = `{${constants}${noted === "" ? "" : `,${noted}`},${intent.json},"name":${JSON.stringify(intent.name)},"timestamp":${timeOf(
    unit.began,
  )},"duration_ms":${Math.round(unit.milliseconds * 1e6) / 1e6},"sample_rate":${unit.rate},"trace.trace_id":"${unit.traceId}","trace.span_id":"${
    unit.spanId
  }"${unit.parentId === undefined ? "" : `,"trace.parent_id":"${unit.parentId}"`},"intent.met":${unit.unmet.length === 0},"error":${
    unit.failure !== undefined
  }${rest(unit)}}`;
  return wellFormed(json);
}

/** What few units have. */
function rest(unit: Unit): string {
  if (unit.unmet.length === 0 && !unit.checked && unit.fieldsLeftOut === 0) return "";
  const { failure, checked } = unit;
  const unchecked = checked && unit.intent.expects.filter((name) => !checked.has(name)).join("; ");
  const json = members({
    "intent.unmet": unit.unmet.join("; ") || undefined,
    "intent.unchecked": unchecked || undefined,
    "telemetry.fields_dropped": unit.fieldsLeftOut || undefined,
    "error.type": failure?.kind,
    "exception.message": failure?.message || undefined,
    "exception.stacktrace": failure?.stack || undefined,
  });
  return json === "" ? "" : `,${json}`;
}

function declaration(intent: Intent): Record<string, Plain | undefined> {
  return {
    "intent.name": intent.name,
    "intent.text": intent.text,
    "intent.owner": intent.owner,
    "code.function.name": intent.functionName,
    "code.file.path": intent.file,
    "code.line.number": intent.line,
  };
}

/** A declared intent, exercised or not. */
export function ofIntent(intent: Intent, milliseconds: number, constants: string): string {
  const fields = {
    ...declaration(intent),
    name: "intent.declared",
    timestamp: milliseconds,
    sample_rate: 1,
    "intent.declared": true,
    "intent.expectations": expectations(intent).join("; "),
  };
  return wellFormed(`{${constants},${members(fields)}}`);
}

/** Events that never arrived. */
export function ofDropped(count: number, reason: string, constants: string): string {
  const fields = { name: "events.dropped", timestamp: Date.now(), sample_rate: 1, "dropped.events": count, "dropped.reason": reason };
  return `{${constants},${members(fields)}}`;
}
