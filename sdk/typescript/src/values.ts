/** What a program notes, as JSON can hold it. Knows nothing of units or of sending. */

import { NAMES_MAX, NAME_BYTES_MAX, TEXT_CHARACTERS_MAX } from "./limits.js";

export type Plain = string | number | boolean | object;

/** The value as it is now, of types that JSON has; undefined if there is none. Never throws. */
export function plain(value: unknown): Plain | undefined {
  switch (typeof value) {
    case "string":
      return value.length <= TEXT_CHARACTERS_MAX ? value : value.slice(0, TEXT_CHARACTERS_MAX);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
      return value;
    default:
      return value === undefined || value === null ? undefined : converted(value);
  }
}

function converted(value: NonNullable<unknown>): Plain {
  try {
    if (typeof value === "bigint") return integer(value);
    if (typeof value !== "object") return text(value);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
    return snapshot(value);
  } catch {
    return "<unprintable>";
  }
}

function integer(value: bigint): Plain {
  return BigInt(Number.MIN_SAFE_INTEGER) <= value && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}

function text(value: unknown): string {
  return String(value).slice(0, TEXT_CHARACTERS_MAX);
}

/** Objects change after they are noted: what is kept is a copy. */
function snapshot(value: object): Plain {
  let json: string | undefined;
  try {
    json = JSON.stringify(value, member);
  } catch {
    // A circle, or a toJSON that throws.
  }
  if (json === undefined) return text(value);
  if (json.length > TEXT_CHARACTERS_MAX) return json.slice(0, TEXT_CHARACTERS_MAX);
  return (JSON.parse(json) as Plain | null) ?? text(value);
}

/** A member of an object, where JSON would leave it out or refuse. */
function member(_name: string, value: unknown): unknown {
  if (typeof value === "bigint") return integer(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "symbol" || typeof value === "function") return text(value);
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  if (value instanceof Error) return text(value);
  return value;
}

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;
const names = new Map<string, string>();

/** A field's name as the store takes it: no control characters, not empty, not too long. */
export function name(said: string): string {
  const known = names.get(said);
  if (known !== undefined) return known;
  let right = said.replace(CONTROL, "_").toWellFormed();
  if (Buffer.byteLength(right) > NAME_BYTES_MAX) {
    right = new TextDecoder("utf-8").decode(Buffer.from(right).subarray(0, NAME_BYTES_MAX)).replace(/\ufffd+$/, "");
  }
  if (right === "") right = "_";
  if (names.size < NAMES_MAX) names.set(said, right);
  return right;
}

const LONE = /\\ud[89a-f]/;
const LONE_OR_BACKSLASH = /\\\\|\\ud[89a-f][0-9a-f]{2}/g;

/** JSON of which the store can take every text: half of a surrogate pair becomes U+FFFD. */
export function wellFormed(json: string): string {
  if (!LONE.test(json)) return json;
  return json.replace(LONE_OR_BACKSLASH, (found) => (found === "\\\\" ? found : "\ufffd"));
}
