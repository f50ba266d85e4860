/** The program's side: begin to send, wait, end; what happens at exit. */

import * as register from "./register.js";
import { type Parts, type Settings, isDisabled, read } from "./settings.js";
import { Sender, type Stats } from "./sender.js";
import { setSender } from "./unit.js";

let active: { sender: Sender; parts: Parts } | undefined;
let last: Stats | undefined;

/**
 * Begins to send what this program does, in the background. Nothing is sent, and intents cost next to nothing, until this
 * is called or if OUTCROP_DISABLED says so.
 */
export function init(service: string, settings: Settings = {}): void {
  void shutdown();
  if (isDisabled()) return;
  const parts = read(service, settings);
  const sender = new Sender(parts);
  active = { sender, parts };
  setSender(sender);
  register.tell(() => sender.declared());
  process.on("beforeExit", beforeExit);
  process.on("exit", atExit);
}

/** Waits until all units that have ended have arrived, or were dropped. False if it takes longer. */
export async function flush(seconds = 5): Promise<boolean> {
  return active ? active.sender.flush(seconds) : true;
}

/** Sends what waits, for so many seconds at most, and stops. Happens by itself when the program ends. */
export async function shutdown(seconds?: number): Promise<void> {
  if (!active) return;
  const { sender, parts } = active;
  stop();
  await sender.close(seconds ?? parts.exitSecondsMax);
  last = sender.stats();
}

/** Numbers since `init`: events accepted, queued, dropped and why. */
export function stats(): Stats | undefined {
  return active ? active.sender.stats() : last;
}

function stop(): void {
  active = undefined;
  setSender(undefined);
  register.tell(undefined);
  process.off("beforeExit", beforeExit);
  process.off("exit", atExit);
}

/** Nothing is left to do but what waits here. Whoever begins something anew is recorded as before. */
function beforeExit(): void {
  if (active?.sender.hasWork()) void active.sender.drain(active.parts.exitSecondsMax);
}

function atExit(): void {
  if (!active) return;
  const { sender, parts } = active;
  stop();
  sender.closeNow(parts.exitSecondsMax);
  last = sender.stats();
}
