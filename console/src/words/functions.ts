// What expressions can call: how each function is written and what it gives, as docs/calculated-fields.md says. Pure.
export type ExpressionFunction = { name: string; usage: string; gives: string };

const LINES: [string, string][] = [
  ['IF(condition, value, …, else)', 'the value after the first true condition'],
  ['SWITCH(value, "case", result, …, default)', 'the result of the first case that equals'],
  ['COALESCE(a, b, …)', 'the first that is there and not empty'],
  ['EXISTS(a)', 'whether it is there'],
  ['IN(value, a, b, …)', 'whether it equals one of them'],
  ['BUCKET(value, size, min, max)', 'steps as text, such as 15 - 20'],
  ['CONCAT(a, b, …)', 'texts joined'],
  ['CONTAINS(text, part)', 'whether the part is in it'],
  ['STARTS_WITH(text, prefix)', 'whether it starts so'],
  ['ENDS_WITH(text, suffix)', 'whether it ends so'],
  ['REG_MATCH(text, `pattern`)', 'whether the pattern matches'],
  ['REG_VALUE(text, `pattern`)', 'the first group, or the match'],
  ['REG_COUNT(text, `pattern`)', 'how many matches'],
  ['TO_LOWER(text)', 'in small letters'],
  ['LENGTH(text, "chars")', 'characters, or "bytes"'],
  ['INT(a)', 'cut to a whole number'],
  ['FLOAT(a)', 'as a number'],
  ['BOOL(a)', 'as yes or no'],
  ['STRING(a)', 'as text'],
  ['MIN(a, b, …)', 'the smallest number'],
  ['MAX(a, b, …)', 'the largest number'],
  ['SUM(a, b, …)', 'a + b'],
  ['SUB(a, b)', 'a - b'],
  ['MUL(a, b, …)', 'a * b'],
  ['DIV(a, b)', 'a / b, nothing for b = 0'],
  ['MOD(a, b)', 'a % b, what is left of a division'],
  ['LOG10(a)', 'logarithm to ten'],
  ['EQUALS(a, b)', 'a = b: same kind, same value'],
  ['LT(a, b)', 'a < b'],
  ['LTE(a, b)', 'a <= b'],
  ['GT(a, b)', 'a > b'],
  ['GTE(a, b)', 'a >= b'],
  ['NOT(a)', 'the opposite'],
  ['AND(a, b, …)', 'all are true'],
  ['OR(a, b, …)', 'one is true'],
  ['UNIX_TIMESTAMP(text)', 'RFC 3339 as seconds since 1970'],
  ['EVENT_TIMESTAMP()', 'when it happened, in seconds'],
  ['INGEST_TIMESTAMP()', 'when it arrived, in seconds'],
  ['FORMAT_TIME("%Y-%m-%d", seconds)', 'a time as text, in UTC'],
  ['RAND()', '0 to 1, always the same for one event'],
];

export const FUNCTIONS: ExpressionFunction[] = LINES.map(([usage, gives]) => ({ name: usage.slice(0, usage.indexOf('(')), usage, gives }));

/** Functions of single events, which say nothing of calculations. */
const OF_EVENTS = new Set(['EVENT_TIMESTAMP', 'INGEST_TIMESTAMP', 'RAND']);
export const FORMULA_FUNCTIONS = FUNCTIONS.filter((f) => !OF_EVENTS.has(f.name));

export const functionNamed = (name: string) => FUNCTIONS.find((f) => f.name === name) ?? null;

/** A function's arguments, for showing which one is being written: a list that goes on has no more names than it has. */
export function argumentsOf(f: ExpressionFunction): string[] {
  return f.usage.slice(f.name.length + 1, -1).split(', ').filter(Boolean);
}
