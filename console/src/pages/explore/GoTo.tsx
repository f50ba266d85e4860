// The search box over everything: a trace by its id, a text in all fields, a field by its name, a filter typed whole. Taking an offer is a
// step of the query. It opens over the page and must not know how offers are made.
import { Modal } from '@mantine/core';
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import type { FieldInfo } from '../../api/types';
import { FilterWords } from '../../parts/Chip';
import { Icon, type IconName } from '../../parts/Icon';
import { offersFor, type Offer } from '../../state/found';
import type { Explore } from '../../state/explore';
import type { Times } from '../../state/spec';
import { cut, typeWords, valueText } from '../../words/values';
import { useFound } from './useFound';
import './goto.css';

type Props = { explore: Explore; fields: FieldInfo[]; when: Times; onEdit: (next: Explore) => void; onTrace: (trace: string) => void; onClose: () => void };
const ICONS: Record<Offer['kind'], IconName> = { trace: 'traces', anywhere: 'search', filter: 'only', value: 'only', field: 'group' };

export function GoTo({ explore, fields, when, onEdit, onTrace, onClose }: Props) {
  const id = useId();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const found = useFound(explore.dataset, text, when, true);
  const offers = useMemo(() => offersFor(explore, text, fields, found.values), [explore, text, fields, found.values]);
  const index = Math.min(at, offers.length - 1);
  const take = (offer: Offer | undefined) => {
    if (!offer) return;
    onClose();
    if (offer.kind === 'trace') onTrace(offer.trace);
    else onEdit(offer.next);
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const next = offers.length ? (index + (event.key === 'ArrowDown' ? 1 : -1) + offers.length) % offers.length : 0;
      setAt(next);
      requestAnimationFrame(() => list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' }));
    } else if (event.key === 'Enter') take(offers[index]);
    else return;
    event.preventDefault();
  };
  return (
    <Modal.Root opened onClose={onClose} size={620} yOffset="12vh">
      <Modal.Overlay />
      <Modal.Content aria-label="Search all fields">
        <Modal.Body className="goto">
          <label className="goto-box">
            <Icon name="search" />
            <Input value={text} onChange={(event) => (setText(event.target.value), setAt(0))} onKeyDown={keys} placeholder="Any text, a field, a trace id, or a filter such as duration_ms > 500" role="combobox" aria-label="Search all fields" aria-expanded="true" aria-controls={`${id}-list`} aria-activedescendant={index >= 0 ? `${id}-${index}` : undefined} autoComplete="off" autoCapitalize="off" spellCheck={false} dir="auto" />
            <span className="dim" aria-live="polite">{found.reading ? 'Looking' : ''}</span>
          </label>
          <div role="listbox" id={`${id}-list`} aria-label="Offers" ref={list} className="goto-list">
            {offers.map((offer, i) => (
              <div key={keyOf(offer)} id={`${id}-${i}`} role="option" aria-selected={i === index} className="goto-offer" onMouseMove={() => i !== index && setAt(i)} onMouseDown={(event) => event.preventDefault()} onClick={() => take(offer)}>
                <Icon name={ICONS[offer.kind]} />
                <Words offer={offer} />
              </div>
            ))}
            {offers.length === 0 && <p className="dim note">{found.reading ? 'Looking in all fields.' : 'No field of this name.'}</p>}
          </div>
          <div className="hints"><span><kbd>↑</kbd> <kbd>↓</kbd> choose</span><span><kbd>↵</kbd> take</span><span><kbd>Esc</kbd> close</span></div>
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

/** Has the focus as soon as it is there: what is typed right after the key must not be lost. */
function Input(props: React.ComponentProps<'input'>) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  return <input ref={input} data-autofocus {...props} />;
}

const keyOf = (o: Offer) => (o.kind === 'field' ? `f ${o.field.name}` : o.kind === 'value' ? `v ${o.found.column} ${o.found.value}` : o.kind);

function Words({ offer }: { offer: Offer }) {
  if (offer.kind === 'trace') return <><span className="cut">Trace <bdi className="mono strong">{offer.trace}</bdi></span><span className="dim">open it</span></>;
  if (offer.kind === 'anywhere') return <><span className="cut">Events with <b dir="auto">{cut(offer.text, 60)}</b> in any field</span><span className="dim">filter</span></>;
  if (offer.kind === 'filter') return <><span className="cut mono words"><FilterWords f={offer.filter} /></span><span className="dim">filter</span></>;
  if (offer.kind === 'value') return <><span className="cut mono"><span className="mid">{offer.found.column} =</span> <bdi className="strong">{cut(valueText(offer.found.value), 60)}</bdi></span><span className="dim">only this</span></>;
  const { name, types } = offer.field;
  return <><span className="cut mono"><bdi>{name.slice(0, offer.from)}<mark>{name.slice(offer.from, offer.to)}</mark>{name.slice(offer.to)}</bdi> <span className="dim kind">{typeWords(types)}</span></span><span className="dim">group by it</span></>;
}
