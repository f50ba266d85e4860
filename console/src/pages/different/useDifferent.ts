// The page's question and what is shown of it: the newest answer with the question it answers, and the one before while
// the next is not there. It must not know how anything looks.
import { useMemo, useRef } from 'react';
import { useCompare } from '../../api/hooks';
import type { CompareAnswer } from '../../api/types';
import { compareSpec, type Different } from '../../state/different';

/** An answer with the page it answers: one that fades still means what it says. */
export type Shown = { answer: CompareAnswer; different: Different };

export function useDifferent(d: Different, known: string[]) {
  const spec = useMemo(() => compareSpec(d, known), [d, known]);
  const { told, error, running, stop, again } = useCompare(d.explore.dataset, spec);
  const last = useRef<Shown | null>(null);
  if (told.answer && last.current?.answer !== told.answer) last.current = { answer: told.answer, different: d };
  const shown = last.current?.different.explore.dataset === d.explore.dataset ? last.current : null;
  const current = told.answer !== null;
  return { shown, current, told, error, running, stopped: !running && !error && !(told.answer?.exact ?? false), stop, again };
}
