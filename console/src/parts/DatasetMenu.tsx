// Choosing the dataset. It knows names and sizes, not what a change of dataset means for the query.
import { Popover } from '@mantine/core';
import { useState } from 'react';
import type { DatasetInfo } from '../api/types';
import { counted } from '../words/numbers';
import { cut } from '../words/values';
import { Icon } from './Icon';
import { MenuList } from './MenuList';

export function DatasetMenu({ name, datasets, onChoose }: { name: string; datasets: DatasetInfo[]; onChoose: (name: string) => void }) {
  const [opened, setOpened] = useState(false);
  const lines = datasets.map((d) => ({ id: d.name, label: <bdi>{d.name}</bdi>, right: <span className="dim num">{counted(d.events, 'event')}</span>, current: d.name === name, run: () => d.name !== name && onChoose(d.name) }));
  return (
    <Popover opened={opened} onDismiss={() => setOpened(false)} position="bottom-start" withinPortal trapFocus={false} withRoles={false}>
      <Popover.Target>
        <button type="button" className="btn ghost dataset" aria-haspopup="menu" aria-expanded={opened} title="Dataset" onClick={() => setOpened(!opened)} data-testid="dataset">
          <bdi className="strong">{cut(name, 28)}</bdi>
          <Icon name="caret" small />
        </button>
      </Popover.Target>
      <Popover.Dropdown className="scrolling-menu" role="dialog" aria-label="Datasets">
        <MenuList label="Datasets" lines={lines} onDone={() => setOpened(false)} />
      </Popover.Dropdown>
    </Popover>
  );
}
