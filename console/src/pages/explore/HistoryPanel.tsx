// What was asked before, by whoever asks here: each step says what changed, a click asks it again. Searchable, by day.
import { useEffect, useMemo, useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { useHistory, type Asked } from '../../api/kept';
import { Icon } from '../../parts/Icon';
import type { Explore } from '../../state/explore';
import { savedExplore } from '../../state/boards';
import { clock, DAY, day } from '../../words/times';
import { duration } from '../../words/numbers';
import { sameQuestion, stepOf, type Step } from '../../words/steps';
import { offsetAt } from '../../words/zone';
import './history.css';

/** The server writes down what was asked within a second. */
const WRITTEN_MS = 1500;
type Entry = { asked: Asked; explore: Explore; step: Step; times: number };

/** Questions without the helpers of pages; the same one asked again, by a board or while live, is one entry, the latest. */
function entriesOf(items: Asked[]): Entry[] {
  const all = items.filter((i) => !i.spec.disable_series && !i.refused && (i.spec.calculations ?? []).length > 0).map((asked) => ({ asked, explore: savedExplore({ dataset: asked.dataset, spec: asked.spec, view: null }) }));
  const entries: Entry[] = [];
  all.forEach(({ asked, explore }, i) => {
    const known = entries.find((e) => sameQuestion(e.explore, explore));
    if (known) {
      known.times += asked.times;
      return;
    }
    const before = all.slice(i + 1).find((b) => !sameQuestion(b.explore, explore));
    entries.push({ asked, explore, step: stepOf(explore, before?.explore ?? null), times: asked.times });
  });
  return entries;
}

type Props = { explore: Explore; run: number; now: number; onOpen: (e: Explore) => void; onClose: () => void };

export function HistoryPanel({ explore, run, now, onOpen, onClose }: Props) {
  const [sought, setSought] = useState('');
  const client = useQueryClient();
  useEffect(() => {
    const timer = setTimeout(() => void client.invalidateQueries({ queryKey: ['history'] }), WRITTEN_MS);
    return () => clearTimeout(timer);
  }, [client, run]);
  const query = useHistory(explore.dataset, sought.trim(), true);
  const entries = useMemo(() => entriesOf(query.data ?? []), [query.data]);
  const dayOf = (time: number) => Math.floor((time + offsetAt(time)) / DAY);
  const name = (d: number) => (d === dayOf(now) ? 'Today' : d === dayOf(now) - 1 ? 'Yesterday' : day(d * DAY - offsetAt(d * DAY)));
  const days = [...new Set(entries.map((e) => dayOf(Date.parse(e.asked.time))))];
  const current = entries.find((e) => sameQuestion(e.explore, { ...explore, view: null, tab: null, live: false }));
  return (
    <aside className="history" aria-label="History" data-testid="history">
      <header><h2>History</h2><span className="sp" /><button type="button" className="btn ghost icon" aria-label="Close the history" onClick={onClose}><Icon name="x" /></button></header>
      <label className="find"><Icon name="search" /><input value={sought} onChange={(e) => setSought(e.target.value)} placeholder="Find in what was asked" aria-label="Find in the history" /></label>
      <div className="history-list">
        {query.isError && <p className="note bad" role="alert">{query.error.message}</p>}
        {days.map((d) => (
          <section key={d} aria-label={name(d)}>
            <h3>{name(d)}</h3>
            <ol>
              {entries.filter((e) => dayOf(Date.parse(e.asked.time)) === d).map((e) => (
                <li key={e.asked.id}>
                  <button type="button" aria-current={e === current ? 'true' : undefined} onClick={() => onOpen({ ...e.explore, range: explore.range })}>
                    <span className="cut">{e.step.lead} <b dir="auto">{e.step.bold}</b></span>
                    <span className="dim num">{clock(Date.parse(e.asked.time))}</span>
                    <span className="dim small cut">{duration(e.asked.duration_ms)}{e.times > 1 && `, ${e.times} times`}{e.asked.who && `, ${e.asked.who.name}`}</span>
                  </button>
                </li>
              ))}
            </ol>
          </section>
        ))}
        {query.isSuccess && entries.length === 0 && <p className="note dim">{sought ? 'Nothing that was asked has this in it.' : 'What is asked from now on stands here.'}</p>}
      </div>
    </aside>
  );
}
