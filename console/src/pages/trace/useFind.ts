// Looks for text in the spans of a trace a slice at a time, so that typing and scrolling stay fluid in the largest of them.
import { useEffect, useState } from 'react';
import { matcher } from '../../trace/find';
import type { Tree } from '../../trace/tree';

/** A slice ends after so long; the rest comes after what is waiting. */
const SLICE_MS = 8;
const LOOK_AT_ONCE = 64;
/** Somebody who types on does not want what the first letters find. */
const REST_MS = 120;

export type Found = { text: string; at: number[]; done: boolean };
const NOTHING: Found = { text: '', at: [], done: true };

export function useFind(tree: Tree | null, text: string): Found {
  const [found, setFound] = useState<Found>(NOTHING);
  useEffect(() => {
    const match = tree && matcher(text);
    if (!tree || !match) return setFound(NOTHING);
    let timer: ReturnType<typeof setTimeout>;
    const at: number[] = [];
    let next = 0;
    const slice = () => {
      const until = performance.now() + SLICE_MS;
      while (next < tree.nodes.length && performance.now() < until) {
        const end = Math.min(tree.nodes.length, next + LOOK_AT_ONCE);
        for (; next < end; next += 1) if (match(tree.nodes[next]!)) at.push(next);
      }
      if (next < tree.nodes.length) timer = setTimeout(slice, 0);
      else setFound({ text, at, done: true });
    };
    setFound((before) => ({ ...before, done: false }));
    timer = setTimeout(slice, REST_MS);
    return () => clearTimeout(timer);
  }, [tree, text]);
  return found;
}
