// What the code says it means to do, and whether it does: the headline of what got worse, then every intent, worst first,
// with the share met now against before. It joins state, answers and parts.
import { useCallback, useMemo, useRef, useState } from 'react';
import { serverNow } from '../../api/client';
import { useIntents } from '../../api/intents';
import type { DatasetInfo } from '../../api/types';
import { useZone } from '../../parts/choices';
import { copy } from '../../parts/copy';
import { DatasetMenu } from '../../parts/DatasetMenu';
import { ErrorBand } from '../../parts/ErrorBand';
import { Icon } from '../../parts/Icon';
import { useKeys } from '../../parts/keys';
import { StateBlock } from '../../parts/StateBlock';
import { TimeRange } from '../../parts/TimeRange';
import { isLast, rangeSeconds } from '../../state/explore';
import { found, GROUPS, type Intents, type Line } from '../../state/intents';
import type { Go } from '../../state/location';
import { encodePage, frozen } from '../../state/url';
import { troubleOfError } from '../../words/errors';
import { GROUP_WORDS, headlineOf, NINES, ninesPlace } from '../../words/intents';
import { count, counted } from '../../words/numbers';
import { earlierOf } from '../../words/times';
import { IntentRow } from './IntentRow';
import './intents.css';

type Props = { intents: Intents; datasets: DatasetInfo[]; go: Go };

export function IntentsPage({ intents, datasets, go }: Props) {
  useZone();
  const [asked, setAsked] = useState(() => serverNow());
  const [ranging, setRanging] = useState(false);
  const find = useRef<HTMLInputElement>(null);
  const span = useMemo(() => (isLast(intents.range) ? { from: asked - intents.range.last * 1000, to: asked } : intents.range), [intents.range, asked]);
  const query = useIntents(intents.dataset, span);
  const all = useMemo(() => query.data ?? [], [query.data]);
  const lines = useMemo(() => found(all, intents), [all, intents]);
  const change = useCallback((part: Partial<Intents>, how: 'push' | 'replace' = 'push') => go({ page: 'intents', intents: { ...intents, ...part } }, how), [go, intents]);
  const again = useCallback(() => setAsked(serverNow()), []);
  const link = () => void copy(window.location.origin + window.location.pathname + encodePage(frozen({ page: 'intents', intents }, asked)));
  useKeys(useMemo(() => ({ '/': () => find.current?.focus(), r: () => setRanging(true) }), []));
  const earlier = `the ${earlierOf(rangeSeconds(intents.range))} before`;
  // The first that got worse is open until somebody opens another; nothing open is an empty name.
  const open = intents.open ?? lines.find((l) => l.group === 'worse')?.name ?? '';
  const now = asked;
  return (
    <>
      <header className="top">
        <DatasetMenu name={intents.dataset} datasets={datasets} onChoose={(dataset) => change({ dataset, open: null, sought: '', only: null })} />
        <span className="slash wide" aria-hidden="true">/</span>
        <h1>Intents</h1>
        <span className="dim wide cut">what the code says it means to do, and whether it does</span>
        <span className="sp" />
        <button type="button" className="btn ghost icon" aria-label="Look again" title="Look again" onClick={again}><Icon name="redo" /></button>
        <TimeRange range={intents.range} shown={span} now={now} opened={ranging} onOpened={setRanging} onRange={(range) => (again(), change({ range }))} />
        <button type="button" className="btn ghost icon" aria-label="Copy link" title="Copy link" onClick={link}><Icon name="link" /></button>
      </header>
      <main className="intents" data-testid="intents" data-settled={!query.isFetching}>
        {query.isError && <div className="band-place"><ErrorBand key={query.errorUpdatedAt} trouble={troubleOfError(query.error, intents.dataset)} onFix={null} onUndo={null} onRetry={() => void query.refetch()} /></div>}
        {query.isSuccess && all.length === 0 && <NoIntents dataset={intents.dataset} />}
        {!query.data && !query.isError && <div className="skeleton" aria-hidden="true">{Array.from({ length: 10 }, (_, i) => <i key={i} />)}</div>}
        {all.length > 0 && (
          <div className={query.isPlaceholderData ? 'stale' : undefined}>
            <Headline lines={all} earlier={earlier} />
            <div className="intents-bar">
              <div className="seg" role="group" aria-label="Which intents">
                <button type="button" aria-pressed={intents.only === null} onClick={() => change({ only: null })}>All {count(all.length)}</button>
                {GROUPS.filter((g) => g === 'worse' || all.some((l) => l.group === g)).map((g) => <button type="button" key={g} aria-pressed={intents.only === g} onClick={() => change({ only: g })}>{GROUP_WORDS[g].short} {count(all.filter((l) => l.group === g).length)}</button>)}
              </div>
              <label className="find"><Icon name="search" /><input ref={find} value={intents.sought} onChange={(e) => change({ sought: e.target.value }, 'replace')} placeholder="Find by text, name, owner or file" aria-label="Find an intent" /><kbd aria-hidden="true">/</kbd></label>
              <span className="sp" />
              <span className="dim wide before-now"><i className="nine then" />{earlierOf(rangeSeconds(intents.range))} before <i className="nine" />now</span>
            </div>
            <div className="intents-head" aria-hidden="true">
              <span>Intent and its place in the code</span>
              <span className="wide">Met, {earlierOf(rangeSeconds(intents.range))}</span>
              <span className="nines-head wide">{NINES.map((n) => <span key={n} style={{ left: `${ninesPlace(n) * 100}%` }}>{n === 0.9 ? '90 %' : String(n * 100)}</span>)}</span>
              <span className="num">Met, now</span><span className="num wide">Change</span><span className="num wide">Times</span>
            </div>
            {GROUPS.map((g) => ({ g, mine: lines.filter((l) => l.group === g) })).filter(({ mine }) => mine.length > 0).map(({ g, mine }) => (
              <section key={g} aria-label={GROUP_WORDS[g].title} className="intents-group">
                <h2>{GROUP_WORDS[g].title} <span className="dim">{GROUP_WORDS[g].note || counted(mine.length, 'intent')}</span></h2>
                <ul>{mine.map((line) => <IntentRow key={line.name} line={line} intents={intents} span={span} opened={line.name === open} onOpen={() => change({ open: line.name === open ? '' : line.name }, 'replace')} go={go} />)}</ul>
              </section>
            ))}
            {lines.length === 0 && <p className="note dim">No intent here has this in its text, name, owner or file.</p>}
          </div>
        )}
      </main>
    </>
  );
}

