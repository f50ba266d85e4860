// What went wrong in the reader's words, which field is at fault, and what would mend it. Pure; it reads the error type
// and warnings, never the network.
import type { ApiError } from '../api/errors';
import type { Warning } from '../api/types';

export type Trouble = { code: string; headline: string; advice: string; field: string | null; instead: string | null; retry: number | null };

const closest = (similar: unknown): string | null => (Array.isArray(similar) && typeof similar[0] === 'string' ? similar[0] : null);

export function troubleOfError(error: ApiError, dataset = ''): Trouble {
  const field = typeof error.details.field === 'string' ? error.details.field : typeof error.details.column === 'string' ? error.details.column : typeof error.details.name === 'string' ? error.details.name : null;
  // An answer that had begun has a status that says nothing about its end.
  const base = { code: `${error.status >= 400 ? error.status : ''} ${error.code}`.trim(), field, instead: closest(error.details.similar), retry: null };
  if (error.status === 0) return { ...base, code: 'no answer', headline: 'Outcrop does not answer.', advice: 'Everything read so far stays usable.', retry: 5 };
  if (error.passing) return { ...base, headline: sentence(error.message), advice: '', retry: error.retryAfter ?? 5 };
  if (error.code === 'unknown_field' && field) return { ...base, ...unknownField(field, base.instead, dataset) };
  return { ...base, headline: sentence(error.message), advice: '' };
}

/** Why signing in did not work. */
export function signInTrouble(error: ApiError): string {
  if (error.status === 401) return 'This is not a key of this Outcrop, or it was revoked.';
  if (error.status === 0) return 'Outcrop does not answer. Try again in a moment.';
  return sentence(error.message);
}

const unknownField = (field: string, instead: string | null, dataset: string) => ({ headline: `There is no field ${field} in ${dataset || 'this dataset'}.`, advice: instead ? `The closest is ${instead}.` : '' });

/** Messages of the API begin small and end open; on the page they are sentences. */
const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');

export function troubleOfWarning(warning: Warning, dataset: string): Trouble {
  if (warning.code === 'damaged_segment') return { code: warning.code, headline: `Part of ${warning.dataset} cannot be read.`, advice: sentence(warning.message), field: null, instead: null, retry: null };
  if (warning.code === 'fields_not_compared') return { code: warning.code, headline: `${warning.fields.toLocaleString('en')} fields were not compared.`, advice: sentence(warning.message), field: null, instead: null, retry: null };
  const instead = closest(warning.similar);
  return { code: warning.code, ...unknownField(warning.field, instead, dataset), field: warning.field, instead, retry: null };
}
