// The completion under a chip being typed: a combobox with a list, best match first. It knows options and keys, nothing
// about fields, filters or the network; the editors decide what the options are and what picking one means.
import { Popover } from '@mantine/core';
import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';

export type Option = { id: string; text: string; mark?: [number, number]; hint?: string; right?: string; plain?: boolean };

type Props = {
  label: string;
  /** Parts of the chip already decided, before the text being typed. */
  lead?: ReactNode;
  text: string;
  onText: (text: string) => void;
  options: Option[];
  onPick: (option: Option, how: 'enter' | 'tab' | 'click') => void;
  /** Backspace in an empty editor. */
  onBack: () => void;
  onClose: () => void;
  /** Called instead of onPick when Enter is pressed and nothing is offered. */
  onEnter?: () => void;
  preview?: (option: Option | null) => ReactNode;
  nothing?: string;
  foot?: ReactNode;
  /** What the editor is for, so that a change of it starts at the top again. */
  stage?: string;
};

export function Completion({ label, lead, text, onText, options, onPick, onBack, onClose, onEnter, preview, nothing, foot, stage }: Props) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(0);
  const index = Math.min(at, options.length - 1);
  const chosen = options[index] ?? null;
  useEffect(() => setAt(0), [text, stage]);
  useEffect(() => input.current?.focus(), [stage]);
  useEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }, [index]);

  const keys = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const by = event.key === 'ArrowDown' ? 1 : -1;
      setAt(options.length ? (index + by + options.length) % options.length : 0);
    } else if (event.key === 'Enter' && !event.metaKey && !event.ctrlKey) {
      if (chosen) onPick(chosen, 'enter');
      else onEnter?.();
    } else if (event.key === 'Tab' && !event.shiftKey && chosen && (text !== '' || stage === 'op')) onPick(chosen, 'tab');
    else if (event.key === 'Escape') onClose();
    else if (event.key === 'Backspace' && text === '') onBack();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <Popover opened onDismiss={onClose} position="bottom-start" offset={6} withinPortal trapFocus={false} withRoles={false} returnFocus={false} closeOnEscape={false}>
      <Popover.Target>
        <span className="chip typing">
          {lead}
          <input
            ref={input}
            value={text}
            onChange={(event) => onText(event.target.value)}
            onKeyDown={keys}
            size={Math.max(8, text.length + 1)}
            role="combobox"
            aria-label={label}
            aria-expanded="true"
            aria-controls={`${id}-list`}
            aria-autocomplete="list"
            aria-activedescendant={chosen ? `${id}-${index}` : undefined}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            dir="auto"
          />
        </span>
      </Popover.Target>
      <Popover.Dropdown className={preview ? 'completion two' : 'completion'} role="region" aria-label="Completion" data-testid="completion">
        <div className="offers">
          <div className="list" role="listbox" aria-label={label} id={`${id}-list`} ref={list}>
            {options.map((option, i) => (
              <div key={option.id} id={`${id}-${i}`} role="option" aria-selected={i === index} className={option.plain ? 'offer' : 'offer code'} onMouseMove={() => i !== index && setAt(i)} onMouseDown={(event) => event.preventDefault()} onClick={() => onPick(option, 'click')}>
                <span className="cut" dir="auto"><Marked text={option.text} mark={option.mark} /></span>
                <span className="dim hint">{option.hint}</span>
                <span className="dim num">{option.right}</span>
              </div>
            ))}
            {options.length === 0 && <p className="dim nothing">{nothing ?? 'Nothing matches.'}</p>}
          </div>
          <div className="hints">
            <span><kbd>↑</kbd> <kbd>↓</kbd> choose</span>
            <span><kbd>↵</kbd> take</span>
            <span><kbd>Esc</kbd> close</span>
            <span className="sp" />
            {foot}
          </div>
        </div>
        {preview && <aside className="preview">{preview(chosen)}</aside>}
      </Popover.Dropdown>
    </Popover>
  );
}

function Marked({ text, mark }: { text: string; mark?: [number, number] }) {
  if (!mark || mark[0] === mark[1]) return <>{text}</>;
  return <>{text.slice(0, mark[0])}<mark>{text.slice(mark[0], mark[1])}</mark>{text.slice(mark[1])}</>;
}
