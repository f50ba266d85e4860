// One span beside the waterfall: where its duration stands, then its fields with what is rare in it on top, its events and
// its links. Every value is a way in.
import { useMemo, useState, type KeyboardEvent, type RefObject } from 'react';
import type { SpanEvent, SpanLink, TraceSpan } from '../../api/types';
import { Icon } from '../../parts/Icon';
import { ValueButton } from '../../parts/ValueMenu';
import { copy } from '../../parts/copy';
import type { Node } from '../../trace/tree';
import { namesOne, type Roles } from '../../state/roles';
import { count, counted, duration, share } from '../../words/numbers';
import { cut, visible, type Value } from '../../words/values';
import { SiblingHistogram } from './SiblingHistogram';
import { useCommon, useSiblings, type Common } from './useSiblings';

type Tab = 'fields' | 'events' | 'links';
type Props = { span: TraceSpan; dataset: string; roles: Roles | null; colour: string; now: number; find: RefObject<HTMLInputElement | null>; onDifferent: (() => void) | null; onTrace: (trace: string, span: string | null) => void; onClose: () => void };

/** Values rarer than this among the same spans stand on top. */
const RARE = 0.1;
const RARE_MOST = 10;
const WHOLE = 65_536;

export function SpanPanel({ span, dataset, roles, colour, now, find, onDifferent, onTrace, onClose }: Props) {
  const [tab, setTab] = useState<Tab>('fields');
  const siblings = useSiblings(dataset, span, roles, now);
  const tabs: [Tab, string, number][] = [['fields', 'Fields', Object.keys(span.fields).length], ['events', 'Events', span.events.length], ['links', 'Links', span.links.length]];
  const arrows = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = tabs[(tabs.findIndex(([id]) => id === tab) + by + tabs.length) % tabs.length]![0];
    setTab(next);
    requestAnimationFrame(() => document.getElementById(`span-tab-${next}`)?.focus());
  };
  return (
    <aside className="span-panel" aria-label="Span" data-testid="span-panel" onKeyDown={(event) => event.key === 'Escape' && (event.stopPropagation(), onClose())}>
      <header>
        <i className="sw" style={{ background: colour }} />
        <h2 className="cut" title={span.name ?? undefined}><bdi>{visible(span.name ?? '') || 'no name'}</bdi></h2>
        <span className="dim cut">{span.service}</span>
        <span className="sp" />
        {span.error && <span className="tag bad">error</span>}
        <span className="num strong">{duration(span.duration_ms ?? 0)}</span>
        <button type="button" className="btn ghost icon" aria-label="Copy the span as JSON" title="Copy the span as JSON" onClick={() => void copy(JSON.stringify(span, null, 2))}><Icon name="copy" /></button>
        <button type="button" className="btn ghost icon" aria-label="Close the span" onClick={onClose}><Icon name="x" /></button>
      </header>
      <div className="span-tabs">
        <div role="tablist" aria-label="Of this span" onKeyDown={arrows}>
          {tabs.map(([id, label, size]) => <button type="button" role="tab" key={id} id={`span-tab-${id}`} aria-selected={id === tab} aria-controls="span-part" tabIndex={id === tab ? 0 : -1} onClick={() => setTab(id)}>{label} <span className="dim">{count(size)}</span></button>)}
        </div>
        <span className="sp" />
        {onDifferent && <button type="button" className="these-words different-button" onClick={onDifferent}>What is different? <kbd>D</kbd></button>}
      </div>
      {tab === 'fields' && roles?.duration && span.name != null && span.duration_ms != null && <SiblingHistogram span={span} siblings={siblings.data ?? null} pending={siblings.isPending} />}
      <div role="tabpanel" id="span-part" aria-labelledby={`span-tab-${tab}`} className="span-part">
        {tab === 'fields' && <Fields span={span} dataset={dataset} roles={roles} now={now} find={find} />}
        {tab === 'events' && <Events events={span.events} since={span.offset_ms} />}
        {tab === 'links' && <Links links={span.links} onTrace={onTrace} />}
      </div>
    </aside>
  );
}

/** What is known of a span that others name as their parent and that never arrived. */
export function MissingPanel({ node, events, onClose }: { node: Node; events: SpanEvent[]; onClose: () => void }) {
  return (
    <aside className="span-panel" aria-label="Span" data-testid="span-panel" onKeyDown={(event) => event.key === 'Escape' && (event.stopPropagation(), onClose())}>
      <header>
        <h2 className="cut">Span <span className="mono">{cut(node.id, 20)}</span> never arrived</h2>
        <span className="sp" />
        <button type="button" className="btn ghost icon" aria-label="Close the span" onClick={onClose}><Icon name="x" /></button>
      </header>
      <p className="note mid">{counted(node.children.length, 'span')} {node.children.length === 1 ? 'names' : 'name'} it as parent. It took at least {duration(node.to - node.from)}; whose child it was, and what it did, went with it.</p>
      <p className="note dim">It may have been sampled away, have failed to be sent, or still be on its way.</p>
      {events.length > 0 && <Events events={events} since={node.from} />}
    </aside>
  );
}

