// What the Explore page shows, as one plain value. The URL holds all of it (url.ts), a query is made from it (spec.ts),
// and every click is a pure change of it (edit.ts). It must not know React, the router or the network.
import type { Value } from '../words/values';

export type Scalar = Exclude<Value, null>;
export type Calculation = { op: string; column?: string };
export type Filter = { column: string; op: string; value?: Scalar | Scalar[] };
export type Order = { op?: string; column?: string; descending: boolean };
export type Having = { op: string; column?: string; compare: string; value: number };
/** Relative to now in seconds, or two absolute times in milliseconds. */
export type Range = { last: number } | { from: number; to: number };
export type View = 'heatmap' | 'lines' | 'stacked' | 'bars' | 'number';
export type Tab = 'groups' | 'events';

export type Explore = {
  dataset: string;
  show: Calculation[];
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
  show: [],
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
export const calculationName = (c: { op: string; column?: string }) => (c.column ? `${c.op}(${c.column})` : c.op);
export const orderName = (o: Order) => (o.op ? calculationName({ op: o.op, column: o.column }) : (o.column ?? ''));

export const rangeSeconds = (range: Range) => ('last' in range ? range.last : (range.to - range.from) / 1000);
export const isLast = (range: Range): range is { last: number } => 'last' in range;
