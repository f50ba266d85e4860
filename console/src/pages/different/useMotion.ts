// Cards whose rank changed move to their new place once, so that the eye can follow; nothing moves while ranks stay.
import { useLayoutEffect, useRef, type RefObject } from 'react';

export function useMotion(holder: RefObject<HTMLElement | null>, order: string) {
  const places = useRef(new Map<Element, Place>());
  const known = useRef(order);
  useLayoutEffect(() => {
    const children = [...(holder.current?.children ?? [])];
    const style = getComputedStyle(document.documentElement);
    const ms = parseFloat(style.getPropertyValue('--refine'));
    const before = places.current;
    // Places within the holder, so that scrolling is no motion.
    const origin = holder.current?.getBoundingClientRect();
    const now = new Map(children.map((c) => [c, placeOf(c, origin)] as const));
    if (known.current !== order && ms > 0) {
      for (const [child, to] of now) {
        const from = before.get(child);
        if (from && (from.x !== to.x || from.y !== to.y)) child.animate([{ transform: `translate(${from.x - to.x}px, ${from.y - to.y}px)` }, { transform: 'none' }], { duration: ms, easing: style.getPropertyValue('--ease') || 'ease' });
      }
    }
    known.current = order;
    places.current = now;
  });
}

type Place = { x: number; y: number };

function placeOf(element: Element, origin: DOMRect | undefined): Place {
  const { x, y } = element.getBoundingClientRect();
  return { x: x - (origin?.x ?? 0), y: y - (origin?.y ?? 0) };
}
