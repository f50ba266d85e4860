// A field for an expression: its pieces in their colours, the character at fault underlined, and a list of fields and
// functions for what is being typed. It knows the text and the options, not what the expression is for.
import { useEffect, useId, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { completingAt, faultAt, piecesOf, writeColumn, type Completing } from '../state/expression';

export type CodeOption = { name: string; text: string; hint: string; right: string; /** Where the caret goes: into the brackets, or behind them. */ into?: boolean };

type Props = {
  label: string;
  text: string;
  onText: (text: string) => void;
  /** Where the server says that something is wrong, from 1. */
  position: number | null;
  describedBy: string;
  /** What is offered for what is being typed. */
  optionsFor: (completing: Completing) => CodeOption[];
  onEnter: () => void;
  onCaret: (caret: number) => void;
  autoFocus: boolean;
  /** Stands in the place of the list while nothing is completed. */
  children: ReactNode;
};

export function CodeBox({ label, text, onText, position, describedBy, optionsFor, onEnter, onCaret, autoFocus, children }: Props) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [caret, setCaret] = useState(text.length);
  const [at, setAt] = useState(0);
  const [shut, setShut] = useState(true);
  /** Where the caret goes once the text with a taken offer is there. */
  const next = useRef<number | null>(null);
  const completing = shut ? null : completingAt(text, caret);
  const options = completing ? optionsFor(completing) : [];
  const index = Math.min(at, options.length - 1);
  const chosen = options[index] ?? null;
  useEffect(() => {
    if (!autoFocus) return;
    area.current?.focus({ preventScroll: true });
    area.current?.setSelectionRange(text.length, text.length);
  }, []); // eslint-disable-line react-hooks/exhaustive-deps -- once
  useLayoutEffect(() => {
    if (next.current !== null) area.current?.setSelectionRange(next.current, next.current);
    next.current = null;
  }, [text]);
  useEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }, [index]);
  const place = (to: number) => {
    setCaret(to);
    onCaret(to);
  };
  const take = (option: CodeOption) => {
    if (!completing) return;
    const after = text.slice(completing.to);
    const opens = completing.what === 'function' && !after.startsWith('(');
    const put = completing.what === 'column' ? writeColumn(option.name) : option.name + (opens ? '()' : '');
    const to = completing.from + put.length - (opens && option.into ? 1 : 0);
    next.current = to;
    onText(text.slice(0, completing.from) + put + after);
    place(to);
    setShut(true);
    area.current?.focus();
  };
  const keys = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const plain = !event.shiftKey && !event.metaKey && !event.ctrlKey;
    if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && chosen) setAt((index + (event.key === 'ArrowDown' ? 1 : -1) + options.length) % options.length);
    else if ((event.key === 'Enter' || event.key === 'Tab') && chosen && plain) take(chosen);
    else if (event.key === 'Enter' && !event.shiftKey) onEnter();
    else if (event.key === 'Escape' && chosen) setShut(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const typed = (value: string, to: number) => {
    onText(value);
    place(to);
    setAt(0);
    setShut(false);
  };
  return (
    <div className="code">
      <div className="code-box">
        <pre aria-hidden="true"><Marked text={text} position={position} /></pre>
        <textarea ref={area} value={text} rows={1} onChange={(event) => typed(event.target.value, event.target.selectionStart)} onKeyDown={keys} onSelect={() => place(area.current?.selectionStart ?? 0)} aria-label={label} aria-autocomplete="list" aria-controls={chosen ? `${id}-list` : undefined} aria-activedescendant={chosen ? `${id}-${index}` : undefined} aria-invalid={position !== null} aria-describedby={describedBy} autoComplete="off" autoCapitalize="off" spellCheck={false} />
      </div>
      <div className="code-below">
        {chosen ? (
          <div className="code-list" role="listbox" aria-label={completing?.what === 'column' ? 'Fields' : 'Functions'} id={`${id}-list`} ref={list} tabIndex={0} onMouseDown={(event) => event.preventDefault()}>
            {options.map((option, i) => (
              <div key={option.name} id={`${id}-${i}`} role="option" aria-selected={i === index} className="offer code" onMouseMove={() => i !== index && setAt(i)} onClick={() => take(option)}>
                <span className="cut" dir="auto">{option.text}</span>
                <span className="dim cut">{option.hint}</span>
                <span className="dim num">{option.right}</span>
              </div>
            ))}
          </div>
        ) : children}
      </div>
    </div>
  );
}

function Marked({ text, position }: { text: string; position: number | null }) {
  const fault = position === null ? null : faultAt(text, position);
  const pieces = piecesOf(text).map((p) => {
    const wrong = fault !== null && p.kind !== 'space' && p.from < fault.to && p.to > fault.from;
    return <span key={p.from} className={wrong ? `c-${p.kind} wrong` : `c-${p.kind}`}>{text.slice(p.from, p.to)}</span>;
  });
  // What is missing at the end is shown as a blank; a last line without letters keeps its height by one without width.
  const missing = fault !== null && fault.from >= text.trimEnd().length;
  return <>{pieces}{missing && <span className="wrong">{' '}</span>}{'\u200b'}</>;
}
