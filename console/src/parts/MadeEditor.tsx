// Making a calculated field or a formula: its name, its expression with completion, what is wrong while it is typed, and
// what it gives. It hands back a finished one and must not know the page.
import { Popover } from '@mantine/core';
import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { useCheckedField, useCheckedFormula, type Check } from '../api/expressions';
import { rank } from '../state/complete';
import { namesForFormulas, type Explore, type Made } from '../state/explore';
import { callAt, type Completing } from '../state/expression';
import { type Times } from '../state/spec';
import { argumentsOf, FORMULA_FUNCTIONS, functionNamed, FUNCTIONS, type ExpressionFunction } from '../words/functions';
import { givenWords } from '../words/given';
import { typeWords } from '../words/values';
import { share } from '../words/numbers';
import { CodeBox, type CodeOption } from './CodeBox';
import { mostEvents, type KnownField } from './fieldOptions';
import { FirstBox } from './FirstBox';
import './made.css';

type Edit = { made: Made | null; explore: Explore; when: Times; onDone: (made: Made) => void; onRemove: () => void; onClose: () => void };
const FIELDS_SHOWN = 40;

export function FieldEditor({ fields, ...edit }: Edit & { fields: KnownField[] }) {
  const draft = useDraft(edit.made);
  const others = edit.explore.calculated.filter((m) => m !== edit.made);
  const check = useCheckedField({ dataset: edit.explore.dataset, when: edit.when, ...draft.made }, others);
  const offered = fields.filter((f) => f.name !== edit.made?.name);
  const most = mostEvents(fields);
  const columns = (typed: string) => rank(offered, typed, (f) => f.name, (f) => f.events).slice(0, FIELDS_SHOWN).map(({ item }): CodeOption => ({ name: item.name, text: item.name, hint: typeWords(item.types), right: most && !item.calculated ? share(item.events / most) : '' }));
  const taken = (name: string) => others.some((m) => m.name === name) && 'There is one of this name.';
  return <Editor {...edit} {...draft} title="Calculated field" placeholder={'IF($error, "failed", "ok")'} check={check} columns={columns} functions={FUNCTIONS} taken={taken} />;
}

/** `totals` are the values of the calculations over the whole range, as far as they are known. */
export function FormulaEditor({ totals, ...edit }: Edit & { totals: Record<string, number | null> }) {
  const draft = useDraft(edit.made);
  const others = edit.explore.formulas.filter((m) => m !== edit.made);
  const calculations = namesForFormulas(edit.explore);
  const check = useCheckedFormula({ dataset: edit.explore.dataset, when: edit.when, ...draft.made }, others, Object.fromEntries(calculations.map((name) => [name, totals[name] ?? null])));
  const names = [...calculations, ...others.map((m) => m.name)];
  const columns = (typed: string) => rank(names, typed, (n) => n, (n) => -names.indexOf(n)).map(({ item }): CodeOption => ({ name: item, text: item, hint: calculations.includes(item) ? 'calculation' : 'formula', right: '' }));
  const taken = (name: string) => ((names.includes(name) && 'There is a calculation or formula of this name.') || (edit.explore.by.includes(name) && 'A group has this name.'));
  return <Editor {...edit} {...draft} title="Formula" placeholder={calculations.length > 1 ? `$${calculations[1]} / $${calculations[0]}` : `$${calculations[0] ?? 'COUNT'} * 60`} check={check} columns={columns} functions={FORMULA_FUNCTIONS} taken={taken} />;
}

function useDraft(made: Made | null) {
  const [name, setName] = useState(made?.name ?? '');
  const [expression, setExpression] = useState(made?.expression ?? '');
  return { made: { name: name.trim(), expression }, name, setName, setExpression, known: made };
}

type EditorProps = Omit<Edit, 'made'> & ReturnType<typeof useDraft> & { title: string; placeholder: string; check: Check; columns: (typed: string) => CodeOption[]; functions: ExpressionFunction[]; taken: (name: string) => string | false };

