// How long a dataset is kept, which of its fields make traces, what it is called, and what is deleted of it. Each change says what it will do before it does
// it; what cannot be undone wants its name typed.
import { useMemo, useState, type FormEvent } from 'react';
import { useChangeDataset, useDatasetSettings, useDropDataset } from '../../api/datasets';
import type { ApiError } from '../../api/errors';
import { useFields } from '../../api/hooks';
import type { DatasetInfo, DatasetSettings, SessionInfo } from '../../api/types';
import { say } from '../../parts/copy';
import { Dialog } from '../../parts/Dialogs';
import type { Go } from '../../state/location';
import { bytes, counted, exact } from '../../words/numbers';
import { troubleOfError } from '../../words/errors';
import { keepWords, readAge, readBytes, writeAge, writeBytes } from '../../words/keeping';
import { Deleting } from './Deleting';
import { TraceRoles } from './TraceRoles';

type Props = { info: DatasetInfo; session: SessionInfo | null; now: number; go: Go };
const MAKE = 'outcrop keys create --name you --scope query --scope admin';

export function Keeping({ info, session, now, go }: Props) {
  const seen = useDatasetSettings(info.name);
  const admin = session?.key?.scopes.some((g) => g.scope === 'admin' && (!g.datasets || g.datasets.includes(info.name))) ?? false;
  const list = useFields(info.name).data;
  const fields = useMemo(() => (list ?? []).map((f) => f.name), [list]);
  if (seen.isError) return <p className="note bad" role="alert">{seen.error.message}</p>;
  if (!seen.data) return <div className="keeping" aria-hidden="true" />;
  const { settings, etag } = seen.data;
  return (
    <div className="keeping" data-testid="keeping">
      {!admin && (
        <p className="keeping-note">
          {session?.key ? <>Changing this needs a key with the scope <span className="mono">admin</span>; yours has none.</> : <>Changing this needs a key with the scope <span className="mono">admin</span>. Make one on the server, then sign in with it: <code>{MAKE}</code></>}
        </p>
      )}
      <Retention key={etag} settings={settings} etag={etag} admin={admin} />
      <TraceRoles dataset={info.name} known={fields} admin={admin} />
      {admin && (
        <>
          <Name settings={settings} etag={etag} go={go} />
          <Deleting info={info} now={now} />
          <Drop info={info} etag={etag} go={go} />
        </>
      )}
    </div>
  );
}

/** What went wrong with a change; a conflict says that somebody was quicker. */
const Trouble = ({ error }: { error: ApiError | null }) => error && <p className="bad" role="alert">{error.status === 412 ? 'Somebody changed it in between. Here it is as it is now; change it again.' : troubleOfError(error).headline}</p>;

function Retention({ settings, etag, admin }: { settings: DatasetSettings; etag: string; admin: boolean }) {
  const own = settings.retention ?? null;
  const [age, setAge] = useState(writeAge(own?.age_seconds_max));
  const [size, setSize] = useState(writeBytes(own?.bytes_max));
  const change = useChangeDataset(settings.name);
  const seconds = readAge(age);
  const most = readBytes(size);
  const wrong = seconds === undefined ? 'An age is a number and a unit: 90 days, 12 h.' : most === undefined ? 'A size is a number and a unit: 20 GiB, 500 MiB.' : null;
  const next = { age_seconds_max: seconds ?? null, bytes_max: most ?? null };
  const same = next.age_seconds_max === (own?.age_seconds_max ?? null) && next.bytes_max === (own?.bytes_max ?? null);
  const none = next.age_seconds_max === null && next.bytes_max === null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!wrong && !same) change.mutate({ change: { retention: none ? null : next }, etag }, { onSuccess: () => say('Saved') });
  };
  return (
    <form onSubmit={submit} aria-labelledby="keep-head">
      <h2 id="keep-head">How long it is kept</h2>
      <p className="mid" data-testid="kept">{keepWords(own ?? settings.retention_default)}{own === null && ' This is the rule of the whole store.'}</p>
      {admin && (
        <>
          <div className="pairs">
            <label>Events go after<input value={age} onChange={(e) => setAge(e.target.value)} placeholder="never" spellCheck={false} aria-invalid={seconds === undefined} /></label>
            <label>The oldest go when it is larger than<input value={size} onChange={(e) => setSize(e.target.value)} placeholder="any size" spellCheck={false} aria-invalid={most === undefined} /></label>
          </div>
          <p className={wrong ? 'bad' : 'dim'}>{wrong ?? (same ? 'Both may stand empty: then the rule of the store counts.' : none ? `The rule of the store will count: ${keepWords(settings.retention_default)}` : `${keepWords(next)} What is beyond it goes within minutes and does not come back.`)}</p>
          <Trouble error={change.error} />
          <div><button type="submit" className="btn ink" disabled={same || wrong !== null || change.isPending}>Keep it so</button></div>
        </>
      )}
    </form>
  );
}

function Name({ settings, etag, go }: { settings: DatasetSettings; etag: string; go: Go }) {
  const [name, setName] = useState(settings.name);
  const change = useChangeDataset(settings.name);
  const wanted = name.trim().toLowerCase();
  const same = wanted === settings.name || wanted === '';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!same) change.mutate({ change: { name: wanted }, etag }, { onSuccess: (now) => (say('Saved'), go({ page: 'data', dataset: now.name, part: 'settings' }, 'replace')) });
  };
  return (
    <form onSubmit={submit} aria-labelledby="name-head">
      <h2 id="name-head">Its name</h2>
      <div className="pairs"><label>New name<input value={name} onChange={(e) => setName(e.target.value)} spellCheck={false} /></label></div>
      <p className="dim">{same ? 'Events are kept by number, so that a new name moves nothing.' : <>Links, boards and keys that say <bdi className="mono">{settings.name}</bdi> will not find it; events that are sent to the old name make a new dataset.</>}</p>
      <Trouble error={change.error} />
      <div><button type="submit" className="btn" disabled={same || change.isPending}>Rename it</button></div>
    </form>
  );
}

function Drop({ info, etag, go }: { info: DatasetInfo; etag: string; go: Go }) {
  const [opened, setOpened] = useState(false);
  const [typed, setTyped] = useState('');
  const drop = useDropDataset(info.name);
  const close = () => (setOpened(false), setTyped(''));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typed.trim() === info.name) drop.mutate(etag, { onSuccess: () => (close(), say('Dropped'), go({ page: 'data', dataset: '' })) });
  };
  return (
    <section aria-labelledby="drop-head">
      <h2 id="drop-head">Drop the dataset</h2>
      <p className="mid">All {counted(info.events, 'event')} and {counted(info.fields, 'field')} at once and for good, {bytes(info.bytes)}.</p>
      <div><button type="button" className="btn danger" onClick={() => setOpened(true)}>Drop {info.name}…</button></div>
      <Dialog title={`Drop ${info.name}`} opened={opened} onClose={close} width={480}>
        <form className="confirm" onSubmit={submit}>
          <p>{exact(info.events)} events will be gone. There is no way back but a backup.</p>
          <label>Type <b className="mono">{info.name}</b> to drop it<input value={typed} onChange={(e) => setTyped(e.target.value)} spellCheck={false} autoComplete="off" data-autofocus /></label>
          <Trouble error={drop.error} />
          <div className="confirm-acts"><button type="button" className="btn" onClick={close}>Keep it</button><button type="submit" className="btn danger" disabled={typed.trim() !== info.name || drop.isPending}>Drop it for good</button></div>
        </form>
      </Dialog>
    </section>
  );
}
