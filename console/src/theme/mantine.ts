// Mantine's theme, mapped to our tokens once. Mantine writes no style element of its own: its variables come from its
// static stylesheet, and mantine.css points them at the tokens. No colour by name is used anywhere.
import { createTheme, Modal, Popover, Drawer } from '@mantine/core';

export const theme = createTheme({
  fontFamily: 'var(--font-ui)',
  fontFamilyMonospace: 'var(--font-mono)',
  defaultRadius: 'sm',
  focusRing: 'auto',
  respectReducedMotion: true,
  components: {
    // `lockScroll` would add a style element, which the page's security policy forbids.
    ModalRoot: Modal.Root.extend({ defaultProps: { lockScroll: false, transitionProps: { duration: 0 } } }),
    DrawerRoot: Drawer.Root.extend({ defaultProps: { lockScroll: false, transitionProps: { duration: 0 } } }),
    Popover: Popover.extend({ defaultProps: { transitionProps: { duration: 0 }, radius: 'md', shadow: 'md' } }),
  },
});
