// The time zone in which times are read and written: UTC until somebody chooses another. It knows offsets and names; who
// chose, and where that is kept, is parts/choices.ts.
export const UTC = 'UTC';
const QUARTER_MS = 900_000;
const DAY_MS = 86_400_000;
/** Offsets change on the quarter hour; more quarters than this are forgotten and asked again. */
const KEPT_MOST = 4096;

let zone = UTC;
let format: Intl.DateTimeFormat | null = null;
const offsets = new Map<number, number>();

export const zoneNow = () => zone;

/** Whether the browser knows a zone of this name. */
export function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export function setZone(name: string) {
  zone = isZone(name) ? name : UTC;
  format = zone === UTC ? null : new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
  offsets.clear();
}

/** Milliseconds that clocks of the zone are ahead of UTC at a moment. */
export function offsetAt(ms: number): number {
  if (!format || !Number.isFinite(ms)) return 0;
  const quarter = Math.floor(ms / QUARTER_MS);
  const known = offsets.get(quarter);
  if (known !== undefined) return known;
  const start = quarter * QUARTER_MS;
  const part = Object.fromEntries(format.formatToParts(start).map((p) => [p.type, Number(p.value)]));
  const offset = Date.UTC(part.year!, part.month! - 1, part.day!, part.hour!, part.minute!, part.second!) - start;
  if (offsets.size >= KEPT_MOST) offsets.clear();
  offsets.set(quarter, offset);
  return offset;
}

/** The moment at which clocks of the zone show what UTC shows at `wall`. Of an hour that comes twice the first; in an
    hour that is left out, the moment at which the clocks before it would have shown it. */
export function momentOf(wall: number): number {
  const candidates = [wall - offsetAt(wall - DAY_MS), wall - offsetAt(wall + DAY_MS)];
  return candidates.find((at) => at + offsetAt(at) === wall) ?? candidates[0]!;
}

/** "UTC", "Berlin": the zone as it stands beside times. */
export const zoneWords = () => (zone === UTC ? UTC : (zone.split('/').pop() ?? zone).replaceAll('_', ' '));
