// The lines of a menu: arrows move, letters choose, Enter takes. It knows its lines, not what they do, nor where it floats.
import { useEffect, useRef, type ReactNode } from 'react';
import { Icon, type IconName } from './Icon';

export type MenuLine = { id: string; label: ReactNode; icon?: IconName; letter?: string; right?: ReactNode; current?: boolean; /** The one line in the colour of *these*. */ these?: boolean; run: () => void };

export function MenuList({ label, lines, onDone }: { label: string; lines: MenuLine[]; onDone: () => void }) {
  const list = useRef<HTMLDivElement>(null);
  const items = () => [...(list.current?.querySelectorAll<HTMLElement>('[role^=menuitem]') ?? [])];
  useEffect(() => {
    // Focused after it has been placed, so that the page does not scroll to where it was before.
    const frame = requestAnimationFrame(() => (list.current?.querySelector<HTMLElement>('[aria-checked=true]') ?? items()[0])?.focus({ preventScroll: true }));
    return () => cancelAnimationFrame(frame);
  }, []);
  const take = (line: MenuLine) => {
    onDone();
    line.run();
  };
  const keys = (event: KeyboardEvent) => {
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const line = lines.find((l) => l.letter?.toLowerCase() === event.key.toLowerCase());
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    if (line) take(line);
    else if (event.key === 'ArrowDown') all[(at + 1) % all.length]?.focus();
    else if (event.key === 'ArrowUp') all[(at - 1 + all.length) % all.length]?.focus();
    else if (event.key === 'Home') all[0]?.focus();
    else if (event.key === 'End') all[all.length - 1]?.focus();
    else if (event.key === 'Escape' || event.key === 'Tab') onDone();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  // On the window, because a letter can be quicker than the focus.
  const listen = useRef(keys);
  useEffect(() => {
    listen.current = keys;
  });
  useEffect(() => {
    const heard = (event: KeyboardEvent) => listen.current(event);
    window.addEventListener('keydown', heard, true);
    return () => window.removeEventListener('keydown', heard, true);
  }, []);
  const choice = lines.some((l) => l.current !== undefined);
  return (
    <div className="menu-list" role="menu" aria-label={label} ref={list}>
      {lines.map((line) => (
        <button type="button" className={line.these ? 'these' : undefined} role={choice ? 'menuitemradio' : 'menuitem'} aria-checked={choice ? line.current === true : undefined} key={line.id} tabIndex={-1} onClick={() => take(line)} onMouseMove={(event) => event.currentTarget.focus({ preventScroll: true })}>
          {line.icon && <Icon name={line.icon} />}
          <span className="cut">{line.label}</span>
          <span className="sp" />
          {line.right}
          {line.letter && <kbd aria-hidden="true">{line.letter}</kbd>}
        </button>
      ))}
    </div>
  );
}
