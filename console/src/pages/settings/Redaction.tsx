// What must not be kept: the rules in the order in which they are asked, those that hold without any, and making, changing
// and deleting one.
import { useState } from 'react';
import { useDeleteRule, useHashes, useRules, type MadeRule } from '../../api/kept';
import type { DatasetInfo, SessionInfo } from '../../api/types';
import { Dialog } from '../../parts/Dialogs';
import { Icon } from '../../parts/Icon';
import { DETECTORS, inOrder, ruleWords, type Rule } from '../../words/redaction';
import { RuleForm } from './RuleForm';
import './redaction.css';

type Own = NonNullable<SessionInfo['key']>;

export function Redaction({ own, datasets }: { own: Own | null; datasets: DatasetInfo[] }) {
  const rules = own?.scopes.some((g) => g.scope === 'admin' && !g.datasets);
  return (
    <section aria-labelledby="redaction-head" data-testid="redaction">
      <h2 id="redaction-head">What must not be kept</h2>
      <p className="mid">It is taken out of events before anything is written, from the next request on. What is stored already stays as it is.</p>
      {rules ? <Rules asks={own!.scopes.some((g) => g.scope === 'query')} datasets={datasets} /> : (
        <>
          <Standing />
          <p className="mid">Rules of your own need a key with the scope <span className="mono">admin</span> for every dataset{own ? '; yours has none' : ''}.</p>
        </>
      )}
    </section>
  );
}

function Rules({ asks, datasets }: { asks: boolean; datasets: DatasetInfo[] }) {
  const list = useRules();
  const rules = inOrder(list.data ?? []);
  const hashes = useHashes(asks && rules.length > 0).data;
  const [editing, setEditing] = useState<MadeRule | 'new' | null>(null);
  const [leaving, setLeaving] = useState<MadeRule | null>(null);
  const idle = hashes === false && rules.some((r) => r.action === 'hash');
  const form = (of: MadeRule | null) => <RuleForm key={of?.id ?? 'new'} of={of} datasets={datasets} hashes={hashes} onDone={() => setEditing(null)} />;
  return (
    <>
      {editing === 'new' ? form(null) : <button type="button" className="btn ink" onClick={() => setEditing('new')}><Icon name="plus" />New rule</button>}
      {list.isError && <p className="bad" role="alert">{list.error.message}</p>}
      {idle && <p className="warn" role="status"><Icon name="warn" /> The secret is gone, so what these rules would hash is masked. Set <span className="mono">redaction_secret</span> as it was.</p>}
      {rules.length > 1 && <p className="dim">For each field the first rule that fits wins.</p>}
      <ol className="rule-list" aria-label="Rules">
        {rules.map((r) => editing === r ? <li key={r.id} className="form">{form(r)}</li> : (
          <li key={r.id}>
            <span className="who"><Words rule={r} />{r.description && <><br /><span className="mid" dir="auto">{r.description}</span></>}</span>
            <button type="button" className="btn" onClick={() => setEditing(r)} aria-label={`Change: ${sentence(r)}`}>Change</button>
            <button type="button" className="btn" onClick={() => setLeaving(r)} aria-label={`Delete: ${sentence(r)}`}>Delete</button>
          </li>
        ))}
      </ol>
      <Standing after={rules.length > 0} />
      {leaving && <Leave of={leaving} onClose={() => setLeaving(null)} />}
    </>
  );
}

const sentence = (rule: Rule) => {
  const { verb, what, where } = ruleWords(rule);
  return `${verb} ${what}${where}`;
};

function Words({ rule }: { rule: Rule }) {
  const { verb, what, code, where } = ruleWords(rule);
  return <><b>{verb}</b> <bdi className={code ? 'mono' : undefined}>{what}</bdi><bdi>{where}</bdi></>;
}

/** What holds for everybody; it comes last, so that a rule can be an exception. */
function Standing({ after = false }: { after?: boolean }) {
  return (
    <>
      <h3>{after ? 'After them, in every dataset' : 'In every dataset, without any rule'}</h3>
      <ul className="rule-list standing" aria-label="Without any rule">
        {DETECTORS.filter((d) => d.standing).map((d) => (
          <li key={d.detector}>
            <span className="who"><b>Mask</b> {d.many}<br /><span className="mid">{d.what}</span></span>
            <span className="mono dim">{d.word}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Leave({ of, onClose }: { of: MadeRule; onClose: () => void }) {
  const remove = useDeleteRule();
  return (
    <Dialog title="Delete this rule?" opened onClose={onClose} width={460}>
      <p><Words rule={of} /></p>
      <p className="mid">{of.action === 'keep' ? 'From the next request on the exception is gone.' : 'From the next request on this is stored as it is sent, unless another rule fits. What was taken out before does not come back.'}</p>
      {remove.isError && <p className="bad" role="alert">{remove.error.message}</p>}
      <div className="dialog-acts">
        <button type="button" className="btn" onClick={onClose}>Keep it</button>
        <button type="button" className="btn ink" disabled={remove.isPending} onClick={() => remove.mutate(of.id, { onSuccess: onClose })}>Delete the rule</button>
      </div>
    </Dialog>
  );
}
