// The table that is shown as a file: its groups, or the newest events of the range. While it comes it can be cancelled, and
// says how much is there.
import { useEffect, useRef, useState } from 'react';
import { ApiError } from '../../api/errors';
import { download, type Form, type What } from '../../api/download';
import { Icon } from '../../parts/Icon';
import { querySpec, rowsSpec, type Times } from '../../state/spec';
import type { Explore, Tab } from '../../state/explore';
import { titleOf } from '../../words/titles';
import { bytes, exact } from '../../words/numbers';

/** Events in one file: what a browser holds easily. The command line sends all of them. */
const EVENTS_MOST = 100_000;
const FORMS: [Form, string][] = [['csv', 'CSV'], ['parquet', 'Parquet']];

const fileName = (e: Explore, tab: Tab) => `${e.dataset}-${tab}-${titleOf(e)}`.replace(/[^\p{L}\p{N}.]+/gu, '-').replace(/^-|-$/g, '').slice(0, 80);
function whatOf(e: Explore, tab: Tab, when: Times): What {
  if (tab === 'events') return { route: 'rows', body: rowsSpec(e, when, null, EVENTS_MOST) };
  return { route: 'query', body: { ...querySpec({ ...e, compare: null }, when), disable_series: true } };
}

export function Download({ explore, tab, when }: { explore: Explore; tab: Tab; when: Times }) {
  const [state, setState] = useState<{ bytes: number } | { trouble: string } | null>(null);
  const ending = useRef<AbortController | null>(null);
  useEffect(() => () => ending.current?.abort(), []);
  const start = (form: Form) => {
    const mine = new AbortController();
    ending.current = mine;
    setState({ bytes: 0 });
    download(explore.dataset, whatOf(explore, tab, when), form, fileName(explore, tab), (n) => mine.signal.aborted || setState({ bytes: n }), mine.signal).then(
      () => setState(null),
      (reason: unknown) => setState(mine.signal.aborted ? null : { trouble: reason instanceof ApiError ? reason.message : 'The transfer broke off; nothing was kept.' }),
    );
  };
  if (state && 'bytes' in state) return <span className="download"><span className="dim num">{state.bytes > 0 ? `${bytes(state.bytes)} so far` : 'Asking'}</span><button type="button" className="btn ghost" onClick={() => ending.current?.abort()}>Cancel</button></span>;
  return (
    <span className="download">
      {state && <span className="bad" role="alert">{state.trouble}</span>}
      {FORMS.map(([form, label]) => (
        <button type="button" className="btn ghost" key={form} title={tab === 'events' ? `The newest ${exact(EVENTS_MOST)} events at most` : 'All groups'} onClick={() => start(form)}>{form === 'csv' && <Icon name="download" />}<span className="vh">Download as </span>{label}</button>
      ))}
    </span>
  );
}
