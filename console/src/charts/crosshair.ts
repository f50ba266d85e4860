// The one crosshair of a page: a bucket, or none. A store of its own, so that moving it draws guides and heads again and
// nothing else. It knows no chart.
import { createContext, useContext, useSyncExternalStore } from 'react';

export type Crosshair = { get: () => number | null; set: (at: number | null) => void; subscribe: (listener: () => void) => () => void };

export function createCrosshair(): Crosshair {
  let at: number | null = null;
  const listeners = new Set<() => void>();
  return {
    get: () => at,
    set: (next) => {
      if (next === at) return;
      at = next;
      listeners.forEach((listener) => listener());
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export const CrosshairContext = createContext<Crosshair>(createCrosshair());

export function useCrosshair(): number | null {
  const store = useContext(CrosshairContext);
  return useSyncExternalStore(store.subscribe, store.get);
}
