/** The intents that this program declares. The sender announces each of them once. */

import type { Intent } from "./intent.js";
import { INTENTS_MAX } from "./limits.js";

export interface Declared {
  intent: Intent;
  milliseconds: number;
}

const declared = new Map<string, Declared>();
let told: (() => void) | undefined;

export function declare(intent: Intent): void {
  const key = `${intent.name}\0${intent.file}\0${intent.line}`;
  if (declared.has(key) || declared.size >= INTENTS_MAX) return;
  declared.set(key, { intent, milliseconds: Date.now() });
  told?.();
}

/** Every intent, by its key. */
export function all(): ReadonlyMap<string, Declared> {
  return declared;
}

/** Whom to tell of further intents. */
export function tell(listener: (() => void) | undefined): void {
  told = listener;
}
