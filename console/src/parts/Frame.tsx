// The frame of every page: rail with the pages that exist, keys and theme at its foot; on a phone a bar at the bottom.
import type { MouseEvent, ReactNode } from 'react';
import { useEffect, useState } from 'react';
import { chooseTheme, useTheme } from '../theme/choose';
import { encodePage, type Page } from '../state/url';
import type { Go } from '../state/location';
import { onSaid } from './copy';
import { Icon, Mark, type IconName } from './Icon';
import { KeysHelp } from './KeysHelp';
import { useKeys } from './keys';

type Place = { name: Page['page']; label: string; icon: IconName; page: Page };

type Props = { places: Place[]; current: Page['page']; go: Go; onSignOut: (() => void) | null; children: ReactNode };

export function Frame({ places, current, go, onSignOut, children }: Props) {
  const theme = useTheme();
  const [help, setHelp] = useState(false);
  useKeys({ '?': () => setHelp(true) });
  const other = theme === 'dark' ? 'light' : 'dark';
  const follow = (event: MouseEvent, page: Page) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(page);
  };
  const links = places.map((place) => (
    <a key={place.name} href={`/${encodePage(place.page)}`} aria-current={place.name === current ? 'page' : undefined} onClick={(event) => follow(event, place.page)}>
      <Icon name={place.icon} />
      <span>{place.label}</span>
    </a>
  ));
  const settings = (
    <a href={`/${encodePage({ page: 'settings' })}`} aria-current={current === 'settings' ? 'page' : undefined} onClick={(event) => follow(event, { page: 'settings' })}>
      <Icon name="settings" />
      <span>Settings</span>
    </a>
  );
  const themeButton = (
    <button type="button" onClick={() => chooseTheme(other)} aria-label={other === 'dark' ? 'Change to the dark theme' : 'Change to the light theme'} data-testid="theme">
      <Icon name={other === 'dark' ? 'moon' : 'sun'} />
      <span>{other === 'dark' ? 'Dark' : 'Light'}</span>
    </button>
  );
  const signOutButton = onSignOut && (
    <button type="button" onClick={onSignOut} data-testid="sign-out"><Icon name="leave" /><span>Sign out</span></button>
  );
  return (
    <div className="frame">
      <nav className="rail" aria-label="Main">
        <div className="mark-place"><Mark /></div>
        {links}
        <span className="sp" />
        {themeButton}
        <button type="button" onClick={() => setHelp(true)}><Icon name="help" /><span>Keys</span></button>
        {signOutButton}
        {places.length > 0 && settings}
      </nav>
      {children}
      <nav className="tabbar" aria-label="Main">{links}{places.length > 0 ? settings : themeButton}</nav>
      <KeysHelp opened={help} onClose={() => setHelp(false)} />
      <Said />
    </div>
  );
}

/** *Copied*, for two seconds. */
function Said() {
  const [message, setMessage] = useState<string | null>(null);
  useEffect(() => onSaid(setMessage), []);
  return <div className={message ? 'said on' : 'said'} role="status" aria-live="polite">{message}</div>;
}
