// The stream of live events as React state: connected while the page is open, again after a break from where it was, and
// drawn a few times a second however fast events come.
import { useCallback, useEffect, useRef, useState } from 'react';
import { getTail } from '../../api/client';
import { ApiError } from '../../api/errors';
import { contractFilter } from '../../state/spec';
import type { Filter } from '../../state/explore';
import { NOTHING_TAILED, readTailed, released, taken, type Tail, type Tailed } from '../../state/tail';

const DRAW_MS = 150;
const AGAIN_MS = 2000;
/** Read between two drawings; what is beyond it is left out and counted. */
const ARRIVED_MOST = 5000;

export type Connection = { state: 'connecting' | 'open' | 'away'; error: ApiError | null };

export function useTail(dataset: string, where: Filter[], held: boolean) {
  const [tail, setTail] = useState<Tail>(NOTHING_TAILED);
  const [connection, setConnection] = useState<Connection>({ state: 'connecting', error: null });
  const [tries, setTries] = useState(0);
  const holding = useRef(held);
  useEffect(() => {
    holding.current = held;
    if (!held) setTail(released);
  }, [held]);
  const question = JSON.stringify(where.map(contractFilter));
  useEffect(() => setTail(NOTHING_TAILED), [dataset, question]);
  const newest = useRef<string | null>(null);
  useEffect(() => {
    newest.current = null;
  }, [dataset, question]);

  useEffect(() => {
    const ends = new AbortController();
    let arrived: Tailed[] = [];
    let dropped = 0;
    let again: ReturnType<typeof setTimeout>;
    const drawing = setInterval(() => {
      if (arrived.length === 0 && dropped === 0) return;
      const [batch, lost] = [arrived, dropped];
      [arrived, dropped] = [[], 0];
      setTail((t) => taken({ ...t, dropped: t.dropped + lost }, batch, holding.current));
    }, DRAW_MS);
    setConnection((c) => ({ state: c.state === 'away' ? 'away' : 'connecting', error: c.error }));
    const tell = {
      opened: () => setConnection({ state: 'open', error: null }),
      event: (data: string) => {
        const event = readTailed(data);
        if (!event) return;
        newest.current = event.sequence;
        if (arrived.length < ARRIVED_MOST) arrived.push(event);
        else dropped += 1;
      },
      dropped: (events: number) => void (dropped += events),
    };
    const broken = (reason: unknown) => {
      if (ends.signal.aborted) return;
      const error = reason instanceof ApiError ? reason : null;
      setConnection({ state: 'away', error });
      // What is wrong stays wrong; what broke is tried again.
      if (!error || error.passing) again = setTimeout(() => setTries((n) => n + 1), AGAIN_MS);
    };
    getTail(dataset, JSON.parse(question) as unknown[], newest.current, tell, ends.signal).then(() => broken(null), broken);
    return () => {
      ends.abort();
      clearInterval(drawing);
      clearTimeout(again);
    };
  }, [dataset, question, tries]);
  return { tail, connection, again: useCallback(() => setTries((n) => n + 1), []), clear: useCallback(() => setTail((t) => ({ ...NOTHING_TAILED, newest: t.newest })), []) };
}
