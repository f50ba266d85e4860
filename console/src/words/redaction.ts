// Rules of redaction in words: what each takes out, of what, and what is left of it. Pure; it knows the contract's words.
import type { components } from '../api/schema.gen';

type Wire = components['schemas']['RedactionRule'];
export type Action = Wire['action'];
export type Detector = components['schemas']['DetectorName'];
export type Rule = { datasets: string[]; fields: string[]; detector: Detector | null; action: Action; position: number; description: string };

export const emptyRule: Rule = { datasets: ['*'], fields: ['*'], detector: null, action: 'mask', position: 0, description: '' };

/** `standing` ones hold in every dataset without any rule. */
export const DETECTORS: { detector: Detector; many: string; what: string; standing: boolean; example: string; word: string }[] = [
  { detector: 'private_key', many: 'private keys', what: 'PEM blocks whose header says PRIVATE KEY', standing: true, example: '-----BEGIN PRIVATE KEY-----…', word: '[private_key]' },
  { detector: 'token', many: 'access tokens', what: 'keys of AWS, GitHub, Slack, Stripe and others, JSON web tokens, and what follows Bearer and Basic', standing: true, example: 'Bearer eyJhbGciOi…', word: '[token]' },
  { detector: 'card', many: 'payment cards', what: 'numbers with an issuer’s prefix and length whose check digit fits, also in number fields', standing: true, example: '4111 1111 1111 1111', word: '[card]' },
  { detector: 'email', many: 'email addresses', what: 'only where a rule says so', standing: false, example: 'jane@example.com', word: '[email]' },
  { detector: 'ip', many: 'IP addresses', what: 'only where a rule says so', standing: false, example: '203.0.113.7', word: '[ip]' },
];
export const detectorOf = (detector: Detector | null) => DETECTORS.find((d) => d.detector === detector) ?? null;

export const ACTIONS: { action: Action; label: string; verb: string; gerund: string }[] = [
  { action: 'mask', label: 'Mask', verb: 'Mask', gerund: 'masked' },
  { action: 'hash', label: 'Hash', verb: 'Hash', gerund: 'hashed' },
  { action: 'drop', label: 'Drop', verb: 'Drop', gerund: 'dropped' },
  { action: 'keep', label: 'Keep', verb: 'Keep', gerund: 'kept' },
];

/** What an action does to what a rule finds. */
export function actionWords(rule: Rule): string {
  const word = detectorOf(rule.detector)?.word ?? '[masked]';
  if (rule.action === 'mask') return `It is replaced by ${word}.`;
  if (rule.action === 'hash') return 'It is replaced by a keyed hash: equal values stay equal, so grouping, counting and looking for one go on working.';
  if (rule.action === 'drop') return rule.detector ? 'A field in which it is found has no value.' : 'The field has no value.';
  return 'It stays as it was sent: an exception from rules after this one.';
}

const every = (names: string[]) => names.includes('*');
const listed = (names: string[]) => (names.length < 3 ? names.join(' and ') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`);

/** A rule as one sentence, in parts: its verb, what it is about, and where. */
export function ruleWords(rule: Rule): { verb: string; what: string; code: boolean; where: string } {
  const verb = ACTIONS.find((a) => a.action === rule.action)!.verb;
  const datasets = every(rule.datasets) ? '' : `, in ${listed(rule.datasets)}`;
  const found = detectorOf(rule.detector);
  if (found) return { verb, what: found.many, code: false, where: `${every(rule.fields) ? ' in every field' : ` in ${listed(rule.fields)}`}${datasets}` };
  return { verb, what: every(rule.fields) ? 'every field' : listed(rule.fields), code: !every(rule.fields), where: datasets };
}

/** In the order in which they are asked: the first that fits wins. */
export const inOrder = <R extends Rule & { created: string }>(rules: R[]): R[] => [...rules].sort((a, b) => a.position - b.position || (a.created < b.created ? -1 : a.created > b.created ? 1 : 0));

/** Names as they are typed, between commas; nothing means all. */
export function readNames(text: string): string[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()).filter(Boolean))];
  return names.length > 0 ? names : ['*'];
}
export const writeNames = (names: string[]) => (every(names) ? '' : names.join(', '));

/** Why a rule cannot be made as it stands; the server knows the rest. */
export function missingOf(rule: Rule, hashes: boolean | undefined): string | null {
  if (rule.detector === null && every(rule.fields)) return 'Name fields, or say what to look for: this would be every value there is.';
  if (rule.action === 'hash' && hashes === false) return 'There is no secret to hash with.';
  return null;
}
