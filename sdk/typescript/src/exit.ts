/**
 * The very end: `process.exit()` was called or an error went uncaught, and nothing asynchronous runs any more. A process of
 * its own sends what waits. It is this same file, run as a program: it reads batches and says how many were delivered.
 * A batch that was on its way keeps its id, so that it does not count twice.
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { Door, type Target } from "./delivery.js";
import { BACKOFF_SECONDS_MIN } from "./limits.js";

interface Job {
  target: Target;
  batches: { id: string; body: string }[];
  seconds: number;
}

/** Sends batches in another process, for so many seconds at most. Returns how many of the first were delivered. */
export function sendNow(target: Target, batches: Job["batches"], seconds: number): number {
  const job: Job = { target, batches, seconds };
  const done = spawnSync(process.execPath, [fileURLToPath(import.meta.url), "send"], {
    input: JSON.stringify(job),
    timeout: (seconds + 1) * 1_000,
    stdio: ["pipe", "pipe", "ignore"],
    env: {},
    windowsHide: true,
  });
  return Number(done.stdout?.toString()) || 0;
}

async function send({ target, batches, seconds }: Job): Promise<number> {
  const door = new Door(target);
  const until = performance.now() + seconds * 1_000;
  const alive = setTimeout(() => undefined, seconds * 1_000);
  let delivered = 0;
  for (const { id, body } of batches) {
    if (!(await arrives(door, id, Buffer.from(body, "base64"), until))) break;
    delivered += 1;
  }
  clearTimeout(alive);
  door.close();
  return delivered;
}

async function arrives(door: Door, id: string, body: Buffer, until: number): Promise<boolean> {
  for (;;) {
    const left = (until - performance.now()) / 1_000;
    if (left <= 0) return false;
    const verdict = await door.post(id, body, left);
    if (verdict.kind !== "again") return verdict.kind === "delivered";
    const wait = verdict.waitSeconds ?? BACKOFF_SECONDS_MIN;
    if (performance.now() + wait * 1_000 >= until) return false;
    await new Promise((resolve) => setTimeout(resolve, wait * 1_000));
  }
}

if (process.argv[2] === "send" && process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(String(await send(JSON.parse(readFileSync(0, "utf8")) as Job)));
}
