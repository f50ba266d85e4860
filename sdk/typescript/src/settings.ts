/** What the program says, and what the environment says where it says nothing. */

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";

import * as limits from "./limits.js";
import { type Plain, name, plain } from "./values.js";

export const VERSION = "0.1.0";

export type Fields = Record<string, unknown>;

/** Settings of `init`; docs/intent.md says what each means. */
export interface Settings {
  url?: string;
  key?: string;
  dataset?: string;
  version?: string;
  environment?: string;
  /** Further fields of every event. */
  fields?: Fields;
  sampleRate?: number;
  /** Is given each event's fields and returns what may leave; nothing drops the event. */
  redact?: (fields: Fields) => Fields | null | undefined;
  queueEventsMax?: number;
  queueBytesMax?: number;
  batchEventsMax?: number;
  batchBytesMax?: number;
  flushSeconds?: number;
  requestSecondsMax?: number;
  exitSecondsMax?: number;
}

export interface Parts {
  url: string;
  key: string | undefined;
  dataset: string;
  sampleRate: number;
  redact: Settings["redact"];
  constants: Record<string, Plain>;
  queueEventsMax: number;
  queueBytesMax: number;
  batchEventsMax: number;
  batchBytesMax: number;
  flushSeconds: number;
  requestSecondsMax: number;
  exitSecondsMax: number;
}

/** What the program needs, of what was said. */
export function read(service: string, said: Settings): Parts {
  const environment = process.env;
  return {
    url: said.url ?? (environment["OUTCROP_URL"] || "http://127.0.0.1:4318"),
    key: said.key ?? (environment["OUTCROP_KEY"] || undefined),
    dataset: datasetName(said.dataset ?? (environment["OUTCROP_DATASET"] || service)),
    sampleRate: Math.max(1, Math.trunc(said.sampleRate ?? 1) || 1),
    redact: said.redact,
    constants: constants(service, said),
    queueEventsMax: said.queueEventsMax ?? limits.QUEUE_EVENTS_MAX,
    queueBytesMax: said.queueBytesMax ?? limits.QUEUE_BYTES_MAX,
    batchEventsMax: said.batchEventsMax ?? limits.BATCH_EVENTS_MAX,
    batchBytesMax: said.batchBytesMax ?? limits.BATCH_BYTES_MAX,
    flushSeconds: said.flushSeconds ?? limits.FLUSH_SECONDS,
    requestSecondsMax: said.requestSecondsMax ?? limits.REQUEST_SECONDS_MAX,
    exitSecondsMax: said.exitSecondsMax ?? limits.EXIT_SECONDS_MAX,
  };
}

export function isDisabled(): boolean {
  return ["1", "true"].includes((process.env["OUTCROP_DISABLED"] ?? "").toLowerCase());
}

/** The name as the store takes it. */
function datasetName(said: string): string {
  return said.replace(/[,*/\\]/g, "-").trim() || "unknown_service";
}

/** The fields of every event of this process. */
function constants(service: string, said: Settings): Record<string, Plain> {
  const fields: Fields = {
    "service.name": service,
    "service.version": said.version ?? (process.env["OUTCROP_SERVICE_VERSION"] || undefined),
    "service.instance.id": randomUUID(),
    "deployment.environment.name": said.environment ?? (process.env["OUTCROP_ENVIRONMENT"] || undefined),
    "host.name": hostname(),
    "process.pid": process.pid,
    "telemetry.sdk.name": "outcrop",
    "telemetry.sdk.language": "typescript",
    "telemetry.sdk.version": VERSION,
    ...said.fields,
  };
  const kept: Record<string, Plain> = {};
  for (const [said, value] of Object.entries(fields)) {
    const right = plain(value);
    if (right !== undefined) kept[name(said)] = right;
  }
  return kept;
}
