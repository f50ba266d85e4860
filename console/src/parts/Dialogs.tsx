// A dialog in the middle and a sheet from below, both with a heading and a way to close. Mantine holds the focus; the
// heading is ours, because a header element outside the page's own would be a second banner.
import { Drawer, Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import { Icon } from './Icon';

type Props = { title: string; opened: boolean; onClose: () => void; /** Pixels across at most. */ width?: number; children: ReactNode };

function Head({ title, onClose }: { title: string; onClose: () => void }) {
  return (
    <div className="dialog-head">
      <h2>{title}</h2>
      <button type="button" className="btn ghost icon" aria-label="Close" onClick={onClose}><Icon name="x" /></button>
    </div>
  );
}

export function Dialog({ title, opened, onClose, width = 900, children }: Props) {
  if (!opened) return null;
  return (
    <Modal.Root opened onClose={onClose} size={width} centered>
      <Modal.Overlay />
      <Modal.Content aria-label={title}>
        <Modal.Body>
          <Head title={title} onClose={onClose} />
          {children}
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

export function Sheet({ title, opened, onClose, children }: Props) {
  if (!opened) return null;
  return (
    <Drawer.Root opened onClose={onClose} position="bottom" size="72%">
      <Drawer.Overlay />
      <Drawer.Content aria-label={title}>
        <Drawer.Body>
          <Head title={title} onClose={onClose} />
          {children}
        </Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  );
}
