// The browser's address as React state: reading it, one history entry for each step, and Back and Forward.
// It must not know what a page means; url.ts does.
import { useCallback, useMemo, useSyncExternalStore } from 'react';
import { decodePage, encodePage, type Page } from './url';

const listeners = new Set<() => void>();
const tell = () => listeners.forEach((listener) => listener());

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('popstate', listener);
  };
}

export type Go = (page: Page, how?: 'push' | 'replace') => void;

export function usePage(): [Page, Go] {
  const search = useSyncExternalStore(subscribe, () => window.location.search);
  const page = useMemo(() => decodePage(search), [search]);
  const go = useCallback<Go>((next, how = 'push') => {
    const url = window.location.pathname + encodePage(next);
    if (url === window.location.pathname + window.location.search) return;
    if (how === 'push') {
      const depth = stepOf(window.history.state) + 1;
      furthest = depth;
      window.history.pushState({ step: depth }, '', url);
    } else window.history.replaceState(window.history.state, '', url);
    tell();
  }, []);
  return [page, go];
}

let furthest = 0;
const stepOf = (state: unknown) => (state && typeof state === 'object' && 'step' in state ? Number(state.step) : 0);

/** Whether undo and redo have somewhere to go; both are the browser's own history. */
export function useSteps(): { undo: (() => void) | null; redo: (() => void) | null } {
  const step = useSyncExternalStore(subscribe, () => stepOf(window.history.state));
  return {
    undo: step > 0 ? () => window.history.back() : null,
    redo: step < furthest ? () => window.history.forward() : null,
  };
}
