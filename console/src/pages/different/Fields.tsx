// The fields that differ, most telling first: cards over two columns, and one line for all that do not differ.
import { useLayoutEffect, useRef, useState, type RefObject } from 'react';
import type { CompareAnswer } from '../../api/types';
import { Icon } from '../../parts/Icon';
import { count, counted } from '../../words/numbers';
import { FieldCard } from './FieldCard';
import { list } from './More';
import { useMotion } from './useMotion';

const SHOWN = 12;
type Props = { answer: CompareAnswer; all: boolean; find: RefObject<HTMLInputElement | null>; onAll: (all: boolean) => void };

export function Fields({ answer, all, find, onAll }: Props) {
  const [sought, setSought] = useState('');
  const [more, setMore] = useState(false);
  const cards = useRef<HTMLDivElement>(null);
  const needle = sought.trim().toLowerCase();
  const differing = answer.fields.filter((f) => f.score > 0).length;
  const ranked = answer.fields.map((field, i) => ({ field, rank: i + 1 })).filter(({ field }) => all || needle !== '' || field.score > 0);
  const holds = (name: string) => name.toLowerCase().includes(needle);
  const found = needle === '' ? ranked : ranked.filter(({ field }) => holds(field.field) || (field.same_as ?? []).some(holds));
  const shown = needle !== '' || more || all ? found : found.slice(0, SHOWN);
  const same = answer.fields_compared - differing - answer.fields.reduce((sum, f) => sum + (f.same_as?.length ?? 0), 0) - (answer.restated?.length ?? 0);
  const alike = answer.fields.filter((f) => f.score === 0).map((f) => f.field);
  useMotion(cards, shown.map((s) => s.field.field).join('\n'));
  return (
    <section className="fields-part" aria-label="Fields that differ">
      <div className="fields-head">
        <h3>Fields that differ</h3>
        <span className="dim wide">{count(differing)} of {count(answer.fields_compared)}, most telling first</span>
        <span className="sp" />
        <span className="swatch"><i className="a" />these</span>
        <span className="swatch"><i className="b" />others</span>
        <label className="find-field wide"><Icon name="search" /><input ref={find} value={sought} onChange={(e) => setSought(e.target.value)} onKeyDown={(e) => e.key === 'Escape' && (e.stopPropagation(), setSought(''), e.currentTarget.blur())} placeholder="Find a field" aria-label="Find a field" /><kbd>/</kbd></label>
      </div>
      <div className="fields" ref={cards}>
        {shown.map(({ field, rank }) => <Place key={field.field}><FieldCard field={field} rank={rank} rough={!answer.exact} /></Place>)}
      </div>
      {needle !== '' && found.length === 0 && <p className="dim fields-none">No field of this name is among those that were read closely.</p>}
      {needle === '' && found.length > shown.length && <button type="button" className="rest" onClick={() => setMore(true)}>{counted(found.length - shown.length, 'more field')} that {found.length - shown.length === 1 ? 'differs' : 'differ'}</button>}
      {needle === '' && same > 0 && (
        <button type="button" className="rest" onClick={() => onAll(!all)} aria-expanded={all}>
          <span>{counted(same, 'field')} {same === 1 ? 'does' : 'do'} not differ more than chance explains</span>
          <span className="sp" />
          {alike.length > 0 && !all && <span className="dim wide cut">among them {list(alike)}</span>}
        </button>
      )}
      {answer.restated && answer.restated.length > 0 && <p className="dim restated">{list(answer.restated)} {answer.restated.length === 1 ? 'is' : 'are'} left out: {answer.restated.length === 1 ? 'it is' : 'they are'} how these were picked.</p>}
    </section>
  );
}

/** A card in a grid whose rows are single pixels, so that columns fill evenly while the order stays that of the ranks. */
function Place({ children }: { children: React.ReactNode }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = place.current;
    const card = element?.firstElementChild;
    if (!element || !card) return;
    const measure = () => (element.style.gridRowEnd = `span ${Math.ceil(card.getBoundingClientRect().height) + GAP}`);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(card);
    return () => observer.disconnect();
  }, []);
  return <div className="place" ref={place}>{children}</div>;
}

const GAP = 12;
