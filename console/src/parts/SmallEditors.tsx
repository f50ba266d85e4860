// The editors of the optional parts: order, limit and having. Each is a completion over a handful of lines.
import { useState } from 'react';
import { calculationName, LIMIT_MOST, orderName, orderOf, valuesOf, type Explore, type Having, type Order } from '../state/explore';
import { readHaving, writeHaving, writeHavingOf, writeOrder } from '../state/grammar';
import { rank } from '../state/complete';
import { exact } from '../words/numbers';
import { Completion, type Option } from './Completion';

type Edit<T> = { onDone: (value: T) => void; onRemove: () => void; onClose: () => void };

export function OrderEditor({ explore, onDone, onRemove, onClose }: Edit<Order> & { explore: Explore }) {
  const [text, setText] = useState('');
  const what: Omit<Order, 'descending'>[] = [...valuesOf(explore).map(orderOf), ...explore.by.map((column) => ({ column }))];
  const orders: Order[] = what.flatMap((w) => [{ ...w, descending: true }, { ...w, descending: false }]);
  const options = rank(orders, text, writeOrder, (o) => -orders.indexOf(o)).map(({ item }): Option => ({ id: String(orders.indexOf(item)), text: `${orderName(item)} ${item.descending ? '↓' : '↑'}`, hint: item.descending ? 'largest first' : 'smallest first' }));
  return <Completion label="Order by" text={text} onText={setText} options={options} onPick={(option) => onDone(orders[Number(option.id)]!)} onBack={onRemove} onClose={onClose} foot={explore.orders.length > 0 && <button type="button" className="text-button" onClick={onRemove}>Remove</button>} />;
}

export function LimitEditor({ limit, onDone, onClose }: Omit<Edit<number>, 'onRemove'> & { limit: number }) {
  const [text, setText] = useState('');
  const typed = Number(text);
  const valid = text !== '' && Number.isInteger(typed) && typed >= 1 && typed <= LIMIT_MOST;
  const offered = valid ? [typed] : text === '' ? [10, 20, 50, 100, 500, 1000, LIMIT_MOST] : [];
  return (
    <Completion label="How many groups" lead={<span className="op">limit</span>} text={text} onText={setText} options={offered.map((n) => ({ id: String(n), text: exact(n), hint: n === limit ? 'now' : 'groups' }))} onPick={(option) => onDone(Number(option.id))} onBack={onClose} onClose={onClose} nothing={`A whole number from 1 to ${exact(LIMIT_MOST)}.`} />
  );
}

export function HavingEditor({ explore, having, onDone, onRemove, onClose }: Edit<Having> & { explore: Explore; having: Having | null }) {
  const [text, setText] = useState(having ? writeHaving(having) : '');
  const whole = readHaving(text);
  const values = valuesOf(explore);
  const fits = whole && values.some((c) => calculationName(c) === calculationName(whole));
  const starts = rank(values.map(writeHavingOf), text, (n) => n, () => 0).map(({ item, from, to }): Option => ({ id: item, text: item, mark: [from, to], hint: 'then >, >=, <, <=, = and a number' }));
  const options = fits ? [{ id: 'whole:', text: writeHaving(whole), hint: 'groups where this holds' }] : starts;
  const pick = (option: Option) => (fits ? onDone(whole) : setText(`${option.id} > `));
  return <Completion label="Only groups where" text={text} onText={setText} options={options} onPick={pick} onBack={onRemove} onClose={onClose} nothing="A calculation of this query, a comparison and a number: COUNT > 100." foot={having && <button type="button" className="text-button" onClick={onRemove}>Remove</button>} />;
}
