// The keys of the trace page that are not the waterfall's own. Every key does what a control on the page does too.
import { useMemo } from 'react';
import { useKeys, type KeyMap } from '../../parts/keys';

type Acts = { critical: () => void; nextError: () => void; find: () => void; fields: () => void; previous: (() => void) | null; next: (() => void) | null; link: () => void; different: (() => void) | null; all: () => void; back: () => void; undo: (() => void) | null; redo: (() => void) | null };

export function useTraceKeys(a: Acts) {
  const map = useMemo<KeyMap>(
    () => ({
      p: a.critical,
      e: a.nextError,
      '/': a.find,
      f: a.fields,
      '[': () => a.previous?.(),
      ']': () => a.next?.(),
      y: a.link,
      d: () => a.different?.(),
      '0': a.all,
      escape: a.back,
      'mod+z': () => a.undo?.(),
      'mod+shift+z': () => a.redo?.(),
    }),
    [a],
  );
  useKeys(map);
}
