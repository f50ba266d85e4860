// Keys of the keyboard: single letters that act only while no text field has the focus, and the modifier's name here.
import { useEffect } from 'react';
import { lettersNow } from './choices';

const apple = /Mac|iPhone|iPad/.test(navigator.userAgent);
/** ⌘ on Apple's machines, Ctrl elsewhere. */
export const modKey = (key: string) => (apple ? `⌘${key}` : `Ctrl ${key}`);

export const isTyping = (target: EventTarget | null) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Floating things have their own keys: while one is open, the page's letters rest. */
const floating = () => document.querySelector('[role="menu"], [role="dialog"]') !== null;

export type KeyMap = Record<string, (event: KeyboardEvent) => void>;

/** Letters and signs rest where somebody switched them off. Names: a letter or sign ("g", "/", "?"), or with the modifier "mod+enter", "mod+z", "mod+shift+z", or "escape". */
export function useKeys(map: KeyMap) {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const mod = event.metaKey || event.ctrlKey;
      const key = event.key.toLowerCase();
      const name = mod ? `mod+${event.shiftKey ? 'shift+' : ''}${key}` : key;
      const act = map[name];
      if (!act || event.altKey || event.defaultPrevented) return;
      if (!mod && name.length === 1 && !lettersNow()) return;
      if (name !== 'mod+enter' && (isTyping(event.target) || floating())) return;
      event.preventDefault();
      act(event);
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [map]);
}

/** Enter while nothing that has an Enter of its own has the focus: the first offer of a page. */
export function useEnter(run: (() => void) | null) {
  useEffect(() => {
    if (!run) return;
    const listen = (event: KeyboardEvent) => {
      const { target } = event;
      const free = !(target instanceof HTMLElement) || (!isTyping(target) && !target.closest('a, button, [role=group][tabindex="0"]'));
      if (event.key === 'Enter' && free && !floating() && !event.metaKey && !event.ctrlKey && !event.defaultPrevented) run();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [run]);
}
