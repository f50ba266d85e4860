// A band over the view bar: code, what is wrong in the reader's words, the fix as the first button, undo as the second.
// The result before stays below it. When the server does not answer it counts to the next try.
import { useEffect, useState } from 'react';
import type { Trouble } from '../words/errors';
import { NNBSP } from '../words/numbers';
import { Icon } from './Icon';

type Props = { trouble: Trouble; warning?: boolean; onFix: (() => void) | null; onUndo: (() => void) | null; onRetry: () => void };

export function ErrorBand({ trouble, warning = false, onFix, onUndo, onRetry }: Props) {
  return (
    <section className={warning ? 'band warning' : 'band error'} role={warning ? 'status' : 'alert'} data-testid="error-band">
      <span className={warning ? 'tag-plain warn' : 'tag-plain bad'}><Icon name="warn" />{trouble.code}</span>
      <p><b>{trouble.headline}</b> <span className="mid">{trouble.advice}</span></p>
      <span className="sp" />
      {trouble.retry !== null && <Countdown seconds={trouble.retry} onDone={onRetry} />}
      {trouble.instead && onFix && <button type="button" className="btn ink" onClick={onFix}>Use <span className="mono">{trouble.instead}</span></button>}
      {onUndo && trouble.retry === null && <button type="button" className="btn" onClick={onUndo}>Undo</button>}
    </section>
  );
}

function Countdown({ seconds, onDone }: { seconds: number; onDone: () => void }) {
  const [left, setLeft] = useState(Math.max(1, Math.ceil(seconds)));
  useEffect(() => {
    if (left <= 0) return onDone();
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left, onDone]);
  return (
    <>
      <span className="mid num" aria-hidden="true">{left > 0 ? `Next try in ${left}${NNBSP}s` : 'Trying'}</span>
      <button type="button" className="btn ink" onClick={onDone}>Try now</button>
    </>
  );
}
