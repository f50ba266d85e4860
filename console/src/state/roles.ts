// Which fields of a dataset make a trace: those that the server names, else the first present of the usual names. Pure.
import type { FieldInfo, Roles as Named } from '../api/types';
import { durationField } from './spec';

export type Roles = { trace: string; span: string; parent: string; name: string; service: string; error: string; duration: string | null };

const NAMES = {
  trace: ['trace.trace_id', 'trace_id', 'traceId'],
  span: ['trace.span_id', 'span_id', 'spanId'],
  parent: ['trace.parent_id', 'parent_id', 'parentId'],
  name: ['name'],
  service: ['service.name', 'service'],
  error: ['error'],
};

const first = (names: string[], known: ReadonlySet<string>) => names.find((n) => known.has(n)) ?? names[0]!;

/** Null where no event belongs to a trace. */
export function rolesOf(fields: FieldInfo[]): Roles | null {
  const known = new Set(fields.map((f) => f.name));
  if (!NAMES.trace.some((n) => known.has(n))) return null;
  const role = (of: keyof typeof NAMES) => first(NAMES[of], known);
  return { trace: role('trace'), span: role('span'), parent: role('parent'), name: role('name'), service: role('service'), error: role('error'), duration: durationField(fields) };
}

/** As the server names them; null where no event belongs to a trace. */
export function rolesNamed(named: Named): Roles | null {
  if (!named.trace_id) return null;
  const role = (of: keyof typeof NAMES, name: string | null | undefined) => name ?? NAMES[of][0]!;
  return { trace: named.trace_id, span: role('span', named.span_id), parent: role('parent', named.parent_id), name: role('name', named.name), service: role('service', named.service), error: role('error', named.error), duration: named.duration_ms ?? null };
}

/** The trace that an event belongs to, and which span of it the event is. */
export function traceOf(values: ReadonlyMap<string, unknown>, roles: Roles): { trace: string; span: string | null } | null {
  const text = (name: string) => {
    const value = values.get(name);
    return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : null;
  };
  const trace = text(roles.trace);
  return trace === null ? null : { trace, span: text(roles.span) };
}

const IDENTITIES = new Set([...NAMES.trace, ...NAMES.span, ...NAMES.parent]);
/** Fields whose values name one span or trace: of course they are rare. */
export const namesOne = (field: string) => IDENTITIES.has(field) || field.startsWith('meta.');
