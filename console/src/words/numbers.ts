// Numbers as people read them: counts, shares, durations, bytes. Pure. It knows no field and no page.

/** Narrow no-break space: stands before a unit and before %. */
export const NNBSP = '\u202f';

const grouped = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });

/** Three significant digits without trailing zeros and without an exponent. */
export function three(n: number): string {
  if (n === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(n))));
  const text = n.toFixed(Math.min(digits, 12));
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** Exact to 99,999, then 402 k, 48.2 M. */
export function count(n: number): string {
  const size = Math.abs(n);
  if (size < 100_000) return Number.isInteger(n) ? grouped.format(n) : decimal(n);
  for (const [limit, unit] of [[999_500, 'k'], [999_500_000, 'M'], [999_500_000_000, 'G']] as const) {
    if (size < limit) return three(n / { k: 1e3, M: 1e6, G: 1e9 }[unit]) + NNBSP + unit;
  }
  return three(n / 1e12) + NNBSP + 'T';
}

/** Every digit of a whole number, in groups of three. */
export function exact(n: number): string {
  return Number.isInteger(n) ? grouped.format(n) : decimal(n);
}

/** A plain number of any size: grouped, with as many decimals as say something. */
export function decimal(n: number): string {
  const size = Math.abs(n);
  if (size !== 0 && (size < 1e-6 || size >= 1e15)) return n.toExponential(2);
  if (size >= 1000) return n.toLocaleString('en-GB', { maximumFractionDigits: size >= 10_000 ? 0 : 1 });
  return three(n);
}

/** Whole from 10 %, one decimal below, "under 0.1 %"; 0 and 100 only for none and all. */
export function share(part: number): string {
  if (part <= 0) return `0${NNBSP}%`;
  if (part >= 1) return `100${NNBSP}%`;
  const percent = part * 100;
  if (percent < 0.1) return `under 0.1${NNBSP}%`;
  if (percent < 10) return `${Math.min(percent, 9.9).toFixed(1)}${NNBSP}%`;
  return `${Math.min(99, Math.round(percent))}${NNBSP}%`;
}

/** 84 µs, 138 ms, 4.86 s, 3 min 20 s, 2 h 5 min. */
export function duration(ms: number): string {
  const size = Math.abs(ms);
  if (size === 0) return `0${NNBSP}ms`;
  if (size < 0.001) return `${three(ms * 1e6)}${NNBSP}ns`;
  if (size < 0.9995) return `${three(ms * 1000)}${NNBSP}µs`;
  if (size < 999.5) return `${three(ms)}${NNBSP}ms`;
  if (size < 59_950) return `${three(ms / 1000)}${NNBSP}s`;
  const sign = ms < 0 ? '−' : '';
  const seconds = Math.round(size / 1000);
  if (seconds < 3600) return sign + pair(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return sign + pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(minutes / 60);
  return sign + pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  const head = `${big}${NNBSP}${bigUnit}`;
  return small === 0 ? head : `${head} ${small}${NNBSP}${smallUnit}`;
}

/** 812 B, 64 KiB, 1.4 GiB. */
export function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = n;
  let step = 0;
  while (Math.abs(value) >= 1023.5 && step < units.length - 1) {
    value /= 1024;
    step += 1;
  }
  return `${three(value)}${NNBSP}${units[step]}`;
}

/** "1 event", "2 events", "48.2 M events". */
export function counted(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}
