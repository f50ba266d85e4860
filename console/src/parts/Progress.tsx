// What says that a query runs: a line under the strip after 100 ms, and after 400 ms a band with how long it has taken.
// Words and a standing line, nothing that turns or loops.
import { useEffect, useState } from 'react';
import { duration } from '../words/numbers';

/** True once something has been running for `ms`; false at once when it ends. */
export function useSince(running: boolean, ms: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!running) return setLate(false);
    const timer = setTimeout(() => setLate(true), ms);
    return () => clearTimeout(timer);
  }, [running, ms]);
  return late && running;
}

export function ProgressLine() {
  return <div className="progress" role="presentation" />;
}

export function RunningBand({ since, before }: { since: number; before: boolean }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 200);
    return () => clearInterval(timer);
  }, []);
  const tenths = Math.max(0, Math.floor((now - since) / 100) / 10);
  return (
    <section className="band running" aria-live="off" data-testid="running-band">
      <ProgressLine />
      <p><b>Reading</b> <span className="mid num">for {tenths < 60 ? `${tenths.toFixed(1)}\u202fs` : duration(tenths * 1000)}</span></p>
      <span className="sp" />
      {before && <span className="dim">Below: the result before this one</span>}
    </section>
  );
}
