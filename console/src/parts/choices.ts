// What somebody chose for this browser and no link carries: the time zone, whether single letters are keys, whether the
// history is open and markers are shown. The theme
// is theme/choose.ts, because it must stand before the first paint.
import { useSyncExternalStore } from 'react';
import { setZone, UTC, zoneNow } from '../words/zone';

const ZONE = 'outcrop.zone';
const LETTERS = 'outcrop.letters';
const HISTORY = 'outcrop.history';
const MARKERS = 'outcrop.markers';
const OFF = 'off';
const ON = 'on';
const listeners = new Set<() => void>();

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Storage can be forbidden; the choice then lasts as long as the page. */
function keep(key: string, value: string | null) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // As above.
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
const tell = () => listeners.forEach((listener) => listener());

setZone(read(ZONE) ?? UTC);
let letters = read(LETTERS) !== OFF;
let history = read(HISTORY) === ON;
let markers = read(MARKERS) !== OFF;

export function chooseZone(name: string) {
  setZone(name);
  keep(ZONE, zoneNow() === UTC ? null : zoneNow());
  tell();
}

export function chooseLetters(on: boolean) {
  letters = on;
  keep(LETTERS, on ? null : OFF);
  tell();
}

export function chooseHistory(open: boolean) {
  history = open;
  keep(HISTORY, open ? ON : null);
  tell();
}
export const useHistoryOpen = () => useSyncExternalStore(subscribe, () => history);

export function chooseMarkers(shown: boolean) {
  markers = shown;
  keep(MARKERS, shown ? null : OFF);
  tell();
}
export const useMarkersShown = () => useSyncExternalStore(subscribe, () => markers);

/** The zone's name; whoever asks is drawn again when it changes. */
export const useZone = () => useSyncExternalStore(subscribe, zoneNow);
export const lettersNow = () => letters;
export const useLetters = () => useSyncExternalStore(subscribe, lettersNow);

/** The zone of this machine. */
export const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || UTC;
