/**
 * Intents: what a unit of work is meant to do, declared in one line.
 *
 *     export const placeOrder = intent("Place the order and charge once", { within: "2 s" }, async (cart: Cart) => { … });
 *
 * Declaring is the only thing of this package that throws: an intent that cannot be read is a mistake in the source.
 */

import { types } from "node:util";

import { INTENTS_MAX, SLUG_CHARACTERS_MAX } from "./limits.js";
import { hereabouts } from "./place.js";
import * as register from "./register.js";
import { begin, expectation, failed, returned, within } from "./unit.js";

/** What may be said of an intent; `R` is what the work returns. */
export interface IntentOptions<R = unknown> {
  /** What it is called for good; else the function's name, else the text. */
  name?: string;
  /** How long it may take: `"2 s"`, `"500 ms"`, `"1 min"`. */
  within?: string;
  /** Names of the conditions that the code below checks with `expect`. */
  expects?: string | readonly string[];
  /** Conditions on what the work returns: `{ "charged once": (order) => order.charges === 1 }`. */
  ensures?: Record<string, (result: R) => unknown>;
  owner?: string;
  sampleRate?: number;
}

// A function of whatever kind; `unknown` would not accept any.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Work = (...args: any[]) => any;

export interface Intent {
  readonly text: string;
  readonly name: string;
  readonly within: string;
  readonly withinMilliseconds: number | undefined;
  readonly expects: readonly string[];
  readonly ensures: readonly (readonly [string, (result: unknown) => unknown])[] | undefined;
  readonly owner: string | undefined;
  readonly sampleRate: number | undefined;
  readonly functionName: string | undefined;
  readonly file: string;
  readonly line: number;
  /** The fields that say all this, as JSON without brackets. */
  json?: string;
}

/** Declares what a function is meant to do. Returns the function, each call of it a unit of work. */
export function intent<F extends Work>(text: string, work: F): F;
export function intent<F extends Work>(text: string, options: IntentOptions<Awaited<ReturnType<F>>>, work: F): F;
export function intent<F extends Work>(text: string, said: IntentOptions<Awaited<ReturnType<F>>> | F, given?: F): F {
  const work = (given ?? said) as F;
  if (typeof work !== "function") throw new TypeError("intent(text, options, work): there is no function to do the work");
  if (types.isGeneratorFunction(work)) {
    throw new TypeError("an intent is for functions and async functions; in a generator use runIntent around what is one unit of work");
  }
  const own = make(text, (given ? said : {}) as IntentOptions, work.name || undefined);
  register.declare(own);
  const wrapped = function (this: unknown, ...args: unknown[]): unknown {
    return run(own, () => work.apply(this, args) as unknown);
  };
  Object.defineProperty(wrapped, "name", { value: work.name, configurable: true });
  Object.defineProperty(wrapped, "length", { value: work.length, configurable: true });
  return wrapped as F;
}

// Intents that are declared where they run, by what is said: made once, not in every call.
const inline = new Map<string, Intent>();

/** Does work at once, as a unit of work that is meant to do what the text says. */
export function runIntent<R>(text: string, work: () => R): R;
export function runIntent<R>(text: string, options: IntentOptions<Awaited<R>>, work: () => R): R;
export function runIntent<R>(text: string, said: IntentOptions<Awaited<R>> | (() => R), given?: () => R): R {
  const work = (given ?? said) as () => R;
  const options = (given ? said : {}) as IntentOptions;
  const key = `${text}\0${options.name ?? ""}\0${options.within ?? ""}\0${String(options.expects ?? "")}\0${options.sampleRate ?? ""}`;
  let own = inline.get(key);
  if (!own) {
    own = make(text, options, undefined);
    register.declare(own);
    if (inline.size < INTENTS_MAX) inline.set(key, own);
  } else if (options.ensures) {
    own = { ...own, ensures: conditions(options.ensures) };
  }
  return run(own, work);
}

function run<R>(own: Intent, work: () => R): R {
  const unit = begin(own);
  if (!unit) return work();
  let result: R;
  try {
    result = within(unit, work);
  } catch (thrown) {
    failed(unit, thrown);
    throw thrown;
  }
  if (!types.isPromise(result)) {
    returned(unit, result);
    return result;
  }
  const ended = result.then(
    (value) => {
      returned(unit, value);
      return value;
    },
    (thrown: unknown) => {
      failed(unit, thrown);
      throw thrown;
    },
  );
  return ended as R;
}

function make(text: string, said: IntentOptions, functionName: string | undefined): Intent {
  const [label, milliseconds] = said.within === undefined ? ["", undefined] : duration(said.within);
  const expects = typeof said.expects === "string" ? [said.expects] : (said.expects ?? []);
  return {
    text: String(text),
    name: said.name ?? functionName ?? slug(String(text)),
    within: label,
    withinMilliseconds: milliseconds,
    expects: expects.map(expectation),
    ensures: said.ensures && conditions(said.ensures),
    owner: said.owner,
    sampleRate: said.sampleRate === undefined ? undefined : Math.max(1, Math.trunc(said.sampleRate) || 1),
    functionName,
    ...hereabouts(),
  };
}

function conditions(said: Record<string, (result: never) => unknown>): (readonly [string, (result: unknown) => unknown])[] {
  return Object.entries(said).map(([name, holds]) => [expectation(name), holds as (result: unknown) => unknown] as const);
}

/** The names of everything that is expected, in order. */
export function expectations(intent: Intent): string[] {
  const results = (intent.ensures ?? []).map(([name]) => name);
  const time = intent.within === "" ? [] : [intent.within];
  return [...intent.expects, ...results, ...time, "no error", "not cancelled"];
}

const DURATION = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h)\s*$/;
const MILLISECONDS = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 } as const;

/** `within 2 s` and its milliseconds, of "2 s", "2s" or "2.0 min". */
function duration(said: string): [string, number] {
  const found = DURATION.exec(String(said));
  if (!found) throw new TypeError(`within: ${JSON.stringify(said)} is no duration; write a number and ms, s, min or h: "2 s"`);
  const [, number = "", unit = "ms"] = found;
  return [`within ${number} ${unit}`, Number(number) * MILLISECONDS[unit as keyof typeof MILLISECONDS]];
}

/** A name of a text: letters and digits in lower case, one `_` for everything between. */
function slug(text: string): string {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return [...words.join("_")].slice(0, SLUG_CHARACTERS_MAX).join("") || "intent";
}
