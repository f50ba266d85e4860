// Light or dark: follows the system until somebody chooses. Knows the same key and attribute as public/theme.js.
import { useSyncExternalStore } from 'react';

export type Theme = 'light' | 'dark';
const KEY = 'outcrop.theme';
const listeners = new Set<() => void>();
const system = () => window.matchMedia('(prefers-color-scheme: dark)');

export const themeNow = (): Theme => (document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light');

function apply(theme: Theme) {
  document.documentElement.dataset.theme = theme;
  listeners.forEach((listener) => listener());
}

export function chosenTheme(): Theme | 'system' {
  const stored = read();
  return stored === 'light' || stored === 'dark' ? stored : 'system';
}

export function chooseTheme(choice: Theme | 'system') {
  try {
    if (choice === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  } catch {
    // Storage can be forbidden; the choice then lasts as long as the page.
  }
  apply(choice === 'system' ? (system().matches ? 'dark' : 'light') : choice);
}

function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function subscribe(listener: () => void): () => void {
  const follow = () => chosenTheme() === 'system' && apply(system().matches ? 'dark' : 'light');
  const media = system();
  listeners.add(listener);
  media.addEventListener('change', follow);
  return () => {
    listeners.delete(listener);
    media.removeEventListener('change', follow);
  };
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, themeNow);
