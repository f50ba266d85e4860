/** What the conformance cases cannot say of Node.js: its types of values, its ends. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { continueTrace, current, expect, flush, init, intent, note, runIntent, shutdown, stats, traceparent } from "outcrop";

import { judge } from "../dist/delivery.js";
import { Sender } from "../dist/sender.js";
import { read } from "../dist/settings.js";
import { isKept, newTraceId } from "../dist/trace.js";
import { name, plain, wellFormed } from "../dist/values.js";
import { receiver } from "./receiver.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const PACKAGE = dirname(HERE);

function run(command, args, options = {}) {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 120_000, ...options }, (error, stdout, stderr) => resolve({ code: error ? (error.code ?? -1) : 0, stdout, stderr }));
  });
}

describe("values", () => {
  test("everything becomes what JSON has", () => {
    const circle = {};
    circle.self = circle;
    const hostile = {
      toString() {
        throw new Error("no text");
      },
      toJSON() {
        throw new Error("no JSON");
      },
    };
    for (const [value, expected] of [
      [null, undefined],
      [undefined, undefined],
      [NaN, "NaN"],
      [-Infinity, "-Infinity"],
      [7n, 7],
      [2n ** 64n, "18446744073709551616"],
      [new Date("2026-11-20T08:40:00Z"), "2026-11-20T08:40:00.000Z"],
      [new Date(NaN), "Invalid Date"],
      [new Map([["a", new Set([1n])]]), { a: [1] }],
      [[NaN, undefined, Symbol("s")], ["NaN", null, "Symbol(s)"]],
      [new Error("e"), "Error: e"],
      [circle, "[object Object]"],
      [Symbol("s"), "Symbol(s)"],
      [hostile, "<unprintable>"],
    ]) {
      assert.deepEqual(plain(value), expected);
    }
    assert.equal(plain("x".repeat(100_000)).length, (64 << 10) + 1);
  });

  test("names and texts are what the store takes", () => {
    assert.equal(name("a\u0000b\u0085"), "a_b_");
    assert.equal(name(""), "_");
    assert.equal(name("é".repeat(200)), "é".repeat(128));
    assert.equal(wellFormed(JSON.stringify({ a: "\ud800", b: "\\ud800", c: "😀" })), '{"a":"\ufffd","b":"\\\\ud800","c":"😀"}');
  });
});

describe("declarations", () => {
  test("durations that are none, and generators, are told what to do", () => {
    for (const wrong of ["soon", "2", "2 weeks", "-1 s", ""]) {
      assert.throws(() => intent("x", { within: wrong }, () => 1), /write a number and ms, s, min or h/);
    }
    assert.throws(() => intent("x", function* () {}), /runIntent/);
    assert.throws(() => intent("x", {}), /no function/);
  });

  test("a function stays what it was", () => {
    const object = { a: 1, add: intent("Add", function add(b, c) {
      return this.a + b + c;
    }) };
    assert.deepEqual([object.add(2, 3), object.add.name, object.add.length], [6, "add", 2]);
  });
});

describe("answers", () => {
  test("what each means", () => {
    const stored = '{"accepted":1,"rejected":[],"rejected_total":2}';
    for (const [status, text, kind, maybeStored] of [
      [200, stored, "delivered", undefined],
      [200, "<html>", "again", true],
      [200, "null", "again", true],
      [204, "", "refused", undefined],
      [302, "", "refused", undefined],
      [400, "", "refused", undefined],
      [408, "", "again", true],
      [413, "", "split", undefined],
      [429, "", "again", false],
      [503, "", "again", false],
      [504, "", "again", true],
    ]) {
      const verdict = judge(status, undefined, text);
      assert.deepEqual([verdict.kind, verdict.maybeStored], [kind, maybeStored], String(status));
    }
  });

  test("Retry-After is seconds or a date, within reason", () => {
    const seconds = (said) => judge(429, said, "").waitSeconds;
    assert.deepEqual(["2", "0", "86400", "soon", undefined].map(seconds), [2, undefined, 300, undefined, undefined]);
    assert.equal(seconds("Wed, 21 Oct 2015 07:28:00 GMT"), undefined);
    const inAMinute = seconds(new Date(Date.now() + 60_000).toUTCString());
    assert.ok(inAMinute > 55 && inAMinute <= 60, String(inAMinute));
  });

  test("one trace in ten is kept", () => {
    const kept = Array.from({ length: 20_000 }, newTraceId).filter((id) => isKept(id, 10)).length;
    assert.ok(kept > 1_700 && kept < 2_300, String(kept));
  });
});

describe("programs", () => {
  test("hostile notes hurt nobody, and late ones change nothing", async () => {
    const store = await receiver();
    init("tests", { url: store.url, flushSeconds: 0.05 });
    const cart = { items: [1] };
    let late;
    const returned = runIntent("Survive", () => {
      late = current();
      const trap = { get bad() { throw new Error("trap"); } };
      note({ a: 1, cart, __proto__: null });
      note(JSON.parse('{"__proto__": 3}'));
      note(trap);
      note(null);
      note({ b: 2 });
      cart.items.push(2);
      return "as it was";
    });
    late.note({ late: 1 });
    assert.equal(late.expect("late", true), true);
    assert.equal(returned, "as it was");
    assert.equal(await flush(10), true);
    const event = store.unit("survive");
    assert.deepEqual([event.a, event.b, event.cart, Object.hasOwn(event, "__proto__"), "late" in event], [1, 2, { items: [1] }, true, false]);
    assert.deepEqual([stats().notesOutside, stats().internalErrors], [2, 1]);
    await shutdown();
    store.close();
  });

  test("without init functions just run", async () => {
    assert.equal(intent("Nowhere", () => [traceparent(), expect("a", 0), expect("a", 1)].join())(), ",false,true");
    assert.equal(await flush(), true);
    assert.equal(continueTrace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", traceparent), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
  });

  test("callbacks and timers are below, other requests are not", async () => {
    const store = await receiver();
    init("tests", { url: store.url, flushSeconds: 0.05 });
    const wait = (work) => new Promise((resolve) => setTimeout(() => resolve(work()), 2));
    const work = intent("Below", { name: "below" }, async (n) => {
      await wait(() => note({ n }));
      await wait(() => note({ [`only.${n}`]: true }));
    });
    await Promise.all([work(1), work(2)]);
    await flush(10);
    const [one, two] = [1, 2].map((n) => store.events.find((event) => event.n === n));
    assert.deepEqual([one["only.1"], one["only.2"], two["only.1"], two["only.2"]], [true, undefined, undefined, true]);
    await shutdown();
    store.close();
  });

  test("an uncertain batch is given up before the store forgets it", async (context) => {
    const sender = new Sender(read("tests", { url: "http://127.0.0.1:9", flushSeconds: 1e6 }));
    let now = 1e6;
    context.mock.method(performance, "now", () => (now += 10_000));
    const { Door } = await import("../dist/delivery.js");
    const posts = context.mock.method(Door.prototype, "post", async () => ({ kind: "again", waitSeconds: 0, maybeStored: true, why: "lost" }));
    sender.putUnit({ intent: { name: "x", text: "x", expects: [], json: '"intent.name":"x"' }, began: 0, milliseconds: 1, rate: 1, unmet: [], fieldsCount: 0, fieldsLeftOut: 0 }, {});
    await sender.flush(30_000);
    context.mock.restoreAll();
    assert.deepEqual(sender.stats().droppedByReason, { unconfirmed: 1 });
    assert.ok(posts.mock.callCount() > 5 && now > 1e6 + 800_000, `${posts.mock.callCount()} tries`);
  });
});

describe("ends", () => {
  const SOURCE = `import { init, note, runIntent, intent, shutdown } from ${JSON.stringify(pathToFileURL(join(PACKAGE, "dist/index.js")).href)};\ninit("tests");\n`;

  async function program(source, environment = {}) {
    const store = await receiver();
    const began = performance.now();
    const args = ["--input-type=module", "-e", SOURCE + source];
    const done = await run(process.execPath, args, { env: { ...process.env, OUTCROP_URL: store.url, ...environment } });
    store.close();
    return { ...done, store, seconds: (performance.now() - began) / 1_000 };
  }

  test("what waits is sent when nothing is left to do", async () => {
    const { code, stderr, store, seconds } = await program(`runIntent("Work", () => note({ n: 1 }));`);
    assert.deepEqual([code, stderr, store.unit("work").n], [0, "", 1]);
    assert.ok(seconds < 5, `took ${seconds} s`);
  });

  test("also after process.exit, with its code", async () => {
    const { code, store } = await program(`runIntent("Work", () => note({ n: 1 })); process.exit(3);`);
    assert.deepEqual([code, store.unit("work").n], [3, 1]);
  });

  test("also when an error goes uncaught", async () => {
    const { code, store } = await program(`class Broken extends Error {} runIntent("Work", () => { throw new Broken("x"); });`);
    assert.deepEqual([code, store.unit("work")["error.type"]], [1, "Broken"]);
  });

  test("also what a listener of the end does", async () => {
    const { code, store } = await program(
      `runIntent("Work", () => {}); let once = false;
       process.on("beforeExit", () => { if (!once) { once = true; setTimeout(() => runIntent("Last", () => {}), 300); } });`,
    );
    assert.deepEqual([code, Boolean(store.unit("work")), Boolean(store.unit("last"))], [0, true, true]);
  });

  test("a store that is away does not hold the end", async () => {
    const { code, stderr, seconds } = await program(`import "node:net"; runIntent("Work", () => {}); await shutdown(0.5);`, { OUTCROP_URL: "http://127.0.0.1:9" });
    assert.equal(code, 0);
    assert.match(stderr, /1 events were dropped so far: {"exit":1}/);
    assert.ok(seconds < 5, `took ${seconds} s`);
  });

  test("a program that calls nothing announces its intents all the same", async () => {
    const { store } = await program(`intent("Never called", function never() {});`);
    const declared = store.events.filter((event) => event["intent.declared"]);
    assert.deepEqual(declared.map((event) => [event["intent.name"], event["intent.text"]]), [["never", "Never called"]]);
  });

  test("disabled", async () => {
    const { code, store } = await program(`runIntent("Work", () => {});`, { OUTCROP_DISABLED: "1" });
    assert.deepEqual([code, store.events], [0, []]);
  });

  test("a URL that is none hurts nobody", async () => {
    const { code, stdout } = await program(`runIntent("Work", () => console.log("worked")); await shutdown(0.2);`, { OUTCROP_URL: "http://[nonsense" });
    assert.deepEqual([code, stdout], [0, "worked\n"]);
  });
});
