/**
 * The sender: takes events without waiting, and brings them to the store while the program does other things.
 *
 * 1. `putUnit` writes a unit's event and queues it, or counts it as dropped where the queue is full.
 * 2. `#pump`, of which one runs at a time, takes what waits, a batch at a time, and compresses it off the main thread.
 * 3. It sends the batch with an id of its own until the store has answered, and waits between tries as the store asks.
 * 4. `flush` waits for what was queued before it; `close` does too, for as long as the program grants.
 *
 * None of its timers and sockets keeps the program alive; whoever waits for it does.
 */

import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { gzip as gzipWithCallback, gzipSync } from "node:zlib";

import { Door, type Verdict } from "./delivery.js";
import * as event from "./event.js";
import { sendNow } from "./exit.js";
import * as limits from "./limits.js";
import * as register from "./register.js";
import type { Fields, Parts } from "./settings.js";
import type { Unit } from "./unit.js";
import { type Plain, wellFormed } from "./values.js";

const gzip = promisify(gzipWithCallback);

export type Counter = "notesOutside" | "internalErrors" | "sampledOut" | "accepted" | "retries";
export type Reason = "queue full" | "too large" | "refused" | "rejected" | "redaction" | "unconfirmed" | "unreadable" | "exit";

/** Numbers since `init`. */
export interface Stats extends Record<Counter, number> {
  queued: number;
  queuedBytes: number;
  dropped: number;
  droppedByReason: Partial<Record<Reason, number>>;
}

/** A batch that is on its way. */
interface InFlight {
  id: string;
  lines: string[];
  units: number;
}

export class Sender {
  readonly sampleRate: number;
  readonly #parts: Parts;
  readonly #constants: string;
  readonly #door: Door;
  readonly #counters: Record<Counter, number> = { notesOutside: 0, internalErrors: 0, sampledOut: 0, accepted: 0, retries: 0 };
  readonly #dropped = new Map<Reason, number>();
  readonly #reported = new Map<Reason, number>();
  readonly #announced = new Set<string>();
  #announceAfter = 0;
  #queue: string[] = [];
  #queuedBytes = 0;
  #putTotal = 0;
  #doneTotal = 0;
  #inFlight: InFlight | undefined;
  #pumping: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closeAt: number | undefined;
  #isClosed = false;
  #wakeFromRest: (() => void) | undefined;
  #warned = { at: -Infinity, dropped: 0 };
  #lastWhy = "";

  constructor(parts: Parts) {
    this.#parts = parts;
    this.sampleRate = parts.sampleRate;
    this.#constants = event.members(parts.constants);
    this.#door = new Door(parts);
    this.#pumpLater();
  }

  count(counter: Counter): void {
    this.#counters[counter] += 1;
  }

