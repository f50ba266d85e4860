// Beside the answer: further differences, what came close to the first, and what was left out because it is how the events
// were picked.
import type { CompareAnswer, Rival } from '../../api/types';
import { queryOfThese, type Different } from '../../state/different';
import { sentenceOf } from '../../words/different';
import type { Acts } from './Answer';
import { PlainSentence } from './Sentence';

const SHOWN = 3;
type Props = { different: Different; answer: CompareAnswer; rough: boolean; known: string[]; acts: Acts };
type Told = { filters: Rival['filters']; selection: number; baseline: number };

export function More({ different, answer, rough, known, acts }: Props) {
  const [best, ...further] = answer.explanations;
  const rivals = best?.rivals ?? [];
  const line = (e: Told) => {
    const query = queryOfThese(different, e.filters);
    const words = <PlainSentence said={sentenceOf(e, different, known, rough)} />;
    return <li key={JSON.stringify(e.filters)}>{query ? <button type="button" className="more-line" onClick={() => acts.open(query)}>{words}</button> : <p className="more-line">{words}</p>}</li>;
  };
  return (
    <aside className="more" aria-label="More about these">
      {further.length > 0 && (
        <>
          <p className="eyebrow">{further.length === 1 ? 'A second, smaller difference' : 'Further, smaller differences'}</p>
          <ul>{further.slice(0, SHOWN).map(line)}</ul>
        </>
      )}
      {further.length === 0 && rivals.length > 0 && (
        <>
          <p className="eyebrow">Nearly as telling</p>
          <ul>{rivals.map(line)}</ul>
        </>
      )}
      <p className="dim more-foot">
        {best?.same_as && best.same_as.length > 0 && <>The same holds for {list(best.same_as)}. </>}
        {further.length === 0 && rivals.length === 0 ? 'Nothing else stands out.' : ''}
        {answer.evidence === 'weak' ? ' Sample rates here are counts of alike events, and few of them: take shares with care.' : ''}
      </p>
    </aside>
  );
}

const NAMED = 3;
/** "a, b and c", "a, b, c and 4 more". */
export function list(names: string[]): string {
  const named = names.slice(0, NAMED);
  const rest = names.length - named.length;
  const all = rest > 0 ? [...named, `${rest} more`] : named;
  return all.length < 2 ? (all[0] ?? '') : `${all.slice(0, -1).join(', ')} and ${all[all.length - 1]}`;
}
