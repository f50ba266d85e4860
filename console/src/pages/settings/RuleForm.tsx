// Making or changing a rule of redaction: whole fields by name, or what is found inside of them, and what becomes of it.
import { useState, type FormEvent } from 'react';
import { useKeepRule, useRuleTag, type MadeRule } from '../../api/kept';
import type { DatasetInfo } from '../../api/types';
import { FirstBox } from '../../parts/FirstBox';
import { ACTIONS, actionWords, DETECTORS, detectorOf, emptyRule, missingOf, readNames, writeNames, type Detector, type Rule } from '../../words/redaction';

type Props = { of: MadeRule | null; datasets: DatasetInfo[]; /** Whether there is a secret; unknown where it cannot be asked. */ hashes: boolean | undefined; onDone: () => void };
const WHOLE = '';
const POSITION_MOST = 1_000_000;

export function RuleForm({ of, datasets, hashes, onDone }: Props) {
  const start = of ?? emptyRule;
  const [fields, setFields] = useState(writeNames(start.fields));
  const [where, setWhere] = useState(writeNames(start.datasets));
  const [detector, setDetector] = useState<Detector | null>(start.detector);
  const [action, setAction] = useState(start.action);
  const [position, setPosition] = useState(String(start.position));
  const [description, setDescription] = useState(start.description);
  const tag = useRuleTag(of);
  const keep = useKeepRule();
  const place = Number(position.trim() || '0');
  const rule: Rule = { fields: readNames(fields), datasets: readNames(where), detector, action, position: place, description: description.trim() };
  const badPlace = !Number.isInteger(place) || Math.abs(place) > POSITION_MOST;
  const missing = badPlace ? 'Its place is a whole number.' : missingOf(rule, hashes);
  const found = detectorOf(detector);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (missing || keep.isPending || (of && !tag.data)) return;
    keep.mutate({ body: rule, ...(of ? { id: of.id, etag: tag.data } : {}) }, { onSuccess: onDone });
  };
  const secretless = keep.error?.status === 422 && keep.error.message.includes('redaction_secret');
  const trouble = secretless ? null : (keep.error ?? tag.error);
  return (
    <form className="rule-form" onSubmit={submit} aria-label={of ? 'Change the rule' : 'New rule'}>
      <label htmlFor="rule-fields">Fields</label>
      <FirstBox id="rule-fields" className="mono" value={fields} onChange={(event) => setFields(event.target.value)} placeholder="user.email, *password*" autoComplete="off" autoCapitalize="off" spellCheck={false} aria-describedby="rule-fields-note" />
      <p className="dim" id="rule-fields-note">Names between commas; <span className="mono">*</span> stands for anything, small and capital letters are the same. Empty means every field.</p>
      <label htmlFor="rule-detector">Take out</label>
      <select id="rule-detector" value={detector ?? WHOLE} onChange={(event) => setDetector((event.target.value || null) as Detector | null)} aria-describedby="rule-detector-note">
        <option value={WHOLE}>the whole value, of any type</option>
        {DETECTORS.map((d) => <option key={d.detector} value={d.detector}>{d.many} inside of texts</option>)}
      </select>
      <p className="dim" id="rule-detector-note">{found ? <>{found.standing ? `${found.what}. They are masked without any rule; one of your own comes first.` : 'They are looked for only where a rule says so.'} <span className="mono">{found.example}</span></> : 'Whatever the field holds.'}</p>
      <span id="rule-action">How</span>
      <div className="seg" role="group" aria-labelledby="rule-action">
        {ACTIONS.map((a) => <button type="button" key={a.action} aria-pressed={a.action === action} onClick={() => setAction(a.action)}>{a.label}</button>)}
      </div>
      <p className="dim" role="status">{actionWords(rule)}{action === 'hash' && hashes === undefined && !secretless && <> It needs the setting <span className="mono">redaction_secret</span>.</>}</p>
      {action === 'hash' && (hashes === false || secretless) && <p className="warn" role="alert">This Outcrop has no secret to hash with. Start it with <span className="mono">redaction_secret</span> (<span className="mono">OUTCROP_REDACTION_SECRET</span>), at least 16 bytes that are in no file of the data directory.</p>}
      <label htmlFor="rule-datasets">Datasets</label>
      <input id="rule-datasets" className="mono" value={where} onChange={(event) => setWhere(event.target.value)} list="rule-known" placeholder="every dataset, or shop, test-*" autoComplete="off" autoCapitalize="off" spellCheck={false} />
      <datalist id="rule-known">{datasets.map((d) => <option key={d.name} value={d.name} />)}</datalist>
      <label htmlFor="rule-why">Why</label>
      <input id="rule-why" value={description} onChange={(event) => setDescription(event.target.value)} placeholder="for those who read it next year" autoComplete="off" dir="auto" />
      <label htmlFor="rule-place">Place</label>
      <input id="rule-place" className="num" inputMode="numeric" value={position} onChange={(event) => setPosition(event.target.value)} aria-invalid={badPlace} aria-describedby="rule-place-note" autoComplete="off" />
      <p className="dim" id="rule-place-note">Rules with smaller numbers are asked first, equal ones in the order in which they were made.</p>
      {trouble && <p className="bad" role="alert">{trouble.status === 412 ? 'Somebody changed this rule meanwhile. Close it, look, and change it again.' : trouble.message}</p>}
      <div className="dialog-acts">
        <button type="button" className="btn" onClick={onDone}>Cancel</button>
        <button type="submit" className="btn ink" disabled={missing !== null || keep.isPending}>{of ? 'Change the rule' : 'Make the rule'}</button>
        {missing && <span className="dim">{missing}</span>}
      </div>
    </form>
  );
}
