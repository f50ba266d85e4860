// What a heatmap's cell or box offers: its values as a filter, its time as the range, or both.
import type { Box } from '../../charts/ChartStack';
import { AnchoredMenu } from '../../parts/AnchoredMenu';
import type { MenuLine } from '../../parts/MenuList';
import { bound, setRange } from '../../state/edit';
import type { Explore } from '../../state/explore';
import { span } from '../../words/times';
import { unitOfField, withUnit } from '../../words/units';

const tidyNumber = (v: number) => Number(v.toPrecision(6));

export function HeatMenu({ box, explore, now, onEdit, onClose }: { box: Box; explore: Explore; now: number; onEdit: (next: Explore) => void; onClose: () => void }) {
  const unit = unitOfField(box.column);
  const low = tidyNumber(box.low);
  const high = tidyNumber(box.high);
  const between = (e: Explore) => bound(bound(e, box.column, '>=', low), box.column, '<', high);
  const zoom = (e: Explore) => setRange(e, { from: box.from, to: box.to });
  const line = (label: string, icon: MenuLine['icon'], letter: string, change: (e: Explore) => Explore): MenuLine => ({ id: letter, label, icon, letter, run: () => onEdit(change(explore)) });
  const lines = box.cell
    ? [line(`At least ${withUnit(low, unit)}`, 'atLeast', 'L', (e) => bound(e, box.column, '>=', low)), line(`At most ${withUnit(high, unit)}`, 'atMost', 'M', (e) => bound(e, box.column, '<=', high)), line('Zoom to this time', 'zoom', 'Z', zoom)]
    : [line('Only these', 'only', 'O', (e) => zoom(between(e))), line('Only these values', 'only', 'V', between), line('Zoom to this time', 'zoom', 'Z', zoom)];
  const head = (
    <>
      <p className="mono strong">{box.column} {withUnit(low, unit)} – {withUnit(high, unit)}</p>
      <p className="dim">{span(box.from, box.to, now)}</p>
    </>
  );
  return <AnchoredMenu at={box.at} head={head} lines={lines} onClose={onClose} />;
}
