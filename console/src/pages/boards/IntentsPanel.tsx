// A panel of intents, worst first: the share met now, and what it was before.
import { useMemo } from 'react';
import { useIntents } from '../../api/intents';
import { isLast, type Range } from '../../state/explore';
import { EVERY_INTENT } from '../../state/boards';
import { emptyIntents, metShare } from '../../state/intents';
import type { Go } from '../../state/location';
import { metWords } from '../../words/intents';

export function IntentsPanel({ dataset, intent, range, at, go }: { dataset: string; intent: string; range: Range; at: number; go: Go }) {
  const span = useMemo(() => (isLast(range) ? { from: at - range.last * 1000, to: at } : range), [range, at]);
  const query = useIntents(dataset, span);
  if (query.isError) return <div className="panel-said" role="alert"><p className="bad">{query.error.message}</p></div>;
  if (!query.data) return <div className="panel-wait" aria-hidden="true"><i /></div>;
  const lines = query.data.filter((l) => l.now.all > 0 && (intent === EVERY_INTENT || l.name === intent));
  if (lines.length === 0) return <p className="panel-said mid">{intent === EVERY_INTENT ? 'No intent was exercised in this time.' : `“${intent}” was not exercised in this time.`}</p>;
  const short = (part: number) => metWords(part).replace(/\u202f%$/, '');
  return (
    <ul className="intent-list">
      {lines.map((l) => {
        const then = metShare(l.before);
        return (
          <li key={l.name}>
            <button type="button" onClick={() => go({ page: 'intents', intents: { ...emptyIntents, dataset, range, open: l.name } })}>
              <span className="cut"><bdi>{l.text}</bdi><br /><span className="dim small cut">{l.service ?? l.name}</span></span>
              <span className="num"><b className={l.group === 'worse' ? 'bad' : undefined}>{metWords(metShare(l.now)!)}</b>{then !== null && <span className="dim small">was {short(then)}</span>}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
