// Which rows of a long table are drawn, by TanStack Virtual: the rows in view and two spacers for the rest.
import { useVirtualizer } from '@tanstack/react-virtual';
import type { RefObject } from 'react';

export function useRowWindow(count: number, rowHeight: number, scroller: RefObject<HTMLElement | null>) {
  const window = useVirtualizer({ count, getScrollElement: () => scroller.current, estimateSize: () => rowHeight, overscan: 12 });
  const items = window.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = Math.max(0, count * rowHeight - (items[items.length - 1]?.end ?? 0));
  return { items, above, below };
}

export const rowHeightNow = () => (globalThis.matchMedia('(max-width: 720px)').matches ? 44 : 28);
