// What the Explore page shows, as one plain value. The URL holds all of it (url.ts), a query is made from it (spec.ts),
// and every click is a pure change of it (edit.ts). It must not know React, the router or the network.
import type { Value } from '../words/values';

export type Scalar = Exclude<Value, null>;
export type Filter = { column: string; op: string; value?: Scalar | Scalar[] };
/** With a name it can stand in formulas and is shown under it; with filters it is of the events that meet them. */
export type Calculation = { op: string; column?: string; name?: string; filters?: Filter[]; combine?: 'OR'; /** It is only there for formulas. */ hidden?: true };
/** A field calculated by the query, or a formula over its calculations. */
export type Made = { name: string; expression: string };
export type Order = { op?: string; column?: string; descending: boolean };
/** `op` is the name of a calculation or formula that has one. */
export type Having = { op: string; column?: string; compare: string; value: number };
/** Relative to now in seconds, or two absolute times in milliseconds. */
export type Range = { last: number } | { from: number; to: number };
export type View = 'heatmap' | 'lines' | 'stacked' | 'bars' | 'number';
export type Tab = 'groups' | 'events';

export type Explore = {
  dataset: string;
  calculated: Made[];
  show: Calculation[];
  formulas: Made[];
  where: Filter[];
  combine: 'AND' | 'OR';
  by: string[];
  orders: Order[];
  havings: Having[];
  limit: number;
  range: Range;
  granularity: number | null;
  /** The same so many seconds earlier, beside it. */
  compare: number | null;
  view: View | null;
  tab: Tab | null;
  live: boolean;
};

export const LIMIT_DEFAULT = 100;
export const LIMIT_MOST = 10_000;
export const LAST_DEFAULT = 7200;

export const emptyExplore: Explore = {
  dataset: '',
  calculated: [],
  show: [],
  formulas: [],
  where: [],
  combine: 'AND',
  by: [],
  orders: [],
  havings: [],
  limit: LIMIT_DEFAULT,
  range: { last: LAST_DEFAULT },
  granularity: null,
  compare: null,
  view: null,
  tab: null,
  live: false,
};

/** The calculations the server knows, the usual ones first. */
export const OPS = ['COUNT', 'P50', 'P75', 'P90', 'P95', 'P99', 'P999', 'HEATMAP', 'AVG', 'SUM', 'MAX', 'MIN', 'COUNT_DISTINCT', 'P001', 'P01', 'P05', 'P10', 'P20', 'P25', 'P80'];
/** COUNT may have a column, everything else must. */
export const needsColumn = (op: string) => op !== 'COUNT';
export const isHeatmap = (c: Calculation) => c.op === 'HEATMAP';

export const FILTER_OPS = ['=', '!=', '>', '>=', '<', '<=', 'contains', 'does-not-contain', 'starts-with', 'does-not-start-with', 'ends-with', 'does-not-end-with', 'in', 'not-in', 'exists', 'does-not-exist', 'matches', 'does-not-match'];
export const takesNoValue = (op: string) => op === 'exists' || op === 'does-not-exist';
export const takesList = (op: string) => op === 'in' || op === 'not-in';

/** The name of a calculation's column in an answer. */
export const calculationName = (c: { op: string; column?: string; name?: string }) => c.name ?? (c.column ? `${c.op}(${c.column})` : c.op);

/** The operation of what a formula gives: none of the server's. */
export const FORMULA = 'formula';
export const isFormula = (c: { op: string }) => c.op === FORMULA;
/** What is called, where it is ordered by: those with a name by it. */
export const orderOf = (c: Calculation): Omit<Order, 'descending'> => (c.name ? { column: c.name } : { op: c.op, ...(c.column ? { column: c.column } : {}) });
/** What an answer has numbers of: the calculations that are shown, then the formulas. */
export const valuesOf = (e: { show: Calculation[]; formulas: Made[] }): Calculation[] => [...e.show.filter((c) => !isHeatmap(c) && !(c.hidden && e.formulas.length > 0)), ...e.formulas.map(({ name }) => ({ op: FORMULA, name }))];
/** The calculations that formulas can name. */
export const namesForFormulas = (e: { show: Calculation[] }): string[] => e.show.filter((c) => !isHeatmap(c)).map(calculationName);
export const orderName = (o: Order) => (o.op ? calculationName({ op: o.op, column: o.column }) : (o.column ?? ''));

export const rangeSeconds = (range: Range) => ('last' in range ? range.last : (range.to - range.from) / 1000);
export const isLast = (range: Range): range is { last: number } => 'last' in range;
