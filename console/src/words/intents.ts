// Words and places of the Intents page: shares that keep what tells, their place on a scale of nines, the headline. Pure.
import { culprit, metShare, type Group, type Line } from '../state/intents';
import { NNBSP } from './numbers';

/** 88.3 %, 99.93 %, 99.991 %: as many digits as the unmet part needs, never rounded up to all. */
export function metWords(part: number): string {
  if (part >= 1) return `100${NNBSP}%`;
  if (part <= 0) return `0${NNBSP}%`;
  const digits = Math.min(6, Math.max(part < 0.99 ? 1 : 2, Math.round(-Math.log10(1 - part)) - 1));
  const factor = 10 ** digits;
  const floored = Math.floor(part * 100 * factor + 1e-7) / factor;
  return `${floored.toFixed(digits).replace(/\.?0+$/, '')}${NNBSP}%`;
}

const NINES_MOST = 4.6;
export const NINES = [0.9, 0.99, 0.999, 0.9999];
/** Place from 0 to 1 on a scale where 90, 99, 99.9 and 99.99 % are evenly apart. */
export const ninesPlace = (part: number) => (part >= 1 ? 1 : part <= 0 ? 0 : Math.min(NINES_MOST, -Math.log10(1 - part)) / NINES_MOST);

/** "− 11.5 points"; null where one side has no share. */
export function pointsWords(l: Line): string | null {
  const now = metShare(l.now);
  const then = metShare(l.before);
  if (now === null || then === null) return null;
  const points = (now - then) * 100;
  if (Math.abs(points) < 0.005) return 'no change';
  const size = Math.abs(points);
  return `${points < 0 ? '−' : '+'}${NNBSP}${size >= 1 ? size.toFixed(1).replace(/\.0$/, '') : size.toFixed(2).replace(/0$/, '')} points`;
}

export const GROUP_WORDS: Record<Group, { title: string; note: string; short: string }> = {
  worse: { title: 'Got worse', note: 'beyond what chance explains', short: 'Worse' },
  holding: { title: 'Holding', note: '', short: 'Holding' },
  better: { title: 'Got better', note: 'beyond what chance explains', short: 'Better' },
  quiet: { title: 'Quiet', note: 'exercised before, and not in this time', short: 'Quiet' },
  never_exercised: { title: 'Never exercised', note: 'declared, and never seen', short: 'Never exercised' },
  new: { title: 'New', note: 'declared by the newest version only', short: 'New' },
  gone: { title: 'Gone', note: 'no longer declared by the newest version', short: 'Gone' },
};

const SMALL = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'];
const few = (n: number) => SMALL[n] ?? String(n);
const capital = (t: string) => t.charAt(0).toUpperCase() + t.slice(1);

export type Headline = { /** The version with which it got worse. */ version: string | null; bold: string; first: { text: string; now: string; before: string } | null; rest: string };

/** What got worse, since what; the parts of one sentence. `earlier` is "the 2 hours before". */
export function headlineOf(lines: Line[], earlier: string): Headline {
  const worse = lines.filter((l) => l.group === 'worse');
  const exercised = lines.filter((l) => l.now.all > 0);
  const first = worse[0];
  if (!first) {
    if (exercised.length === 0) return { version: null, bold: 'No intent was exercised in this time', first: null, rest: '' };
    const all = exercised.length === 1 ? 'The one intent that was exercised holds' : `All ${few(exercised.length)} intents that were exercised hold`;
    return { version: null, bold: all, first: null, rest: `as often as in ${earlier}, as far as chance allows to say` };
  }
  const version = culprit(first);
  const others = exercised.length - worse.length;
  const n = `${few(worse.length)} ${worse.length === 1 ? 'intent holds' : 'intents hold'} less often`;
  return {
    version,
    bold: version ? n : capital(n),
    first: { text: first.text, now: metWords(metShare(first.now)!), before: metWords(metShare(first.before)!) },
    rest: others > 0 ? `The other ${others === 1 ? 'one holds' : `${few(others)} hold`}.` : '',
  };
}
