// Whether the server asks for a key before it answers. Set by the one fetch, ended by signing in. It knows no page.
import { useSyncExternalStore } from 'react';

let needed = false;
const listeners = new Set<() => void>();

export const isKeyNeeded = () => needed;

export function setKeyNeeded(next: boolean) {
  if (next === needed) return;
  needed = next;
  listeners.forEach((listener) => listener());
}

export function onKeyNeeded(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export const useKeyNeeded = () => useSyncExternalStore(onKeyNeeded, isKeyNeeded);
