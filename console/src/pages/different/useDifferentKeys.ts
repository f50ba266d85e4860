// The keys of the page. Every key does what a control on the page does too.
import { useMemo } from 'react';
import { useKeys, type KeyMap } from '../../parts/keys';

type Acts = { running: boolean; stop: () => void; back: () => void; without: (() => void) | null; find: () => void; link: () => void; again: () => void; undo: (() => void) | null; redo: (() => void) | null };

export function useDifferentKeys(a: Acts) {
  const map = useMemo<KeyMap>(
    () => ({
      escape: () => (a.running ? a.stop() : a.back()),
      n: () => a.without?.(),
      '/': a.find,
      y: a.link,
      'mod+enter': a.again,
      'mod+z': () => a.undo?.(),
      'mod+shift+z': () => a.redo?.(),
    }),
    [a],
  );
  useKeys(map);
}
