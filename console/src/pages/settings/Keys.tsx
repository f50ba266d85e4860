// The keys of this Outcrop: who has one, what it may do, when it was last used; making one, which is shown once, and
// revoking. Without keys it says how the first is made, because that is done beside the data.
import { useState } from 'react';
import { useKeyList, useRevokeKey } from '../../api/keys';
import type { DatasetInfo, KeyInfo, SessionInfo } from '../../api/types';
import { serverNow } from '../../api/client';
import { copy } from '../../parts/copy';
import { Dialog } from '../../parts/Dialogs';
import { Icon } from '../../parts/Icon';
import { grantsWords, limitsWords } from '../../words/keys';
import { ago } from '../../words/times';
import { NewKey } from './NewKey';

type Own = NonNullable<SessionInfo['key']>;
type Props = { own: Own | null; datasets: DatasetInfo[]; onSignOut: (() => void) | null };
const FIRST = 'outcrop keys create --name you --scope query --scope admin';

export function Keys({ own, datasets, onSignOut }: Props) {
  return (
    <section aria-labelledby="keys-head" data-testid="keys">
      <h2 id="keys-head">Keys</h2>
      {own === null ? <NoKeys /> : (
        <>
          <div className="line">
            <span>Signed in as <b>{own.name}</b> <span className="dim">{grantsWords(own.scopes)}</span></span>
            {onSignOut && <button type="button" className="btn" onClick={onSignOut}>Sign out</button>}
          </div>
          {own.scopes.some((g) => g.scope === 'admin') ? <List own={own} datasets={datasets} /> : <p className="mid">Seeing and making keys needs one with the scope <span className="mono">admin</span>; yours has none.</p>}
        </>
      )}
    </section>
  );
}

function NoKeys() {
  return (
    <>
      <p className="mid">There are no keys: everybody on this machine may send and ask, and nobody else. The first key ends that. Make it beside the data, then sign in with it:</p>
      <div className="copy-line">
        <pre tabIndex={0} aria-label="Command that makes the first key">{FIRST}</pre>
        <button type="button" className="btn" onClick={() => void copy(FIRST)}><Icon name="copy" />Copy</button>
      </div>
    </>
  );
}

function List({ own, datasets }: { own: Own; datasets: DatasetInfo[] }) {
  const list = useKeyList(true);
  const [making, setMaking] = useState(false);
  const [leaving, setLeaving] = useState<KeyInfo | null>(null);
  const [past, setPast] = useState(false);
  const now = serverNow();
  const keys = list.data ?? [];
  const live = keys.filter((k) => !k.revoked);
  const revoked = keys.filter((k) => k.revoked);
  return (
    <>
      {making ? <NewKey datasets={datasets} onDone={() => setMaking(false)} /> : <button type="button" className="btn ink" onClick={() => setMaking(true)}><Icon name="plus" />New key</button>}
      {list.isError && <p className="bad" role="alert">{list.error.message}</p>}
      <ul className="key-list" aria-label="Keys">
        {live.map((k) => (
          <li key={k.id}>
            <span className="who"><b dir="auto">{k.name}</b>{k.id === own.id && <span className="dim"> yours</span>}<br /><span className="mid">{[grantsWords(k.scopes), limitsWords(k.limits)].filter(Boolean).join(', ')}</span></span>
            <span className="dim num">{k.last_used ? `used ${ago(Date.parse(k.last_used), now)}` : 'never used'}<br />made {ago(Date.parse(k.created), now)}</span>
            <button type="button" className="btn" onClick={() => setLeaving(k)} aria-label={`Revoke ${k.name}`}>Revoke</button>
          </li>
        ))}
        {past && revoked.map((k) => (
          <li key={k.id} className="past">
            <span className="who"><span dir="auto">{k.name}</span><br /><span className="dim">{grantsWords(k.scopes)}</span></span>
            <span className="dim num">revoked {ago(Date.parse(k.revoked!), now)}</span>
          </li>
        ))}
      </ul>
      {revoked.length > 0 && <button type="button" className="text-button" aria-expanded={past} onClick={() => setPast(!past)}>{past ? 'Hide' : 'Show'} {revoked.length} revoked</button>}
      {leaving && <Revoke of={leaving} own={leaving.id === own.id} onClose={() => setLeaving(null)} />}
    </>
  );
}

function Revoke({ of, own, onClose }: { of: KeyInfo; own: boolean; onClose: () => void }) {
  const revoke = useRevokeKey();
  return (
    <Dialog title={`Revoke ${of.name}?`} opened onClose={onClose} width={460}>
      <p className="mid">{own ? 'It is yours: this browser is signed out at once.' : 'Whoever uses it is refused from the next request on, and signed out.'} A revoked key does not come back; a new one can take its place.</p>
      {revoke.isError && <p className="bad" role="alert">{revoke.error.message}</p>}
      <div className="dialog-acts">
        <button type="button" className="btn" onClick={onClose}>Keep it</button>
        <button type="button" className="btn ink" disabled={revoke.isPending} onClick={() => revoke.mutate(of.id, { onSuccess: onClose })}>Revoke {of.name}</button>
      </div>
    </Dialog>
  );
}
