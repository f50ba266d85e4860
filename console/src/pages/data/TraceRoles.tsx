// Which fields of a dataset make traces: the usual ones are found by themselves; others can be named.
import { useState, type FormEvent } from 'react';
import { useChangeRoles, useRoles } from '../../api/datasets';
import type { Roles } from '../../api/types';
import { say } from '../../parts/copy';
import { troubleOfError } from '../../words/errors';

const ROLES: [keyof Roles, string][] = [['trace_id', 'Trace'], ['span_id', 'Span'], ['parent_id', 'Parent'], ['name', 'Name'], ['service', 'Service'], ['duration_ms', 'Duration, ms'], ['error', 'Error'], ['kind', 'Kind']];

export function TraceRoles({ dataset, known, admin }: { dataset: string; known: string[]; admin: boolean }) {
  const seen = useRoles(dataset);
  if (!seen.data) return null;
  return <Form key={seen.data.etag} dataset={dataset} known={known} admin={admin} roles={seen.data.info.roles} own={seen.data.info.own} etag={seen.data.etag} />;
}

type Props = { dataset: string; known: string[]; admin: boolean; roles: Roles; own: Roles; etag: string };

function Form({ dataset, known, admin, roles, own, etag }: Props) {
  const [typed, setTyped] = useState<Record<string, string>>(() => Object.fromEntries(ROLES.map(([role]) => [role, own[role] ?? ''])));
  const change = useChangeRoles(dataset);
  const same = ROLES.every(([role]) => typed[role]!.trim() === (own[role] ?? ''));
  const strange = ROLES.map(([role]) => typed[role]!.trim()).filter((name) => name !== '' && known.length > 0 && !known.includes(name));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!same) change.mutate({ roles: Object.fromEntries(ROLES.map(([role]) => [role, typed[role]!.trim() || null])) as Roles, etag }, { onSuccess: () => say('Saved') });
  };
  return (
    <form onSubmit={submit} aria-labelledby="roles-head">
      <h2 id="roles-head">What makes a trace</h2>
      <p className="mid">{roles.trace_id ? 'The fields by which events become spans. Where nothing is written, the usual name is found.' : 'No event of it belongs to a trace. If its fields have names of their own, write them here.'}</p>
      <div className="roles">
        {ROLES.map(([role, label]) => <label key={role}>{label}<input value={typed[role]} disabled={!admin} placeholder={roles[role] ?? 'none'} spellCheck={false} onChange={(e) => setTyped({ ...typed, [role]: e.target.value })} /></label>)}
      </div>
      {strange.length > 0 && <p className="warn">No event has had {strange.join(', ')} yet.</p>}
      {change.error && <p className="bad" role="alert">{change.error.status === 412 ? 'Somebody changed it in between. Here it is as it is now; change it again.' : troubleOfError(change.error, dataset).headline}</p>}
      {admin && <div><button type="submit" className="btn" disabled={same || change.isPending}>Use these fields</button></div>}
    </form>
  );
}
