// Values of fields as text on the screen: cut so that what tells them apart stays, control characters as symbols.
// Pure. The whole value is never lost: callers put it into the title and the value menu.
export type Value = string | number | boolean | null;

/** Control characters become their Unicode pictures, so that nothing in a value is ever executed or hidden. */
export function visible(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[\u0000-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0))).replace(/\u007f/g, '\u2421');
}

/** Ids and builds are cut in the middle, paths at the start, other text at the end. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  // Values reach 64 KiB, so letters are counted at the ends only; a letter is at most two code units.
  const head = [...text.slice(0, most * 2)];
  const end = [...text.slice(-most * 2)];
  if (head.length <= most && text.length <= most * 2) return text;
  if (/^[/~]|^[a-z]+:\/\//i.test(text)) return `…${end.slice(end.length - most + 1).join('')}`;
  if (!/\s/.test(text)) {
    const tail = Math.max(1, Math.floor((most - 1) * 0.46));
    return `${head.slice(0, most - 1 - tail).join('')}…${end.slice(-tail).join('')}`;
  }
  return `${head.slice(0, most - 1).join('')}…`;
}

/** The value as one line; `null` has no text and is written by the caller as dim words. */
export function valueText(value: Value): string {
  if (value === null) return 'no value';
  if (value === '') return '""';
  return typeof value === 'string' ? visible(value) : String(value);
}

/** A group's key as words for legends: "b-0037 eu-west-1". */
export function keyText(key: Value[]): string {
  return key.length === 0 ? 'all' : key.map((v) => cut(valueText(v), 28)).join(' ');
}

const WORDS: Record<string, string> = { integer: 'number', float: 'number', string: 'text', boolean: 'yes or no' };

/** The words for a field's types, most common first: "number", "number, text". */
export function typeWords(types: Record<string, number>): string {
  const words = Object.entries(types).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]).map(([type]) => WORDS[type] ?? type);
  return [...new Set(words)].join(', ') || 'unknown';
}
