/**
 * Does what a conformance case says with the TypeScript SDK: a job on standard input, its numbers on standard output.
 * The job's mode is `sync` (functions), `async` (async functions) or `delivery`.
 */

import { AsyncResource } from "node:async_hooks";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { continueTrace, expect, flush, init, intent, note, runIntent, shutdown, stats, traceparent, tracestate } from "outcrop";

class OutOfStock extends Error {}

// A context in which no unit runs: as another process would see it.
const inNoUnit = AsyncResource.bind((work) => work());

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function options(said) {
  const { text: _text, sample_rate: sampleRate, ensures, ...more } = said;
  const conditions = ensures && Object.fromEntries(Object.entries(ensures).map(([name, holds]) => [name, () => holds]));
  return { ...more, ...(sampleRate && { sampleRate }), ...(conditions && { ensures: conditions }) };
}

/** Steps that are the same in both modes. True if it was one. */
function common(step) {
  if (step.note) note(step.note);
  else if (step.note_many) note(Object.fromEntries(Array.from({ length: step.note_many }, (_, n) => [`n.${n}`, n])));
  else if (step.note_tracestate) note({ [step.note_tracestate]: tracestate() });
  else if (step.expect) {
    for (const [name, holds] of Object.entries(step.expect)) {
      if (expect(name, holds) !== holds) throw new Error("expect returns what it was given");
    }
  } else if (step.fail) throw new OutOfStock(step.fail);
  else return false;
  return true;
}

/** What a call brings with it: as a header alone, or as all of them. */
function headersOf(step) {
  if (step.continue === "out") return { traceparent: traceparent(), tracestate: tracestate() };
  return step.tracestate === undefined ? step.continue : { traceparent: step.continue, tracestate: step.tracestate };
}

function caught(thrown) {
  if (!(thrown instanceof OutOfStock)) throw thrown;
}

function run(steps) {
  for (const step of steps) {
    if (common(step)) continue;
    if (step.intent) {
      for (let n = 0; n < (step.repeat ?? 1); n += 1) runIntent(step.intent.text, options(step.intent), () => run(step.do));
    } else if (step.take_ms) {
      const until = performance.now() + step.take_ms;
      while (performance.now() < until);
    } else if (step.catch) {
      try {
        run(step.catch);
      } catch (thrown) {
        caught(thrown);
      }
    } else if (step.continue) {
      const headers = headersOf(step);
      const work = () => continueTrace(headers, () => run(step.do));
      if (step.continue === "out") inNoUnit(work);
      else work();
    } else throw new Error(`what is ${JSON.stringify(step)}?`);
  }
}

const declared = new Map();

/** Functions are declared once, as in a program, and called as often as the case says. */
function workOf(said) {
  const key = JSON.stringify(said);
  if (!declared.has(key)) declared.set(key, intent(said.text, options(said), (steps) => runAsync(steps)));
  return declared.get(key);
}

async function runAsync(steps) {
  for (const step of steps) {
    if (common(step)) continue;
    if (step.intent) {
      for (let n = 0; n < (step.repeat ?? 1); n += 1) await workOf(step.intent)(step.do);
    } else if (step.take_ms) await sleep(step.take_ms);
    else if (step.cancel) await sleep(10_000, undefined, { signal: AbortSignal.timeout(1) }).catch((error) => Promise.reject(aborted(error)));
    else if (step.parallel) await Promise.all(step.parallel.map(runAsync));
    else if (step.catch) await runAsync(step.catch).catch(caught);
    else if (step.continue) {
      const headers = headersOf(step);
      const work = () => continueTrace(headers, () => runAsync(step.do));
      await (step.continue === "out" ? inNoUnit(work) : work());
    } else throw new Error(`what is ${JSON.stringify(step)}?`);
  }
}

/** What was cancelled, once it is sure that the platform said so. */
function aborted(error) {
  return error.name === "AbortError" ? error : new Error("the platform's cancellation has another name");
}

function redaction(said) {
  if (said === "drops") return () => undefined;
  if (said === "fails") {
    return () => {
      throw new Error("the hook of the program");
    };
  }
  return (fields) => ({ ...fields, ...said });
}

async function deliver(job) {
  const padding = "x".repeat(job.bytes ?? 10);
  const times = [];
  const work = intent("Arrive", (n) => note({ n, padding }));
  const unit = (n) => {
    const began = performance.now();
    work(n);
    times.push(performance.now() - began);
  };
  for (let n = 0; n < job.units; n += 1) {
    unit(n);
    if (job.pause_ms) await sleep(job.pause_ms);
  }
  const queued = stats().queuedBytes;
  if (job.after) {
    await flush(10);
    for (let n = 0; n < job.after; n += 1) unit(job.units + n);
  }
  times.sort((a, b) => a - b);
  return { unit_ms_p90: times[Math.floor((times.length * 9) / 10)], queued_bytes: queued };
}

const job = JSON.parse(readFileSync(0, "utf8"));
const { redact, fields, ...settings } = job.case.settings ?? {};
const said = Object.fromEntries(Object.entries(settings).map(([name, value]) => [camel(name), value]));
const whole = { url: job.url, dataset: job.dataset, flushSeconds: 0.2, ...said, ...(fields && { fields }) };
init("conformance", redact ? { ...whole, redact: redaction(redact) } : whole);
for (const more of job.case.declare ?? []) intent(more.text, options(more), () => undefined);
let numbers = {};
if (job.mode === "delivery") numbers = await deliver(job.case);
else if (job.mode === "sync") run(job.case.do);
else await runAsync(job.case.do).catch((thrown) => (thrown.name === "AbortError" ? undefined : Promise.reject(thrown)));
const began = performance.now();
await shutdown();
const { droppedByReason, ...counters } = stats();
const counted = Object.fromEntries(Object.entries(counters).map(([name, value]) => [snake(name), value]));
process.stdout.write(
  JSON.stringify({ ...numbers, exit_seconds: (performance.now() - began) / 1_000, stats: { ...counted, dropped_by_reason: droppedByReason } }),
);
