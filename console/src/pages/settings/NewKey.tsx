// Making a key: who uses it, what it may do, of which datasets. Its text is shown once, and is gone when this closes.
import { useState, type FormEvent } from 'react';
import { useCreateKey } from '../../api/keys';
import type { DatasetInfo, Grant } from '../../api/types';
import { copy } from '../../parts/copy';
import { Icon } from '../../parts/Icon';
import { readDatasets, SCOPES } from '../../words/keys';

type Wanted = Record<Grant['scope'], { on: boolean; of: string }>;
const START: Wanted = { ingest: { on: false, of: '' }, query: { on: true, of: '' }, admin: { on: false, of: '' } };

export function NewKey({ datasets, onDone }: { datasets: DatasetInfo[]; onDone: () => void }) {
  const [name, setName] = useState('');
  const [wanted, setWanted] = useState(START);
  const create = useCreateKey();
  const scopes = SCOPES.filter(({ scope }) => wanted[scope].on).map(({ scope }): Grant => ({ scope, datasets: readDatasets(wanted[scope].of) }));
  const missing = name.trim() === '' ? 'Say who uses it.' : scopes.length === 0 ? 'Choose what it may do.' : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!missing && !create.isPending) create.mutate({ name: name.trim(), scopes });
  };
  const change = (scope: Grant['scope'], part: Partial<Wanted[Grant['scope']]>) => setWanted({ ...wanted, [scope]: { ...wanted[scope], ...part } });
  if (create.data) return <Once name={create.data.name} text={create.data.key} onDone={onDone} />;
  return (
    <form className="new-key" onSubmit={submit} aria-label="New key">
      <label htmlFor="key-name">Who uses it</label>
      <input id="key-name" value={name} autoFocus autoComplete="off" onChange={(event) => setName(event.target.value)} placeholder="shop, or a person's name" />
      <fieldset>
        <legend>What it may do</legend>
        {SCOPES.map(({ scope, what }) => (
          <div className="grant" key={scope}>
            <label><input type="checkbox" checked={wanted[scope].on} onChange={(event) => change(scope, { on: event.target.checked })} />{what}</label>
            <input value={wanted[scope].of} disabled={!wanted[scope].on} list="key-datasets" spellCheck={false} autoComplete="off" aria-label={`Datasets for: ${what}`} placeholder="every dataset" onChange={(event) => change(scope, { of: event.target.value })} />
          </div>
        ))}
        <datalist id="key-datasets">{datasets.map((d) => <option key={d.name} value={d.name} />)}</datalist>
      </fieldset>
      {create.isError && <p className="bad" role="alert">{create.error.message}</p>}
      <div className="dialog-acts">
        <button type="button" className="btn" onClick={onDone}>Cancel</button>
        <button type="submit" className="btn ink" disabled={missing !== null || create.isPending}>Make the key</button>
        {missing && <span className="dim">{missing}</span>}
      </div>
    </form>
  );
}

function Once({ name, text, onDone }: { name: string; text: string; onDone: () => void }) {
  return (
    <div className="once" role="status" data-testid="new-key">
      <p><b>The key of {name}.</b> <span className="mid">It is shown this once: nobody can read it again, not even here.</span></p>
      <div className="copy-line">
        <pre tabIndex={0} aria-label="The key">{text}</pre>
        <button type="button" className="btn ink" autoFocus onClick={() => void copy(text)}><Icon name="copy" />Copy</button>
      </div>
      <p className="mid">Send it as <span className="mono">Authorization: Bearer</span>, as <span className="mono">X-Outcrop-Key</span>, or give it to the command line with <span className="mono">--key</span>.</p>
      <button type="button" className="btn" onClick={onDone}>I have it</button>
    </div>
  );
}