function Editor({ title, placeholder, made, name, setName, setExpression, known, check, columns, functions, taken, onDone, onRemove, onClose }: EditorProps) {
  const id = useId();
  const nameBox = useRef<HTMLInputElement>(null);
  const [caret, setCaret] = useState(made.expression.length);
  /** Somebody wants it before the server has said that it is right. */
  const [wanted, setWanted] = useState(false);
  const fault = check.checked && 'fault' in check.checked ? check.checked.fault : null;
  const nameFault = (made.name === '' ? null : taken(made.name)) || null;
  const changed = made.name !== (known?.name ?? '') || made.expression !== (known?.expression ?? '');
  const fits = made.expression.trim() !== '' && made.name !== '' && !nameFault;
  const right = check.current && !fault;
  const done = () => onDone({ name: made.name, expression: made.expression.trim() });
  useEffect(() => {
    if (!wanted || !check.current) return;
    setWanted(false);
    if (fits && !fault) done();
  }, [wanted, check.current]); // eslint-disable-line react-hooks/exhaustive-deps -- what is wanted is what stands there when the answer comes
  const apply = () => {
    if (!changed) return onClose();
    if (made.name === '') return nameBox.current?.focus();
    if (!fits || (check.current && fault)) return;
    if (right) done();
    else setWanted(true);
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onClose();
    else if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) apply();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const optionsFor = ({ what, typed }: Completing): CodeOption[] => {
    const offers = what === 'column' ? columns(typed) : rank(functions, typed, (f) => f.name, (f) => -functions.indexOf(f)).map(({ item }): CodeOption => ({ name: item.name, text: item.usage, hint: item.gives, right: '', into: argumentsOf(item).length > 0 }));
    // What is already whole needs no list, and Enter then means the whole expression.
    return offers[0]?.name === typed ? [] : offers;
  };
  return (
    <Popover opened width="min(720px, 94vw)" onDismiss={() => !changed && onClose()} position="bottom-start" offset={6} withinPortal trapFocus={false} withRoles={false} returnFocus={false} closeOnEscape={false}>
      <Popover.Target>
        <span className="chip typing"><span className="fn">ƒ</span><bdi>{made.name || <span className="op">{title.toLowerCase()}</span>}</bdi></span>
      </Popover.Target>
      <Popover.Dropdown className="made" role="dialog" aria-label={title} data-testid="made-editor" onKeyDown={keys}>
        <label className="made-name">
          <span className="lab">{title}</span>
          <FirstBox on={known === null} ref={nameBox} value={name} onChange={(event) => setName(event.target.value)} onKeyDown={(event) => event.key === 'Enter' && !event.metaKey && !event.ctrlKey && (event.preventDefault(), (event.currentTarget.closest('.made')?.querySelector('textarea'))?.focus())} placeholder="Name" aria-label="Name" aria-invalid={nameFault !== null} aria-describedby={`${id}-said`} autoComplete="off" autoCapitalize="off" spellCheck={false} dir="auto" />
        </label>
        <CodeBox label="Expression" text={made.expression} onText={setExpression} position={fault && check.current ? fault.position : null} describedBy={`${id}-said`} optionsFor={optionsFor} onEnter={apply} onCaret={setCaret} autoFocus={known !== null}>
          <Given check={check} expression={made.expression} placeholder={placeholder} whole={title === 'Formula'} />
        </CodeBox>
        <p id={`${id}-said`} className="made-said" role="status" aria-live="polite">
          {nameFault ? <span className="bad">{nameFault}</span> : check.error && made.expression.trim() !== '' ? <span className="bad">{check.error.message}</span> : fault ? <Wrong message={fault.message} position={fault.position} /> : <Usage text={made.expression} caret={caret} />}
        </p>
        <div className="hints">
          <span><kbd>$</kbd> {title === 'Formula' ? 'calculations' : 'fields'}</span>
          <span><kbd>⇥</kbd> complete</span>
          <span><kbd>↵</kbd> take</span>
          <span><kbd>Esc</kbd> close</span>
          <span className="sp" />
          {known && <button type="button" className="text-button" onClick={onRemove}>Remove</button>}
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="button" className="btn ink" disabled={!fits || fault !== null} onClick={apply}>{known ? 'Change' : 'Add'}</button>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

/** The first line says what is wrong; a pattern's own complaint, drawn with letters, stays as it is below. */
function Wrong({ message, position }: { message: string; position: number | null }) {
  const [first, ...rest] = message.split('\n');
  return <span className="bad">{position !== null && <span className="num">Character {position}: </span>}{first}{rest.length > 0 && <span className="mono rest">{`\n${rest.join('\n')}`}</span>}</span>;
}

/** How the function around the caret is written, with the part that is being written. */
function Usage({ text, caret }: { text: string; caret: number }): ReactNode {
  const call = callAt(text, caret);
  const f = call && functionNamed(call.name);
  if (!call || !f) return null;
  const all = argumentsOf(f);
  const at = Math.min(call.argument, all.length - 1);
  return <span className="mid"><span className="mono">{f.name}({all.map((a, i) => <span key={a + i}>{i > 0 && ', '}{i === at ? <b>{a}</b> : a}</span>)})</span> <span className="dim">{f.gives}</span></span>;
}

/** What the newest events have. */
function Given({ check, expression, placeholder, whole }: { check: Check; expression: string; placeholder: string; whole: boolean }) {
  if (expression.trim() === '') return <p className="given dim">Such as <span className="mono">{placeholder}</span></p>;
  if (!check.checked || 'fault' in check.checked) return <p className="given dim" />;
  const given = givenWords(check.checked.values, whole);
  return (
    <div className={check.current ? 'given' : 'given stale'} data-testid="given">
      {given.lead && <p className="dim">{given.lead}</p>}
      <p className="given-values">{given.values.map((v) => <span key={v.text} className="chip still"><bdi className="v">{v.text}</bdi>{v.times !== null && <span className="op">{v.times}</span>}</span>)}</p>
    </div>
  );
}
