// What a key may do, in words. Pure; it knows the three scopes and no page.
import type { Grant, KeyLimits } from '../api/types';

export const SCOPES: { scope: Grant['scope']; verb: string; what: string }[] = [
  { scope: 'ingest', verb: 'send', what: 'Send events' },
  { scope: 'query', verb: 'ask', what: 'Ask and look' },
  { scope: 'admin', verb: 'change what is kept', what: 'Change what is kept, and make keys' },
];

/** "send to shop, web": one scope with its limit. */
export function grantWords(grant: Grant): string {
  const verb = SCOPES.find((s) => s.scope === grant.scope)?.verb ?? grant.scope;
  if (!grant.datasets) return grant.scope === 'admin' ? verb : `${verb} ${grant.scope === 'ingest' ? 'to ' : ''}everything`;
  return `${verb} ${grant.scope === 'ingest' ? 'to' : 'of'} ${grant.datasets.join(', ')}`;
}

/** "may ask everything and send to shop". */
export function grantsWords(grants: Grant[]): string {
  const words = grants.map(grantWords);
  return `may ${words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`}`;
}

/** What may be had of it in a second, or nothing where there is no limit. */
export function limitsWords(limits: KeyLimits): string | null {
  const one = (limit: number | null | undefined, what: string) => (limit ? `${limit.toLocaleString('en')} ${what}` : null);
  const said = [one(limits.requests_per_second, 'requests'), one(limits.events_per_second, 'events')].filter((words) => words !== null);
  return said.length > 0 ? `at most ${said.join(' and ')} a second` : null;
}

/** A limit as it is typed: names between commas or blanks; nothing means every dataset. */
export function readDatasets(text: string): string[] | null {
  const names = [...new Set(text.split(/[\s,]+/).filter(Boolean))];
  return names.length > 0 ? names : null;
}
