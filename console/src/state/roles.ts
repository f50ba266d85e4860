// Which fields of a dataset make a trace: the first present of the usual names. Pure.
import type { FieldInfo } from '../api/types';
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

/** The trace that an event belongs to, and which span of it the event is. */
export function traceOf(values: ReadonlyMap<string, unknown>): { trace: string; span: string | null } | null {
  const text = (names: string[]) => names.map((n) => values.get(n)).find((v): v is string => typeof v === 'string' && v !== '') ?? null;
  const trace = text(NAMES.trace);
  return trace === null ? null : { trace, span: text(NAMES.span) };
}

/** What a field's own name says of it, for one span without the list of fields. */
export const fieldOfRole = (values: Readonly<Record<string, unknown>>, role: keyof typeof NAMES): string => NAMES[role].find((n) => n in values) ?? NAMES[role][0]!;

const IDENTITIES = new Set([...NAMES.trace, ...NAMES.span, ...NAMES.parent]);
/** Fields whose values name one span or trace: of course they are rare. */
export const namesOne = (field: string) => IDENTITIES.has(field) || field.startsWith('meta.');
