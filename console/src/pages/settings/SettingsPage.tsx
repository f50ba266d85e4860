// Settings: what this browser remembers, the keys of this Outcrop, what must not be kept, and how it is. One column, as forms are.
import type { DatasetInfo, SessionInfo } from '../../api/types';
import { chooseLetters, useLetters } from '../../parts/choices';
import { ZoneChoice } from '../../parts/ZoneChoice';
import { chooseTheme, chosenTheme, useTheme, type Theme } from '../../theme/choose';
import { Keys } from './Keys';
import { Redaction } from './Redaction';
import { Server } from './Server';
import './settings.css';

type Props = { session: SessionInfo | null; datasets: DatasetInfo[]; onSignOut: (() => void) | null };

export function SettingsPage({ session, datasets, onSignOut }: Props) {
  return (
    <>
      <header className="top"><h1>Settings</h1></header>
      <main className="settings" data-testid="settings">
        <div className="column">
          <Browser />
          {session && <Keys own={session.key ?? null} datasets={datasets} onSignOut={onSignOut} />}
          {session && <Redaction own={session.key ?? null} datasets={datasets} />}
          <Server />
        </div>
      </main>
    </>
  );
}

const THEMES: [Theme | 'system', string][] = [['system', 'As the system'], ['light', 'Light'], ['dark', 'Dark']];

function Browser() {
  useTheme();
  const theme = chosenTheme();
  const letters = useLetters();
  return (
    <section aria-labelledby="browser-head">
      <h2 id="browser-head">This browser</h2>
      <div className="line">
        <span id="theme-label">Theme</span>
        <div className="seg" role="group" aria-labelledby="theme-label">
          {THEMES.map(([choice, label]) => <button type="button" key={choice} aria-pressed={theme === choice} onClick={() => chooseTheme(choice)}>{label}</button>)}
        </div>
      </div>
      <div className="line"><ZoneChoice label="Times in" /></div>
      <label className="line">
        <span>Single letters are keys <span className="dim">such as G for a group; <kbd>?</kbd> shows them all</span></span>
        <input type="checkbox" checked={letters} onChange={(event) => chooseLetters(event.target.checked)} />
      </label>
    </section>
  );
}
