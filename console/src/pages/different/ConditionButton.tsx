// A condition of a sentence as a button. One value opens the value menu, everything else the menu of conditions.
import { useValueOpener } from '../../parts/ValueMenu';
import type { Scalar } from '../../state/explore';
import type { Condition } from '../../words/different';
import { useConditionMenu } from './pick';

export function ConditionButton({ condition, said }: { condition: Condition; said: string | null }) {
  const [first] = condition.filters;
  const one = condition.filters.length === 1 && first && ((first.op === '=' && !Array.isArray(first.value)) || first.op === 'does-not-exist');
  return one ? <OneValue condition={condition} value={first.op === '=' ? (first.value as Scalar) : null} /> : <Several condition={condition} said={said} />;
}

const title = (c: Condition) => c.filters.map((f) => `${f.column} ${f.op}${f.value === undefined ? '' : ` ${String(f.value)}`}`).join(' and ');

function OneValue({ condition, value }: { condition: Condition; value: Scalar | null }) {
  const ways = useValueOpener({ column: condition.filters[0]!.column, value, events: null, total: null });
  return <button type="button" className="cond" dir="auto" title={title(condition)} {...ways}>{condition.text}</button>;
}

function Several({ condition, said }: { condition: Condition; said: string | null }) {
  const open = useConditionMenu();
  return (
    <button type="button" className="cond" dir="auto" title={title(condition)} aria-haspopup="menu" onClick={(event) => open({ filters: condition.filters, said, at: event.currentTarget.getBoundingClientRect() })}>{condition.text}</button>
  );
}
