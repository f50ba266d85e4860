/** How a unit failed, in texts: an error itself would keep everything that it refers to alive. */

import { STACK_FRAMES_MAX, TEXT_CHARACTERS_MAX } from "./limits.js";

export class Failure {
  readonly isCancelled: boolean;
  readonly kind: string;
  readonly message: string;
  readonly stack: string;

  constructor(thrown: unknown) {
    const error = thrown instanceof Error ? thrown : undefined;
    this.isCancelled = error?.name === "AbortError";
    this.kind = this.isCancelled ? "cancelled" : kindOf(thrown, error);
    this.message = messageOf(thrown, error);
    this.stack = stackOf(error);
  }
}

function kindOf(thrown: unknown, error: Error | undefined): string {
  if (!error) return typeof thrown;
  return error.name !== "Error" ? error.name : error.constructor.name || "Error";
}

function messageOf(thrown: unknown, error: Error | undefined): string {
  try {
    return (error ? error.message : String(thrown)).slice(0, TEXT_CHARACTERS_MAX);
  } catch {
    return "<unprintable>";
  }
}

function stackOf(error: Error | undefined): string {
  const lines = typeof error?.stack === "string" ? error.stack.split("\n") : [];
  const frames = lines.filter((line) => line.startsWith("    at ")).map((line) => line.slice(7));
  return frames.slice(0, STACK_FRAMES_MAX).join("\n");
}
