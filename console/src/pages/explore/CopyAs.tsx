// The question of the page, copied as something that works elsewhere.
import { Popover } from '@mantine/core';
import { useState } from 'react';
import { postExplain } from '../../api/client';
import { copy, say } from '../../parts/copy';
import { Icon } from '../../parts/Icon';
import { MenuList, type MenuLine } from '../../parts/MenuList';
import type { Explore } from '../../state/explore';
import { querySpec, type Times } from '../../state/spec';
import { callOf, commandOf, curlOf, sqlSpec, sqlText } from '../../words/shell';

export function CopyAs({ explore, when }: { explore: Explore; when: Times }) {
  const [opened, setOpened] = useState(false);
  const origin = window.location.origin;
  const spec = () => querySpec(explore, when);
  const command = commandOf(origin, explore);
  /** The server knows how its statements are written. */
  const sql = () => postExplain(explore.dataset, sqlSpec(explore, when)).then((e) => copy(sqlText(e.sql, e.sql_differs, explore.formulas.map((f) => f.name))), (reason: Error) => say(reason.message));
  const lines: MenuLine[] = [
    { id: 'curl', label: 'Copy as curl', icon: 'copy', letter: 'C', run: () => void copy(curlOf(origin, explore.dataset, spec())) },
    { id: 'sql', label: 'Copy as SQL', icon: 'copy', letter: 'S', right: explore.formulas.length > 0 ? <span className="dim">without formulas</span> : undefined, run: () => void sql() },
    ...(command ? [{ id: 'command', label: 'Copy as command', icon: 'copy' as const, letter: 'M', right: <span className="dim mono">outcrop query</span>, run: () => void copy(command) }] : []),
    { id: 'call', label: 'Copy as API call', icon: 'copy', letter: 'A', right: <span className="dim mono">JSON</span>, run: () => void copy(callOf(explore.dataset, spec())) },
  ];
  return (
    <Popover opened={opened} onDismiss={() => setOpened(false)} position="bottom-end" withinPortal trapFocus={false} withRoles={false}>
      <Popover.Target>
        <button type="button" className="btn ghost" aria-haspopup="menu" aria-expanded={opened} onClick={() => setOpened(!opened)} data-testid="copy-as"><Icon name="copy" />Copy as</button>
      </Popover.Target>
      <Popover.Dropdown className="value-menu" role="dialog" aria-label="Copy the question">
        {opened && <MenuList label="Copy the question" lines={lines} onDone={() => setOpened(false)} />}
      </Popover.Dropdown>
    </Popover>
  );
}