  /** Queues the event of a unit. Never waits. */
  putUnit(unit: Unit, fields: Record<string, Plain>): void {
    let line: string | undefined;
    try {
      line = event.ofUnit(unit, fields, this.#constants);
    } catch {
      return this.#drop("unreadable", 1);
    }
    line = this.#redacted(line, true);
    if (line !== undefined) this.#put(line);
  }

  #put(line: string): void {
    const { queueEventsMax, queueBytesMax, batchEventsMax, batchBytesMax } = this.#parts;
    if (this.#isClosed) return this.#drop("exit", 1);
    if (this.#queue.length >= queueEventsMax || this.#queuedBytes + line.length > queueBytesMax) return this.#drop("queue full", 1);
    this.#queue.push(line);
    this.#queuedBytes += line.length;
    this.#putTotal += 1;
    if (this.#queue.length >= batchEventsMax || this.#queuedBytes >= batchBytesMax) this.#pumpSoon();
    else this.#pumpLater();
  }

  /** The event as the program lets it out; nothing if it does not. */
  #redacted(line: string, isUnit: boolean): string | undefined {
    const { redact } = this.#parts;
    if (!redact) return line;
    try {
      const fields = redact(JSON.parse(line) as Fields);
      return fields ? wellFormed(JSON.stringify(fields)) : undefined;
    } catch {
      if (isUnit) this.#drop("redaction", 1);
      return undefined;
    }
  }

  stats(): Stats {
    return {
      ...this.#counters,
      queued: this.#queue.length,
      queuedBytes: this.#queuedBytes,
      dropped: this.#droppedTotal(),
      droppedByReason: Object.fromEntries(this.#dropped),
    };
  }

  /** What is declared from now on is announced soon. */
  declared(): void {
    this.#pumpLater();
  }

  /** Waits until everything queued so far has arrived or was dropped. False if that takes longer. */
  async flush(seconds: number): Promise<boolean> {
    const target = this.#putTotal;
    const until = performance.now() + seconds * 1_000;
    while (this.#doneTotal < target && !this.#isClosed) {
      const left = until - performance.now();
      if (left <= 0) return false;
      await atMost(left, this.#pump());
    }
    return !this.#isClosed;
  }

  /** Sends what waits, for so many seconds at most, and ends. */
  async close(seconds: number): Promise<void> {
    await this.drain(seconds);
    this.#end();
  }

  /** Sends what waits, for so many seconds at most; what is left then is dropped. */
  async drain(seconds: number): Promise<void> {
    this.#closeAt = performance.now() + seconds * 1_000;
    this.#wakeFromRest?.();
    await atMost(seconds * 1_000, this.#emptied());
    this.#loseTheRest();
    this.#closeAt = undefined;
    this.#warn(true);
  }

  /** Whether anything waits or is on its way. */
  hasWork(): boolean {
    return this.#queue.length > 0 || this.#inFlight !== undefined || this.#unannounced().length > 0;
  }

  /** At the very end, when nothing asynchronous runs any more: another process sends what waits. */
  closeNow(seconds: number): void {
    const batches = this.#inFlight ? [this.#inFlight] : [];
    const declared = this.#unannounced().map(([, line]) => line);
    if (!this.#inFlight && declared.length > 0) batches.push({ id: newBatchId(), lines: declared, units: 0 });
    while (this.#queue.length > 0) {
      const lines = this.#take();
      batches.push({ id: newBatchId(), lines, units: lines.length });
    }
    const { url, dataset, key } = this.#parts;
    const bodies = batches.map(({ id, lines }) => ({ id, body: gzipSync(lines.join("\n"), { level: 1 }).toString("base64") }));
    const delivered = batches.length > 0 ? sendNow({ url, dataset, key }, bodies, seconds) : 0;
    for (const batch of batches.slice(delivered)) this.#settle(batch.units, "exit");
    this.#end();
    this.#warn(true);
  }

  #end(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#door.close();
  }

  #loseTheRest(): void {
    const left = this.#putTotal - this.#doneTotal;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#inFlight = undefined;
    this.#settle(left, "exit");
  }

  #pumpLater(): void {
    if (this.#timer || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#pump();
    }, this.#parts.flushSeconds * 1_000);
    this.#timer.unref();
  }

  #pumpSoon(): void {
    if (!this.#pumping) void this.#pump();
  }

  /** Sends what waits; one pump runs at a time, and whoever comes meanwhile waits for that one. */
  #pump(): Promise<void> {
    this.#pumping ??= this.#pumpAll()
      .catch(() => this.count("internalErrors"))
      .finally(() => {
        this.#pumping = undefined;
        if (this.#queue.length > 0) this.#pumpLater();
      });
    return this.#pumping;
  }

  async #emptied(): Promise<void> {
    while (this.hasWork() && this.#isGranted()) {
      const [declaredBefore, doneBefore] = [this.#announced.size, this.#doneTotal];
      await this.#pump();
      if (this.#queue.length === 0 && this.#announced.size === declaredBefore && this.#doneTotal === doneBefore) return;
    }
  }

  async #pumpAll(): Promise<void> {
    // A step aside: the caller is a unit of work that has yet to return.
    await undefined;
    await this.#announce();
    while (this.#queue.length > 0 && this.#isGranted()) {
      const lines = this.#take();
      await this.#deliver(lines, lines.length);
    }
    this.#warn(false);
  }

  #isGranted(): boolean {
    return this.#closeAt === undefined || performance.now() < this.#closeAt;
  }

  #take(): string[] {
    const { batchEventsMax, batchBytesMax } = this.#parts;
    let [events, bytes] = [0, 0];
    while (events < this.#queue.length && events < batchEventsMax && bytes < batchBytesMax) {
      bytes += this.#queue[events]?.length ?? 0;
      events += 1;
    }
    this.#queuedBytes -= bytes;
    return this.#queue.splice(0, events);
  }

  #unannounced(): [string, string][] {
    if (performance.now() < this.#announceAfter) return [];
    const found: [string, string][] = [];
    for (const [key, { intent, milliseconds }] of register.all()) {
      if (this.#announced.has(key)) continue;
      const line = this.#redacted(event.ofIntent(intent, milliseconds, this.#constants), false);
      if (line === undefined) this.#announced.add(key);
      else found.push([key, line]);
    }
    return found;
  }

  /** Sends what is declared and was not announced yet. */
  async #announce(): Promise<void> {
    const all = this.#unannounced();
    for (let at = 0; at < all.length; at += this.#parts.batchEventsMax) {
      const part = all.slice(at, at + this.#parts.batchEventsMax);
      const lines = part.map(([, line]) => line);
      if (!(await this.#deliver(lines, 0))) {
        this.#announceAfter = performance.now() + limits.WARNING_SECONDS * 1_000;
        return;
      }
      for (const [key] of part) this.#announced.add(key);
    }
  }

  /** Sends a batch until its fate is known. True if it arrived. */
  async #deliver(lines: string[], units: number): Promise<boolean> {
    const reports = units > 0 ? this.#reports() : [];
    const head = reports.map(([reason, count]) => this.#redacted(event.ofDropped(count, reason, this.#constants), false));
    const all = [...head.filter((line) => line !== undefined), ...lines];
    const batch = { id: newBatchId(), lines: all, units };
    this.#inFlight = batch;
    const [verdict, reason] = await this.#untilAnswered(batch);
    // The end of the program has counted it already.
    if (this.#inFlight !== batch) return false;
    this.#inFlight = undefined;
    if (verdict?.kind === "split" && lines.length > 1) {
      const half = Math.ceil(lines.length / 2);
      const first = await this.#deliver(lines.slice(0, half), units && half);
      return (await this.#deliver(lines.slice(half), units && lines.length - half)) && first;
    }
    if (verdict?.kind !== "delivered") {
      this.#settle(units, reason);
      return false;
    }
    for (const [reason, count] of reports) this.#reported.set(reason, (this.#reported.get(reason) ?? 0) + count);
    this.#counters.accepted += verdict.accepted;
    this.#drop("rejected", verdict.rejected);
    this.#settle(units);
    return true;
  }

  /** The verdict on a request, or none if it had none in time, and the reason to drop it if it is none to keep. */
  async #untilAnswered(batch: InFlight): Promise<[Verdict | undefined, Reason]> {
    const body = (await gzip(batch.lines.join("\n"), { level: 1 })) as Buffer;
    let unconfirmedSince = Infinity;
    for (let tries = 0; ; tries += 1) {
      const began = performance.now();
      if (!this.#isGranted()) return [undefined, "exit"];
      const verdict = await this.#door.post(batch.id, body, this.#requestSeconds(began));
      if (verdict.kind !== "delivered") this.#lastWhy = verdict.why;
      if (verdict.kind !== "again") return [verdict, verdict.kind === "split" ? "too large" : "refused"];
      this.count("retries");
      if (verdict.maybeStored) unconfirmedSince = Math.min(unconfirmedSince, began);
      const wait = (verdict.waitSeconds ?? backoffSeconds(tries)) * 1_000;
      if (performance.now() + wait >= unconfirmedSince + limits.UNCONFIRMED_SECONDS_MAX * 1_000) return [undefined, "unconfirmed"];
      if (!(await this.#rest(wait))) return [undefined, "exit"];
    }
  }

  #requestSeconds(now: number): number {
    const left = this.#closeAt === undefined ? Infinity : (this.#closeAt - now) / 1_000;
    return Math.max(0.01, Math.min(this.#parts.requestSecondsMax, left));
  }

  /** Waits between two tries. False if the program ends before that. */
  async #rest(milliseconds: number): Promise<boolean> {
    const until = performance.now() + milliseconds;
    for (;;) {
      if (this.#closeAt !== undefined && until >= this.#closeAt) return false;
      const left = until - performance.now();
      if (left <= 0) return true;
      await new Promise<void>((resolve) => {
        this.#wakeFromRest = resolve;
        setTimeout(resolve, left).unref();
      });
      this.#wakeFromRest = undefined;
    }
  }

  /** How many events were dropped since that was last said, by reason. */
  #reports(): [Reason, number][] {
    const news = [...this.#dropped].map(([reason, count]) => [reason, count - (this.#reported.get(reason) ?? 0)] as [Reason, number]);
    return news.filter(([, count]) => count > 0);
  }

  #drop(reason: Reason, events: number): void {
    if (events > 0) this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + events);
  }

  /** So many events are done with; lost, if there is a reason. */
  #settle(events: number, lost?: Reason): void {
    this.#doneTotal += events;
    if (lost) this.#drop(lost, events);
  }

  #droppedTotal(): number {
    return [...this.#dropped.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Tells the program's warnings that events were dropped: once a minute at most. */
  #warn(isFinal: boolean): void {
    const [dropped, now] = [this.#droppedTotal(), performance.now()];
    if (dropped <= this.#warned.dropped || (!isFinal && now - this.#warned.at < limits.WARNING_SECONDS * 1_000)) return;
    this.#warned = { at: now, dropped };
    const reasons = JSON.stringify(Object.fromEntries(this.#dropped));
    process.emitWarning(`${dropped} events were dropped so far: ${reasons}; ${this.#lastWhy}`, "OutcropWarning");
  }
}

function newBatchId(): string {
  return randomBytes(16).toString("hex");
}

export function backoffSeconds(tries: number): number {
  const longest = Math.min(limits.BACKOFF_SECONDS_MAX, limits.BACKOFF_SECONDS_MIN * 2 ** Math.min(tries, 20));
  return longest * (0.5 + Math.random() / 2);
}

/** Waits for work, for so long at most. Keeps the program alive meanwhile. */
async function atMost(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
