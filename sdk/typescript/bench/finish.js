/**
 * What a unit of work of 30 fields costs the thread that does it, and what everything behind it costs the process.
 *
 *     node sdk/typescript/bench/finish.js [--check]      --check: few units, and 1 if the finish costs over 15 µs
 *
 * A door that swallows everything takes the requests, so that the sender works as it does in a program.
 */

import http from "node:http";
import { setImmediate as turn } from "node:timers/promises";

import { flush, init, note, runIntent, shutdown, stats } from "outcrop";

const FINISH_MICROSECONDS_MAX = 15;
const KINDS = ["text of some length", 7, 1.5, true];
const FIELDS = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`field.${n}`, KINDS[n % 4]]));

const server = http.createServer((request, response) => {
  request.resume();
  request.on("end", () => response.end('{"accepted":1,"rejected":[],"rejected_total":0}'));
});

/** Microseconds of each begin, of noting 30 fields, and of each finish. */
async function measure(units) {
  const parts = { begin: [], "note 30 fields": [], finish: [] };
  for (let n = 0; n < units; n += 1) {
    const [t0, inside] = [performance.now(), { t1: 0, t2: 0 }];
    runIntent("Measure", { within: "2 s" }, () => {
      inside.t1 = performance.now();
      note(FIELDS);
      inside.t2 = performance.now();
    });
    const t3 = performance.now();
    parts.begin.push((inside.t1 - t0) * 1_000);
    parts["note 30 fields"].push((inside.t2 - inside.t1) * 1_000);
    parts.finish.push((t3 - inside.t2) * 1_000);
    if (n % 50 === 0) await turn();
  }
  return parts;
}

const check = process.argv.includes("--check");
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
init("bench", { url: `http://127.0.0.1:${server.address().port}` });
await measure(3_000);
const units = check ? 3_000 : 60_000;
const before = process.cpuUsage();
const parts = await measure(units);
await flush(30);
const { user, system } = process.cpuUsage(before);
const median = (ordered) => ordered[Math.floor(ordered.length / 2)];
for (const [name, microseconds] of Object.entries(parts)) {
  const ordered = microseconds.sort((a, b) => a - b);
  const p99 = ordered[Math.floor((ordered.length * 99) / 100)];
  console.log(`${name.padEnd(16)} p50 ${median(ordered).toFixed(1).padStart(6)} µs   p99 ${p99.toFixed(1).padStart(6)} µs`);
}
console.log(`everything, all threads of this process, the receiver included: ${((user + system) / units).toFixed(1)} µs a unit; ${stats().dropped} dropped`);
await shutdown();
server.close();
server.closeAllConnections();
if (check && median(parts.finish) > FINISH_MICROSECONDS_MAX) {
  console.error(`a finish costs over ${FINISH_MICROSECONDS_MAX} µs`);
  process.exitCode = 1;
}
