// Asks for a key when the server does, and holds none: the browser keeps a cookie that no script can read.
import { useState, type FormEvent } from 'react';
import { useSignIn } from '../../api/hooks';
import { signInTrouble } from '../../words/errors';
import './signin.css';

export function SignInPage() {
  const [key, setKey] = useState('');
  const signIn = useSignIn();
  const trouble = signIn.error ? signInTrouble(signIn.error) : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim() !== '' && !signIn.isPending) signIn.mutate(key.trim());
  };
  return (
    <>
      <header className="top"><h1>Sign in</h1></header>
      <main className="signin" data-testid="sign-in">
        <form onSubmit={submit}>
          <h2>Sign in with a key</h2>
          <p className="lead">This Outcrop answers those who have a key. Paste yours once; this browser then stays signed in for 12 hours.</p>
          <label htmlFor="key">Key</label>
          <input id="key" type="password" autoComplete="current-password" spellCheck={false} autoFocus value={key} aria-invalid={trouble !== null} aria-describedby={trouble ? 'key-trouble' : undefined} onChange={(event) => setKey(event.target.value)} />
          {trouble && <p id="key-trouble" className="bad" role="alert">{trouble}</p>}
          <button type="submit" className="btn ink" disabled={key.trim() === '' || signIn.isPending}>Sign in</button>
          <p className="mid">No key yet? Whoever runs this Outcrop makes one:</p>
          <pre tabIndex={0} aria-label="Command that makes a key">outcrop keys create --name you --scope query</pre>
        </form>
      </main>
    </>
  );
}
