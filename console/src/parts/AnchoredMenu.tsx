// A menu at a place on the page: the value menu, a heatmap's cell and box. It says what it is about, Escape closes it, and
// the focus goes back to where it came from.
import { Popover } from '@mantine/core';
import { useEffect, useRef, type ReactNode } from 'react';
import { MenuList, type MenuLine } from './MenuList';

export function AnchoredMenu({ at, head, lines, onClose }: { at: DOMRect; head: ReactNode; lines: MenuLine[]; onClose: () => void }) {
  const before = useRef(document.activeElement);
  useEffect(() => {
    const origin = before.current;
    return () => {
      if (origin instanceof HTMLElement && origin.isConnected) origin.focus({ preventScroll: true });
    };
  }, []);
  return (
    <Popover opened onDismiss={onClose} position="bottom-start" offset={4} withinPortal trapFocus={false} returnFocus={false} withRoles={false}>
      <Popover.Target>
        <span className="menu-anchor" aria-hidden="true" style={{ left: at.left, top: at.top, width: Math.max(1, at.width), height: at.height }} />
      </Popover.Target>
      <Popover.Dropdown className="value-menu" role="dialog" aria-label="What to do with this" data-testid="value-menu">
        <div className="menu-head">{head}</div>
        <MenuList label="What to do with this" lines={lines} onDone={onClose} />
      </Popover.Dropdown>
    </Popover>
  );
}
