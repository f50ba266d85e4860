// The question of the page, copied as something that works elsewhere.
import { Popover } from '@mantine/core';
import { useState } from 'react';
import { copy } from '../../parts/copy';
import { MenuList, type MenuLine } from '../../parts/MenuList';
import type { Explore } from '../../state/explore';
import { querySpec, type Times } from '../../state/spec';
import { callOf, commandOf, curlOf } from '../../words/shell';

export function CopyAs({ explore, when }: { explore: Explore; when: Times }) {
  const [opened, setOpened] = useState(false);
  const origin = window.location.origin;
  const spec = () => querySpec(explore, when);
  const command = commandOf(origin, explore);
  const lines: MenuLine[] = [
    { id: 'curl', label: 'Copy as curl', icon: 'copy', run: () => void copy(curlOf(origin, explore.dataset, spec())) },
    ...(command ? [{ id: 'command', label: 'Copy as command', icon: 'copy' as const, right: <span className="dim mono">outcrop query</span>, run: () => void copy(command) }] : []),
    { id: 'call', label: 'Copy as API call', icon: 'copy', right: <span className="dim mono">JSON</span>, run: () => void copy(callOf(explore.dataset, spec())) },
  ];
  return (
    <Popover opened={opened} onDismiss={() => setOpened(false)} position="bottom-end" withinPortal trapFocus={false} withRoles={false}>
      <Popover.Target>
        <button type="button" className="btn ghost" aria-haspopup="menu" aria-expanded={opened} onClick={() => setOpened(!opened)} data-testid="copy-as">As curl, API…</button>
      </Popover.Target>
      <Popover.Dropdown className="value-menu" role="dialog" aria-label="Copy the question">
        {opened && <MenuList label="Copy the question" lines={lines} onDone={() => setOpened(false)} />}
      </Popover.Dropdown>
    </Popover>
  );
}
