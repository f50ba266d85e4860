// Arrow keys between the values of a table: up and down within a column, left and right within a row. It knows buttons in
// cells and nothing of what they mean.
import type { KeyboardEvent } from 'react';

const valueIn = (cell: Element | undefined | null) => cell?.querySelector<HTMLElement>('.val') ?? null;

/** The next cell in a direction that has a value. */
function search(row: Element | null, column: number, down: number, across: number): HTMLElement | null {
  let at = column;
  let here = row;
  for (;;) {
    if (across) at += across;
    else here = down > 0 ? (here?.nextElementSibling ?? null) : (here?.previousElementSibling ?? null);
    if (!here || at < 0 || at >= here.children.length) return null;
    const found = valueIn(here.children[at]);
    if (found) return found;
  }
}

export function arrows(event: KeyboardEvent<HTMLElement>) {
  const from = (event.target as HTMLElement).closest('td');
  const row = from?.parentElement;
  if (!from || !row || event.metaKey || event.ctrlKey || event.altKey) return;
  const column = [...row.children].indexOf(from);
  const moves: Record<string, [number, number]> = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] };
  const move = moves[event.key];
  const next = move && search(row, column, move[0], move[1]);
  if (!move) return;
  event.preventDefault();
  next?.focus();
  next?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}
