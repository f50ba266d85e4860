// Choosing an earlier time to hold the query against: it is drawn dotted behind, and its change stands in the table.
import { Popover } from '@mantine/core';
import { useState } from 'react';
import { Icon } from '../../parts/Icon';
import { MenuList, type MenuLine } from '../../parts/MenuList';
import { rangeSeconds, type Explore } from '../../state/explore';
import { earlierWords } from '../../words/different';

const CHOICES = [3600, 86_400, 604_800];

export function CompareMenu({ explore, onCompare }: { explore: Explore; onCompare: (seconds: number | null) => void }) {
  const [opened, setOpened] = useState(false);
  const own = Math.round(rangeSeconds(explore.range));
  const offered = [...new Set([own, ...CHOICES, ...(explore.compare ? [explore.compare] : [])])].sort((a, b) => a - b);
  const lines: MenuLine[] = [
    { id: 'none', label: 'Nothing', current: explore.compare === null, run: () => onCompare(null) },
    ...offered.map((seconds): MenuLine => ({ id: String(seconds), label: earlierWords(seconds), right: seconds === own ? <span className="dim">the range before</span> : undefined, current: explore.compare === seconds, run: () => onCompare(seconds) })),
  ];
  return (
    <Popover opened={opened} onDismiss={() => setOpened(false)} position="bottom-start" withinPortal trapFocus={false} withRoles={false}>
      <Popover.Target>
        <button type="button" className="btn ghost wide" aria-haspopup="menu" aria-expanded={opened} onClick={() => setOpened(!opened)} data-testid="compare-with">
          Compare with {explore.compare ? <b>{earlierWords(explore.compare)}</b> : <span className="dim">nothing</span>} <Icon name="caret" small />
        </button>
      </Popover.Target>
      <Popover.Dropdown className="value-menu" role="dialog" aria-label="Compare with an earlier time">
        {opened && <MenuList label="Compare with an earlier time" lines={lines} onDone={() => setOpened(false)} />}
      </Popover.Dropdown>
    </Popover>
  );
}
