// The name of a query nobody has named: what it shows, of what, by what. Pure.
import type { Explore, Filter } from '../state/explore';
import type { Looking } from '../state/looking';
import { ANY_FIELD } from '../state/found';
import { cut, valueText } from './values';

const filterWords = (f: Filter) => {
  if (f.column === ANY_FIELD) return `any field ${f.op} ${valueText(Array.isArray(f.value) ? f.value.join(', ') : (f.value ?? null))}`;
  if (f.value === undefined) return `${f.op === 'exists' ? 'with' : 'without'} ${f.column}`;
  const value = Array.isArray(f.value) ? f.value.map(valueText).join(', ') : valueText(f.value);
  return f.op === '=' ? (/^(true|false|-?[\d.]+)$/.test(value) ? `${f.column} ${value}` : value) : `${f.column} ${f.op} ${value}`;
};

/** "HEATMAP, COUNT, P99 of duration_ms": functions of one field share its name. */
export function showWords(e: Explore): string {
  const shown = e.show.filter((c) => !(c.hidden && e.formulas.length > 0));
  const columns = new Set(shown.map((c) => c.column).filter(Boolean));
  const plain = e.formulas.length === 0 && shown.every((c) => !c.name);
  if (plain && columns.size === 1) return `${shown.map((c) => c.op).join(', ')} of ${[...columns][0]}`;
  return [...shown.map((c) => c.name ?? (c.column ? `${c.op} ${c.column}` : c.op)), ...e.formulas.map((f) => f.name)].join(', ') || 'COUNT';
}

export function whereWords(e: Explore): string {
  return cut(e.where.map(filterWords).join(e.combine === 'OR' ? ' or ' : ', '), 80);
}

export function titleOf(e: Explore): string {
  const what = e.where.length > 0 ? whereWords(e) : e.show.length + e.formulas.length > 0 ? showWords(e) : 'Events';
  const by = e.by.length > 0 ? ` by ${e.by.map((c) => cut(c, 30)).join(' and ')}` : '';
  return what + by;
}

export function titleOfLooking(page: Looking): string {
  if (page.page === 'trace') return `Trace ${cut(page.trace.trace, 13)} · Outcrop`;
  if (page.page === 'event') return `Event ${page.event.sequence} of ${page.event.dataset} · Outcrop`;
  return `${page.page === 'live' ? 'Live' : 'Traces'} · ${page.page === 'live' ? page.live.dataset : page.traces.dataset} · Outcrop`;
}
