// A link to one event of a page of raw events. Events do not carry their number unless asked: the same page is read again
// with the numbers only, and believed where its time is the same.
import { postRows } from '../../api/client';
import type { RowsAnswer } from '../../api/types';
import type { Explore } from '../../state/explore';
import { rowsSpec, type Times } from '../../state/spec';
import { encodePage } from '../../state/url';

export async function linkToEvent(explore: Explore, when: Times, pages: RowsAnswer[], index: number): Promise<string | null> {
  let place = index;
  let at = 0;
  while (pages[at] && place >= pages[at]!.rows.length) place -= pages[at++]!.rows.length;
  const page = pages[at];
  if (!page) return null;
  const time = page.rows[place]![page.columns.findIndex((c) => c.name === 'timestamp')];
  const spec = { ...rowsSpec(explore, when, at > 0 ? (pages[at - 1]!.cursor ?? null) : null, place + 1), columns: ['timestamp', 'meta.sequence', 'meta.dataset'] };
  const numbers = await postRows(explore.dataset, spec).catch(() => null);
  const row = numbers?.rows[place];
  if (!row || row[0] !== time || row[1] === null || row[1] === undefined) return null;
  return encodePage({ page: 'event', event: { dataset: typeof row[2] === 'string' ? row[2] : explore.dataset, sequence: String(row[1]) } });
}