type Entry = [name: string, value: Value];

function Fields({ span, dataset, roles, now, find }: { span: TraceSpan; dataset: string; roles: Roles | null; now: number; find: Props['find'] }) {
  const [sought, setSought] = useState('');
  const common = useCommon(dataset, span, roles, now).data;
  const { rare, rest } = useMemo(() => {
    const needle = sought.trim().toLowerCase();
    const all = (Object.entries(span.fields) as Entry[]).filter(([name, value]) => value !== null && (needle === '' || name.toLowerCase().includes(needle) || String(value).toLowerCase().includes(needle))).sort(([a], [b]) => a.localeCompare(b));
    const isRare = ([name]: Entry) => {
      const c = common?.get(name);
      return c !== undefined && !c.unique && c.share < RARE && !namesOne(name);
    };
    const rare = all.filter(isRare).sort(([a], [b]) => common!.get(a)!.share - common!.get(b)!.share).slice(0, RARE_MOST);
    return { rare, rest: all.filter((e) => !rare.includes(e)) };
  }, [span, sought, common]);
  return (
    <>
      <label className="find"><Icon name="search" /><input ref={find} value={sought} onChange={(e) => setSought(e.target.value)} placeholder={`Find in ${counted(Object.keys(span.fields).length, 'field')}`} aria-label="Find a field or value" /><kbd>F</kbd></label>
      <div className="span-fields" tabIndex={0} role="region" aria-label="Fields of this span">
        {rare.length > 0 && <><h3>Rare in this span</h3><List entries={rare} common={common} /></>}
        {rest.length > 0 && <><h3>{rare.length > 0 ? 'Everything else' : 'Fields'}</h3><List entries={rest} common={common} /></>}
        {rare.length + rest.length === 0 && <p className="note dim">No field or value contains this.</p>}
      </div>
    </>
  );
}

/** What an event or a link says itself: its name stands above, and whose it is is known. */
const told = (fields: Record<string, Value>): Entry[] => (Object.entries(fields) as Entry[]).filter(([name, value]) => value !== null && name !== 'name' && !namesOne(name));

function List({ entries, common }: { entries: Entry[]; common: Map<string, Common> | undefined }) {
  return (
    <dl>
      {entries.map(([name, value]) => {
        const c = common?.get(name);
        return (
          <div key={name}>
            <dt className="cut" title={name}><bdi>{name}</bdi></dt>
            <dd><ValueButton column={name} value={value} most={WHOLE} /></dd>
            <dd className={c && !c.unique && c.share < RARE && !namesOne(name) ? 'how-common odd' : 'how-common'}>{c && !namesOne(name) && commonWords(c)}</dd>
          </div>
        );
      })}
    </dl>
  );
}

/** How common a value is among the same spans: in a column, beside the value. */
function commonWords(c: Common): string {
  if (c.unique) return 'unique';
  if (c.share === 0 && c.median === null) return 'only here';
  if (c.median !== null) return c.share < RARE ? 'extreme' : '';
  return c.share >= 0.9995 ? 'all' : share(c.share);
}

function Events({ events, since }: { events: SpanEvent[]; since: number }) {
  if (events.length === 0) return <p className="note dim">Nothing was recorded while this span ran.</p>;
  return (
    <ol className="span-events" tabIndex={0} aria-label="Events of this span">
      {events.map((e, i) => (
        <li key={i}>
          <h3><b>{visible(e.name ?? '') || 'event'}</b> <span className="dim num">{duration(Math.max(0, e.offset_ms - since))} in, {duration(Math.max(0, e.offset_ms))} into the trace</span></h3>
          <List entries={told(e.fields)} common={undefined} />
        </li>
      ))}
    </ol>
  );
}

function Links({ links, onTrace }: { links: SpanLink[]; onTrace: Props['onTrace'] }) {
  if (links.length === 0) return <p className="note dim">This span is not linked to another.</p>;
  return (
    <ol className="span-events" tabIndex={0} aria-label="Links of this span">
      {links.map((l, i) => (
        <li key={i}>
          {l.trace_id != null && <button type="button" className="btn" onClick={() => onTrace(l.trace_id!, l.span_id ?? null)}><Icon name="traces" />Open <span className="mono">{cut(l.trace_id!, 18)}</span></button>}
          <List entries={told(l.fields)} common={undefined} />
        </li>
      ))}
    </ol>
  );
}
