// The top of the page: what was picked, the sentence that tells it from the others, two bars that show both shares, and
// what to do. The line above the sentence is reserved for how far the answer is, so that nothing is pushed down.
import type { Compared } from '../../api/hooks';
import { copy } from '../../parts/copy';
import { Icon } from '../../parts/Icon';
import { useEnter } from '../../parts/keys';
import { queryOfThese, queryWithout, type Different } from '../../state/different';
import type { Explore } from '../../state/explore';
import { againstWords, exactWords, sampledWords, sentenceOf, sentenceText, theseWords, type Condition } from '../../words/different';
import { count, duration, share } from '../../words/numbers';
import { More } from './More';
import { Sentence } from './Sentence';
import { Without, withoutExplanation } from './Without';
import type { Shown } from './useDifferent';

export type Acts = { open: (e: Explore) => void; compare: (d: Different) => void; stop: () => void; again: () => void };
type Props = { different: Different; shown: Shown | null; told: Compared; current: boolean; running: boolean; stopped: boolean; known: string[]; acts: Acts };

export function Answer({ different, shown, told, current, running, stopped, known, acts }: Props) {
  const answer = shown?.answer ?? null;
  const on = shown?.different ?? different;
  const best = answer?.explanations[0] ?? null;
  const rough = answer !== null && !answer.exact;
  const nothing = answer && current ? withoutExplanation(on, answer) : null;
  return (
    <section className={current || !shown ? 'what' : 'what stale'} aria-label="The answer" data-testid="answer">
      <div className="what-main">
        <div className="eyebrow what-line">
          {answer ? <p className="cut"><span className="these-words strong">{theseWords(on, answer.selection.events, known)}</span>, {againstWords(on, answer.baseline.events, known)}</p> : <p>{running ? 'Comparing' : 'Not compared'}</p>}
          <span className="sp" />
          <span className="extent-place"><Extent told={told} running={running} stopped={stopped} exact={answer?.exact === true && current ? exactWords(answer.fields_compared, duration(answer.stats.elapsed_ms)) : null} acts={acts} /></span>
        </div>
        <div aria-live="polite" aria-atomic="true">
          {answer && best ? <h2 data-testid="sentence"><Sentence said={sentenceOf(best, on, known, rough)} says={shareWords(best)} /></h2> : nothing ? <><h2 data-testid="sentence">{nothing.told.title}</h2>{nothing.told.text && <p className="mid what-advice">{nothing.told.text}</p>}</> : null}
          {!answer && <h2 className="to-come-line" aria-hidden="true"><i /></h2>}
        </div>
        {answer && best && (
          <>
            <Cover these={best.selection} others={best.baseline} />
            <Actions different={on} best={best} rough={rough} known={known} acts={acts} />
          </>
        )}
        {nothing && <Without different={on} nothing={nothing} compared={answer!.fields_compared} acts={acts} />}
        {!answer && <div className="to-come-cover" aria-hidden="true"><i /><i /></div>}
      </div>
      {answer && best && <More different={on} answer={answer} rough={rough} known={known} acts={acts} />}
    </section>
  );
}

const shareWords = (e: { selection: number; baseline: number }) => (c: Condition) => (c.filters.length > 0 ? `With the others: ${share(e.selection)} of these, ${share(e.baseline)} of the others` : null);

/** How far it is: exact, from a sample and going on, or ended. */
function Extent({ told, running, stopped, exact, acts }: { told: Compared; running: boolean; stopped: boolean; exact: string | null; acts: Acts }) {
  const sampled = told.answer && !told.answer.exact ? sampledWords(told.answer.sampled_fraction) : null;
  if (running) {
    return (
      <span className="extent" data-testid="refining">
        {told.total > 0 && <span className="meter" aria-hidden="true"><i style={{ width: `${(told.done / told.total) * 100}%` }} /></span>}
        <span className="num">{sampled ? `${sampled} so far` : told.total > 0 ? `reading ${count(told.done)} of ${count(told.total)} parts` : 'reading'}</span>
        <button type="button" className="btn ghost" onClick={acts.stop}>Stop <kbd>Esc</kbd></button>
      </span>
    );
  }
  if (stopped) return <span className="extent" data-testid="stopped">{sampled ? <span className="warn">{sampled}, stopped</span> : 'stopped'}<button type="button" className="btn ghost" onClick={acts.again}>Go on</button></span>;
  return exact ? <span className="extent" data-testid="exact">{exact}</span> : null;
}

function Cover({ these, others }: { these: number; others: number }) {
  return (
    <div className="cover" aria-hidden="true">
      <span className="these-words strong">These</span><div className="cover-bar"><i className="a" style={{ width: `${these * 100}%` }} /></div><span className="num these-words strong refined" key={`a${share(these)}`}>{share(these)}</span>
      <span className="mid">Others</span><div className="cover-bar"><i className="b" style={{ width: `${others * 100}%` }} /></div><span className="num mid refined" key={`b${share(others)}`}>{share(others)}</span>
    </div>
  );
}

function Actions({ different, best, rough, known, acts }: { different: Different; best: NonNullable<Shown['answer']['explanations'][0]>; rough: boolean; known: string[]; acts: Acts }) {
  const these = queryOfThese(different, best.filters);
  const without = queryWithout(different.explore, best.filters);
  useEnter(these && (() => acts.open(these)));
  return (
    <div className="acts">
      {these && <button type="button" className="btn these" onClick={() => acts.open(these)}>Show me these {rough ? '≈ ' : ''}{count(best.selection_events)} <kbd>↵</kbd></button>}
      {without && <button type="button" className="btn" onClick={() => acts.open(without)}>Everything but these <kbd>N</kbd></button>}
      <button type="button" className="btn ghost wide" onClick={() => void copy(sentenceText(sentenceOf(best, different, known, rough)))}><Icon name="copy" />Copy the sentence</button>
    </div>
  );
}
