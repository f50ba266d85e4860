// What a condition offers that is more than one value: a range, being there at all. The same lines as the value menu.
import type { Explore } from '../../state/explore';
import { narrowed, queryWithout, theseWhere, type These } from '../../state/different';
import { groupBy } from '../../state/edit';
import { AnchoredMenu } from '../../parts/AnchoredMenu';
import { FilterWords } from '../../parts/Chip';
import type { MenuLine } from '../../parts/MenuList';
import { cut } from '../../words/values';
import type { Condition } from './pick';

type Props = { condition: Condition; explore: Explore; onEdit: (next: Explore) => void; onDifferent: (these: These) => void; onClose: () => void };

export function ConditionMenu({ condition, explore, onEdit, onDifferent, onClose }: Props) {
  const { filters, said, at } = condition;
  const column = filters[0]!.column;
  const only = narrowed(explore, filters);
  const without = queryWithout(explore, filters);
  const lines: MenuLine[] = [];
  if (only) lines.push({ id: 'only', label: 'Only these', icon: 'only', letter: 'O', run: () => onEdit(only) });
  if (without) lines.push({ id: 'not', label: 'Not these', icon: 'not', letter: 'N', run: () => onEdit(without) });
  if (!explore.by.includes(column)) lines.push({ id: 'group', label: <>Group by <span className="mono">{cut(column, 28)}</span></>, icon: 'group', letter: 'G', run: () => onEdit(groupBy(explore, column)) });
  lines.push({ id: 'different', label: 'What is different about these?', icon: 'different', letter: 'D', these: true, run: () => onDifferent(theseWhere(filters)) });
  const head = (
    <>
      {filters.map((f) => <p className="mono strong whole menu-filter" key={f.op}><FilterWords f={f} /></p>)}
      {said && <p className="dim">{said}</p>}
    </>
  );
  return <AnchoredMenu at={at} head={head} lines={lines} onClose={onClose} />;
}