function Headline({ lines, earlier }: { lines: Line[]; earlier: string }) {
  const said = headlineOf(lines, earlier);
  const { first } = said;
  return (
    <section className="headline" aria-live="polite">
      <p data-testid="headline">
        {said.version && <>With <span className="mono">{said.version}</span>, </>}<b>{said.bold}</b>
        {first ? <>{said.version ? '' : ` than in ${earlier}`}. “<bdi>{first.text}</bdi>” is met in <b className="bad">{first.now}</b>, was {first.before}. {said.rest}</> : said.rest ? <> {said.rest}.</> : '.'}
      </p>
    </section>
  );
}

function NoIntents({ dataset }: { dataset: string }) {
  return (
    <StateBlock eyebrow={`No intents in ${dataset}`} title="Say in one line of code what a function is meant to do">
      <p className="mid">Each call then says whether it did. Here you see how often, for whom not, and what is different about those.</p>
      <pre className="intent-example" tabIndex={0} aria-label="Example in Python">{`import outcrop\n\noutcrop.init("${dataset}")\n\n@outcrop.intent("Place the order and charge once", within="2 s")\ndef place_order(cart):\n    outcrop.expect("charged once", charges == 1)`}</pre>
      <p className="mid">Rust, TypeScript and every OpenTelemetry SDK do the same: an intent is plain fields, <span className="mono">intent.name</span> and <span className="mono">intent.met</span>.</p>
    </StateBlock>
  );
}
