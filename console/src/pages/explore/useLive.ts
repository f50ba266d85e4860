// Live: the question again in steps of the time axis, at most once a second. It rests while something floats over the page,
// while the page is hidden, and while the last run is not back.
import { useEffect } from 'react';

const LEAST_MS = 1000;
const MOST_MS = 15_000;

/** A quarter of a bucket, so that the newest bucket fills visibly and a new one appears soon after it begins. */
export const livePause = (stepSeconds: number) => Math.min(MOST_MS, Math.max(LEAST_MS, stepSeconds * 250));

export function useLive(on: boolean, resting: boolean, running: boolean, stepSeconds: number, again: () => void) {
  useEffect(() => {
    if (!on || resting || running) return;
    const timer = setTimeout(() => {
      if (!document.hidden) again();
    }, livePause(stepSeconds));
    const wake = () => !document.hidden && again();
    document.addEventListener('visibilitychange', wake);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', wake);
    };
  }, [on, resting, running, stepSeconds, again]);
}
