// Before the first event: how to send one, and that the page listens. It becomes Explore by itself, because App looks
// for datasets while this page is shown.
import { copy } from '../../parts/copy';
import { Icon } from '../../parts/Icon';
import { useKeys } from '../../parts/keys';
import { useMemo } from 'react';
import './first.css';

export const exampleEvent = `{
  "service.name": "checkout",
  "http.route": "POST /checkout",
  "duration_ms": 138.4,
  "cart.item_count": 3,
  "customer.country": "IE",
  "flags.new_checkout": false
}`;

export const commandFor = (origin: string) => `curl ${origin}/api/v1/events/shop -d '${exampleEvent}'`;

export function FirstRun({ origin }: { origin: string }) {
  const command = commandFor(origin);
  useKeys(useMemo(() => ({ c: () => void copy(command) }), [command]));
  return (
    <>
      <header className="top"><h1>Welcome</h1></header>
      <main className="first" data-testid="first-run">
        <section className="how">
          <h2>Send your first event</h2>
          <p className="lead">An event is one JSON object: everything you know about one unit of work. Any field, any value, no schema to declare.</p>
          <div className="command">
            <pre tabIndex={0} aria-label="Command to paste into a terminal"><span className="dim"># paste into a terminal</span>{'\n'}{command}</pre>
            <button type="button" className="btn copy-command" onClick={() => void copy(command)}><Icon name="copy" />Copy <kbd>C</kbd></button>
          </div>
          <dl className="facts">
            <dt>Address</dt>
            <dd className="mono">{origin}</dd>
            <dd><button type="button" className="btn ghost icon" aria-label="Copy the address" onClick={() => void copy(origin)}><Icon name="copy" /></button></dd>
            <dt>Dataset</dt>
            <dd><span className="mono">shop</span> <span className="dim">made when the first event arrives; any other name works too</span></dd>
            <dd />
          </dl>
        </section>
        <section className="wait" aria-live="polite">
          <h2><i className="pulse" />Listening for the first event</h2>
          <p className="mid">This page turns into Explore when it arrives. You can leave it open.</p>
          <Waiting />
        </section>
      </main>
    </>
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
