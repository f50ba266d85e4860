// What an open intent says: which expectations fail, how each version meets it, what is different about the unmet, and the
// ways on: to that comparison, to the unmet events, to all of its events.
import { useMemo } from 'react';
import { useCompare, useFields } from '../../api/hooks';
import { useUnmet } from '../../api/intents';
import { Icon } from '../../parts/Icon';
import { useKeys, type KeyMap } from '../../parts/keys';
import { compareSpec, type Span } from '../../state/different';
import { allEvents, differentOfIntent, fell, metShare, unmetEvents, type Intents, type Line } from '../../state/intents';
import type { Go } from '../../state/location';
import { PlainSentence } from '../different/Sentence';
import { sentenceOf } from '../../words/different';
import { metWords } from '../../words/intents';
import { count, exact, share } from '../../words/numbers';
import { cut } from '../../words/values';

type Props = { line: Line; intents: Intents; span: Span; go: Go };
const VERSIONS_SHOWN = 6;
const NO_KEYS: KeyMap = {};

export function Opened({ line, intents, span, go }: Props) {
  const unmet = line.now.all - line.now.met;
  const different = useMemo(() => differentOfIntent(intents, line.name, span), [intents, line.name, span]);
  const events = () => go({ page: 'explore', explore: unmetEvents(intents, line.name) });
  const look = () => go({ page: 'different', different });
  useKeys(useMemo((): KeyMap => (unmet > 0 ? { d: look, e: events } : NO_KEYS), [unmet, different])); // eslint-disable-line react-hooks/exhaustive-deps -- both follow from what is named
  return (
    <div className="opened">
      <div className="opened-part">
        {unmet > 0 && <Unmet dataset={intents.dataset} line={line} span={span} unmet={unmet} />}
        {line.versions.some((v) => v.version !== null) && (
          <>
            <h3>Met by version</h3>
            {line.versions.slice(0, VERSIONS_SHOWN).map((v) => {
              const part = metShare(v.now) ?? 0;
              const poor = line.group === 'worse' && fell(v.now, line.before);
              return <p className="bar-line" key={v.version ?? ''}><span className="mono cut" dir="auto">{v.version ?? 'no version'}</span><i className={poor ? 'bar bad-bar' : 'bar'}><i style={{ width: `${part * 100}%` }} /></i><span className={poor ? 'num bad strong' : 'num'}>{metWords(part)}</span></p>;
            })}
          </>
        )}
        {unmet === 0 && line.expectations.length > 0 && <><h3>What is expected</h3><ul className="expected">{line.expectations.map((e) => <li key={e} dir="auto">{e}</li>)}</ul></>}
      </div>
      <div className="opened-part">
        <h3>Where it is declared</h3>
        {line.place ? <p className="mono whole">{line.place.file}{line.place.line && `:${line.place.line}`}</p> : <p className="dim">The sender did not say.</p>}
        <dl className="opened-facts">
          <dt>Name</dt><dd className="mono whole">{line.name}</dd>
          {line.service && <><dt>Service</dt><dd>{line.service}</dd></>}
          {line.owner && <><dt>Owner</dt><dd dir="auto">{line.owner}</dd></>}
          {unmet > 0 && line.expectations.length > 0 && <><dt>Expects</dt><dd dir="auto">{cut(line.expectations.join(', '), 160)}</dd></>}
        </dl>
      </div>
      <div className="opened-part">
        <h3>What is different about the unmet</h3>
        {unmet > 0 ? <Different different={different} /> : <p className="mid">{line.now.all > 0 ? `All ${count(line.now.all)} times it was met; there is nothing to compare.` : 'It was not exercised in this time.'}</p>}
        <div className="opened-acts">
          {unmet > 0 && <button type="button" className="btn these" onClick={look}>Look into it <kbd>D</kbd></button>}
          {unmet > 0 && <button type="button" className="btn" onClick={events}>Unmet events <kbd>E</kbd></button>}
          {(line.now.all > 0 || line.before.all > 0) && <button type="button" className="btn ghost" onClick={() => go({ page: 'explore', explore: allEvents(intents, line.name) })}><Icon name="explore" />All its events</button>}
        </div>
      </div>
    </div>
  );
}

function Unmet({ dataset, line, span, unmet }: { dataset: string; line: Line; span: Span; unmet: number }) {
  const query = useUnmet(dataset, line.name, span);
  return (
    <>
      <h3>What is not met, of {exact(unmet)} {unmet === 1 ? 'time' : 'times'}</h3>
      {query.isError && <p className="bad" role="alert">{query.error.message}</p>}
      {query.data?.map((u) => <p className="bar-line" key={u.name}><span className="cut" dir="auto" title={u.name}>{u.name}</span><i className="bar bad-bar"><i style={{ width: `${Math.max(1, (u.events / unmet) * 100)}%` }} /></i><span className="num">{exact(u.events)}</span></p>)}
      {query.isSuccess && query.data.length === 0 && <p className="dim">The sender did not say which.</p>}
      {query.isPending && <p className="bar-line" aria-hidden="true"><span className="dim">Reading</span></p>}
    </>
  );
}

function Different({ different }: { different: ReturnType<typeof differentOfIntent> }) {
  const fields = useFields(different.explore.dataset);
  const known = useMemo(() => (fields.data ?? []).map((f) => f.name), [fields.data]);
  return known.length > 0 ? <Compared different={different} known={known} /> : <p className="dim opened-sentence">Comparing</p>;
}

function Compared({ different, known }: { different: ReturnType<typeof differentOfIntent>; known: string[] }) {
  const spec = useMemo(() => compareSpec(different, known), [different, known]);
  const { told, error } = useCompare(different.explore.dataset, spec);
  const best = told.answer?.explanations[0];
  if (error) return <p className="bad" role="alert">{error.message}</p>;
  if (!told.answer) return <p className="dim opened-sentence">Comparing</p>;
  if (!best) return <p className="mid opened-sentence">{told.answer.selection.events < 2 ? 'One event is not enough to compare.' : 'Nothing sets the unmet apart.'}</p>;
  const said = sentenceOf(best, different, known, !told.answer.exact);
  return <p className="opened-sentence" data-testid="intent-sentence" aria-label={`${share(best.selection)} of the unmet`}><PlainSentence said={{ ...said, others: said.others.replace('Of the others', 'Of the met') }} /></p>;
}
