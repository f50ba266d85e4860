// Which rows of a long table are drawn, by TanStack Virtual: the rows in view and two spacers for the rest.
import { useVirtualizer } from '@tanstack/react-virtual';
import type { RefObject } from 'react';

/** Rows drawn beyond either end of what is in view. A row has many cells: twice as many rows are a task that is felt. */
const BEYOND = 6;

export function useRowWindow(count: number, rowHeight: number, scroller: RefObject<HTMLElement | null>) {
  const window = useVirtualizer({ count, getScrollElement: () => scroller.current, estimateSize: () => rowHeight, overscan: BEYOND });
  const items = window.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = Math.max(0, count * rowHeight - (items[items.length - 1]?.end ?? 0));
  return { items, above, below };
}

export const rowHeightNow = () => (globalThis.matchMedia('(max-width: 720px)').matches ? 44 : 28);
