// The question of a page as text that works elsewhere: a request by curl, SQL, a command, the body of an API call. Pure; the
// address is an argument.
import type { QuerySpec } from '../api/types';
import { calculationName, isLast, orderName, type Explore, type Filter } from '../state/explore';
import { removeFormula } from '../state/edit';
import { effectiveOrder, querySpec, type Times } from '../state/spec';

const bare = /^[\w@%+=:,./-]+$/;
/** One word of a shell, whatever it holds. */
const word = (text: string) => (bare.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

export function curlOf(origin: string, dataset: string, spec: QuerySpec): string {
  return `curl -s '${origin}/api/v1/query/${encodeURIComponent(dataset)}' -H 'content-type: application/json' -d ${word(JSON.stringify(spec))}`;
}

export const callOf = (dataset: string, spec: QuerySpec) => `POST /api/v1/query/${encodeURIComponent(dataset)}\nContent-Type: application/json\n\n${JSON.stringify(spec, null, 2)}\n`;

/** The question that is asked for its SQL: there are no formulas in a statement, and no series are needed for one. */
export function sqlSpec(e: Explore, when: Times): QuerySpec {
  const plain = e.formulas.reduce((page) => removeFormula(page, 0), e);
  return { ...querySpec({ ...plain, compare: null }, when), disable_series: true };
}

/** A statement with what it does not say before it, as comments. */
export function sqlText(sql: string, differs: string[], formulas: string[]): string {
  const notes = [...differs, ...formulas.map((name) => `the formula ${name} is left out`)];
  return `${notes.map((note) => `-- ${note.replace(/\s+/g, ' ')}\n`).join('')}${sql}\n`;
}

const filterText = (f: Filter) => (f.value === undefined ? `${f.column} ${f.op}` : `${f.column} ${f.op} ${JSON.stringify(f.value)}`);

function lasting(seconds: number): string {
  for (const [size, unit] of [[86_400, 'd'], [3600, 'h'], [60, 'm']] as const) if (seconds % size === 0) return `${seconds / size}${unit}`;
  return `${seconds}s`;
}

/** The same for `outcrop query`; null where the command has no way to say it. */
export function commandOf(origin: string, e: Explore): string | null {
  if (e.havings.length + e.calculated.length + e.formulas.length > 0 || e.show.some((c) => c.name !== undefined || c.filters)) return null;
  const order = effectiveOrder(e);
  const range = isLast(e.range) ? ['--last', lasting(e.range.last)] : ['--start', new Date(e.range.from).toISOString(), '--end', new Date(e.range.to).toISOString()];
  const words = [
    'outcrop', 'query', '--url', origin, '--dataset', e.dataset,
    ...e.show.flatMap((c) => ['--calc', calculationName(c)]),
    ...e.where.flatMap((f) => ['--where', filterText(f)]),
    ...(e.combine === 'OR' ? ['--any'] : []),
    ...e.by.flatMap((column) => ['--by', column]),
    ...(order && e.orders.length > 0 ? [`--order=${order.descending ? '-' : ''}${orderName(order)}`] : []),
    ...(e.by.length > 0 ? ['--limit', String(e.limit)] : []),
    ...range,
  ];
  return words.map(word).join(' ');
}
