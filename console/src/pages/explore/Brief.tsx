// The query strip; on a phone a summary of two lines that opens it as a sheet.
import { useState, type ReactNode } from 'react';
import { useMediaQuery } from '@mantine/hooks';
import { Sheet } from '../../parts/Dialogs';
import type { Explore } from '../../state/explore';
import { showWords, whereWords } from '../../words/titles';

export function Brief({ explore, children }: { explore: Explore; children: (close: () => void) => ReactNode }) {
  const narrow = useMediaQuery('(max-width: 720px)', window.matchMedia('(max-width: 720px)').matches, { getInitialValueInEffect: false });
  const [opened, setOpened] = useState(false);
  const close = () => setOpened(false);
  if (!narrow) return <>{children(close)}</>;
  return (
    <>
      <section className="brief" aria-label="Query in short">
        <p><b>{showWords(explore)}</b>{explore.by.length > 0 && <> by {explore.by.join(', ')}</>}</p>
        <p className="mid cut">{explore.where.length > 0 ? whereWords(explore) : 'All events'}</p>
        <button type="button" className="btn" onClick={() => setOpened(true)}>Edit</button>
      </section>
      <Sheet title="Query" opened={opened} onClose={close}>{children(close)}</Sheet>
    </>
  );
}
