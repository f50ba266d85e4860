// What a heatmap's cell or a range of time offers: its values as a filter, its time as the range, what is different
// about the events in it, and a trace of them.
import type { PlotPick } from '../../charts/ChartStack';
import { AnchoredMenu } from '../../parts/AnchoredMenu';
import type { MenuLine } from '../../parts/MenuList';
import { bound, canNarrow, setRange } from '../../state/edit';
import type { These } from '../../state/different';
import type { Explore } from '../../state/explore';
import { span } from '../../words/times';
import { unitOfField, withUnit } from '../../words/units';

const tidyNumber = (v: number) => Number(v.toPrecision(6));

type Props = { picked: PlotPick; explore: Explore; now: number; onEdit: (next: Explore) => void; onDifferent: (these: These) => void; onExample?: ((these: These) => void) | null; onClose: () => void };

export function PlotMenu({ picked, explore, now, onEdit, onDifferent, onExample, onClose }: Props) {
  const { from, to } = picked.these.span!;
  const line = (label: string, icon: MenuLine['icon'], letter: string, change: (e: Explore) => Explore): MenuLine => ({ id: letter, label, icon, letter, run: () => onEdit(change(explore)) });
  const lines = picked.cell && canNarrow(explore) ? cellLines(picked.cell, line) : [];
  lines.push(line('Zoom to this time', 'zoom', 'Z', (e) => setRange(e, { from, to })));
  lines.push({ id: 'D', label: 'What is different about these?', icon: 'different', letter: 'D', these: true, run: () => onDifferent(picked.these) });
  if (onExample) lines.push({ id: 'T', label: 'Open an example trace', icon: 'traces', letter: 'T', run: () => onExample(picked.these) });
  const head = (
    <>
      {picked.cell && <p className="mono strong">{picked.cell.column} {withUnit(tidyNumber(picked.cell.low), unitOfField(picked.cell.column))} – {withUnit(tidyNumber(picked.cell.high), unitOfField(picked.cell.column))}</p>}
      <p className={picked.cell ? 'dim' : 'strong'}>{span(from, to, now)}</p>
    </>
  );
  return <AnchoredMenu at={picked.at} head={head} lines={lines} onClose={onClose} />;
}

function cellLines(cell: NonNullable<PlotPick['cell']>, line: (label: string, icon: MenuLine['icon'], letter: string, change: (e: Explore) => Explore) => MenuLine): MenuLine[] {
  const unit = unitOfField(cell.column);
  const low = tidyNumber(cell.low);
  const high = tidyNumber(cell.high);
  return [line(`At least ${withUnit(low, unit)}`, 'atLeast', 'L', (e) => bound(e, cell.column, '>=', low)), line(`At most ${withUnit(high, unit)}`, 'atMost', 'M', (e) => bound(e, cell.column, '<=', high))];
}
