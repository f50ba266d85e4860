// Before the first event: how to send one, by each way there is, and that the page listens. It becomes Explore by itself,
// because App looks for datasets while this page is shown.
import { useMemo, useState, type KeyboardEvent } from 'react';
import { useMetrics } from '../../api/keys';
import { copy } from '../../parts/copy';
import { Icon } from '../../parts/Icon';
import { useKeys } from '../../parts/keys';
import { KEY_WORDS, waysOf } from '../../words/first';
import { counted } from '../../words/numbers';
import { refusedIn, refusedWords, rejectedIn } from '../../words/refused';
import { Box, Read, See } from './Pictures';
import './first.css';

const CHOSEN = 'outcrop.first';
const REFUSALS_SHOWN = 3;

function chosenBefore(): string | null {
  try {
    return localStorage.getItem(CHOSEN);
  } catch {
    return null;
  }
}

export function FirstRun({ origin, keyed }: { origin: string; keyed: boolean }) {
  const ways = useMemo(() => waysOf(origin, keyed), [origin, keyed]);
  const [chosen, setChosen] = useState(chosenBefore);
  const way = ways.find((w) => w.id === chosen) ?? ways[0]!;
  useKeys(useMemo(() => ({ c: () => void copy(way.text) }), [way.text]));
  const choose = (id: string) => {
    setChosen(id);
    try {
      localStorage.setItem(CHOSEN, id);
    } catch {
      // Storage can be forbidden; the choice then lasts as long as the page.
    }
  };
  const keys = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    const next = ways[(ways.indexOf(way) + by + ways.length) % ways.length]!;
    choose(next.id);
    document.getElementById(`way-${next.id}`)?.focus();
  };
  return (
    <>
      <header className="top"><h1>Welcome</h1></header>
      <main className="first" data-testid="first-run">
        <section className="how">
          <h2>Send your first event</h2>
          <p className="lead">An event is one JSON object: everything you know about one unit of work. Any field, any value, no schema to declare.</p>
          <div className="tabs ways" role="tablist" aria-label="Ways to send" onKeyDown={keys}>
            {ways.map((w) => <button type="button" role="tab" key={w.id} id={`way-${w.id}`} aria-selected={w === way} aria-controls="way" tabIndex={w === way ? 0 : -1} onClick={() => choose(w.id)}>{w.label}</button>)}
          </div>
          <div className="command" role="tabpanel" id="way" aria-labelledby={`way-${way.id}`}>
            <pre tabIndex={0} aria-label="Text to copy"><span className="dim">{way.note}</span>{'\n'}{way.text}</pre>
            <button type="button" className="btn copy-command" onClick={() => void copy(way.text)}><Icon name="copy" />Copy <kbd>C</kbd></button>
          </div>
          <dl className="facts">
            <dt>Address</dt>
            <dd className="mono">{origin}</dd>
            <dd><button type="button" className="btn ghost icon" aria-label="Copy the address" onClick={() => void copy(origin)}><Icon name="copy" /></button></dd>
            <dt>Key</dt>
            <dd>{keyed ? <>one that may send, in the place of <span className="mono">{KEY_WORDS}</span></> : <>none needed on this machine <span className="dim">to send from others, make one</span></>}</dd>
            <dd><a className="text-button" href="/?page=settings">{keyed ? 'Make a key' : 'How'}</a></dd>
            <dt>Dataset</dt>
            <dd><span className="mono">shop</span> <span className="dim">made when the first event arrives; any other name works too</span></dd>
            <dd />
          </dl>
          <div className="promise">
            <figure><See /><figcaption><b>See</b> <span className="mid">Every event of the last hours on one heatmap.</span></figcaption></figure>
            <figure><Box /><figcaption><b>Box</b> <span className="mid">Draw a box around what looks wrong.</span></figcaption></figure>
            <figure><Read /><figcaption><b>Read</b> <span className="mid">What sets these apart from all the others, in a sentence.</span></figcaption></figure>
          </div>
        </section>
        <section className="wait" aria-live="polite">
          <h2><i className="pulse" />Listening for the first event</h2>
          <p className="mid">This page turns into Explore when it arrives. You can leave it open.</p>
          <Refusals />
          <Waiting />
        </section>
      </main>
    </>
  );
}

/** The first refusal is where people leave: it is said at once, and what to do. */
function Refusals() {
  const metrics = useMetrics().data ?? '';
  const refused = refusedIn(metrics);
  const rejected = rejectedIn(metrics);
  if (refused.length === 0 && rejected === 0) return null;
  return (
    <ul className="refusals" data-testid="refusals" aria-label="What was refused">
      {refused.slice(0, REFUSALS_SHOWN).map((r) => {
        const { lead, why } = refusedWords(r);
        return <li key={`${r.route} ${r.status}`}><Icon name="warn" /><p><b className="bad">{lead}</b> <span className="dim num">{r.status}</span> <span className="mono whole">{r.route}</span><br /><span className="mid">{why}</span></p></li>;
      })}
      {rejected > 0 && <li><Icon name="warn" /><p><b className="bad">{counted(rejected, 'event')} {rejected === 1 ? 'was' : 'were'} rejected</b><br /><span className="mid">The answer to their request says which and why.</span></p></li>}
    </ul>
  );
}

/** An empty heatmap where the first event will be. */
function Waiting() {
  const dots = [];
  for (let x = 0; x < 34; x += 1) for (let y = 0; y < 13; y += 1) dots.push(<circle key={`${x} ${y}`} cx={24 + x * 11.2} cy={18 + y * 13} r="1.1" />);
  return (
    <svg className="strata" viewBox="0 0 420 210" aria-hidden="true">
      {dots}
      <path d="M393.6 10V186" />
      <text x="393" y="202" textAnchor="middle">now</text>
      <text x="24" y="202">6 minutes ago</text>
    </svg>
  );
}
