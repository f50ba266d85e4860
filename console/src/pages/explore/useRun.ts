// Running the page's question: when it runs, what is shown meanwhile, and what went wrong. The result before stays until
// the next one is there. It must not know how results look.
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { serverNow } from '../../api/client';
import { useAnswer, useCancel, useForgetEarlier, type Run } from '../../api/hooks';
import type { ApiError } from '../../api/errors';
import type { QueryAnswer } from '../../api/types';
import { isLast, type Explore } from '../../state/explore';
import { querySpec, times, type Times } from '../../state/spec';

/** An answer with the question it answers: a page that fades still means what it says. */
export type Shown = { answer: QueryAnswer; explore: Explore; when: Times; at: number };
export type Running = { run: Run; when: Times; shown: Shown | null; current: boolean; running: boolean; since: number; error: ApiError | null; again: () => void; cancel: () => void };

const KEPT_MS = 120_000;

/** What changes the answer; view, tab and live do not. */
function questionOf(e: Explore): string {
  return JSON.stringify([e.calculated, e.show, e.formulas, e.where, e.combine, e.by, e.orders, e.havings, e.limit, e.range, e.granularity, e.compare]);
}

export function useRun(explore: Explore, ready: boolean): Running {
  const question = questionOf(explore);
  const name = `${explore.dataset}\n${question}`;
  // The moment each question was last run, so that Back shows the answer it had.
  const moments = useRef(new Map<string, number>());
  const [, redraw] = useState(0);
  const known = moments.current.get(name);
  const arrived = useRef('');
  // Coming to a question: an old answer of a relative range is asked for again. Staying on it, it stays.
  const renew = known === undefined || (arrived.current !== name && isLast(explore.range) && serverNow() - known > KEPT_MS);
  const at = renew ? serverNow() : known;
  if (renew) moments.current.set(name, at);
  arrived.current = name;
  const run = useMemo<Run>(() => ({ dataset: explore.dataset, question, at }), [explore.dataset, question, at]);
  const when = useMemo(() => times(explore, at), [question, at]); // eslint-disable-line react-hooks/exhaustive-deps -- the question names every part that times reads
  const spec = useMemo(() => querySpec(explore, when), [question, when]); // eslint-disable-line react-hooks/exhaustive-deps -- as above
  const query = useAnswer(run, ready ? spec : null);

  const last = useRef<Shown | null>(null);
  if (query.data && last.current?.answer !== query.data) last.current = { answer: query.data, explore, when, at };
  const sameDataset = last.current?.explore.dataset === explore.dataset;
  const forget = useForgetEarlier();
  useEffect(() => {
    if (query.data) forget(run);
  }, [query.data]); // eslint-disable-line react-hooks/exhaustive-deps -- once for each answer

  const since = useRef(0);
  if (query.isFetching && since.current === 0) since.current = Date.now();
  if (!query.isFetching) since.current = 0;
  const stop = useCancel();
  const again = useCallback(() => {
    moments.current.set(name, Math.max(serverNow(), at + 1));
    redraw((n) => n + 1);
  }, [name, at]);
  return { run, when, shown: sameDataset ? last.current : null, current: query.data !== undefined, running: query.isFetching, since: since.current || Date.now(), error: query.error, again, cancel: stop };
}
