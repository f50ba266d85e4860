// An answer without an explanation: what is said instead, what may be tried, and the one event where there is only one.
import { useQuery } from '@tanstack/react-query';
import { postRows } from '../../api/client';
import type { CompareAnswer } from '../../api/types';
import { ValueButton } from '../../parts/ValueMenu';
import { useEnter } from '../../parts/keys';
import { DAY_SECONDS, pickedBy, queryOfThese, type Different } from '../../state/different';
import { rowsSpec, times } from '../../state/spec';
import { eventRows } from '../../tables/shape';
import { alikeWords, earlierWords, incomparableWords, type Told } from '../../words/different';
import { counted } from '../../words/numbers';
import { clock, day } from '../../words/times';
import { zoneWords } from '../../words/zone';
import type { Acts } from './Answer';

export type Nothing = { told: Told; kind: 'incomparable' | 'one' | 'alike' | 'scattered' };

/** Null while an explanation says it all. */
export function withoutExplanation(d: Different, answer: CompareAnswer): Nothing | null {
  const impossible = incomparableWords(d, answer.selection.events, answer.baseline.events);
  if (impossible) return { told: impossible, kind: answer.selection.events === 1 ? 'one' : 'incomparable' };
  if (answer.explanations.length > 0) return null;
  const differing = answer.fields.filter((f) => f.score > 0);
  if (differing.length === 0) return { told: alikeWords(d, answer.fields_compared), kind: 'alike' };
  return { told: { title: 'No few values set these apart.', text: `${counted(differing.length, 'field')} ${differing.length === 1 ? 'differs' : 'differ'} more than chance explains, ${differing[0]!.field} most.` }, kind: 'scattered' };
}

export function Without({ different, nothing, compared, acts }: { different: Different; nothing: Nothing; compared: number; acts: Acts }) {
  const others = different.than.kind === 'others';
  const thing = pickedBy(different.these) === 'filters' ? null : pickedBy(different.these);
  const compare = () => acts.compare({ ...different, than: others ? { kind: 'earlier', seconds: DAY_SECONDS } : { kind: 'others' } });
  const all = queryOfThese(different, []);
  const comparable = nothing.kind !== 'one';
  useEnter(comparable ? compare : null);
  return (
    <>
      <div className="acts">
        {comparable && <button type="button" className="btn" onClick={compare}>{others ? `Compare with ${earlierWords(DAY_SECONDS)}` : 'Compare with all the others'} <kbd>↵</kbd></button>}
        {nothing.kind === 'alike' && !different.all && <button type="button" className="btn ghost" onClick={() => acts.compare({ ...different, all: true })}>Show all {counted(compared, 'field')} anyway</button>}
        {nothing.kind !== 'alike' && all && <button type="button" className="btn ghost" onClick={() => acts.open(all)}>Show {thing ? `the events in your ${thing}` : 'these events'}</button>}
      </div>
      {nothing.kind === 'one' && <OneEvent different={different} />}
    </>
  );
}

/** The only event, with every field. */
function OneEvent({ different }: { different: Different }) {
  const query = queryOfThese(different, []);
  const { data, error } = useQuery({
    queryKey: ['one', different.explore.dataset, JSON.stringify(query)],
    enabled: query !== null,
    staleTime: Infinity,
    queryFn: ({ signal }) => postRows(different.explore.dataset, rowsSpec(query!, times(query!, 0), null, 1), signal),
  });
  if (error) return <p className="bad" role="alert">{error.message}</p>;
  const row = data && eventRows([data])[0];
  if (!row) return null;
  const time = Date.parse(row.time);
  return (
    <dl className="one-event" aria-label="The event" data-testid="one-event">
      <div><dt className="mono">timestamp</dt><dd>{day(time, true)} {clock(time, 1)} {zoneWords()}</dd></div>
      {[...row.values].sort(([a], [b]) => a.localeCompare(b)).map(([name, value]) => (
        <div key={name}><dt className="mono"><bdi>{name}</bdi></dt><dd><ValueButton column={name} value={value} most={200} /></dd></div>
      ))}
    </dl>
  );
}
