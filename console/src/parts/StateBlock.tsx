// A block that says what is not there and offers what to do; the first offer is under Enter.
import { useEffect, type ReactNode } from 'react';
import { Icon, type IconName } from './Icon';
import { isTyping } from './keys';

export type Offer = { icon: IconName; label: ReactNode; detail?: string; run: () => void };

export function StateBlock({ eyebrow, title, children, offers = [] }: { eyebrow?: string; title: string; children?: ReactNode; offers?: Offer[] }) {
  useEffect(() => {
    const first = offers[0];
    if (!first) return;
    const listen = (event: KeyboardEvent) => {
      const free = event.target === document.body || !(event.target instanceof HTMLElement) || (!isTyping(event.target) && event.target.tagName !== 'BUTTON' && event.target.tagName !== 'A');
      if (event.key === 'Enter' && free && !event.metaKey && !event.ctrlKey) first.run();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [offers]);
  return (
    <section className="state" data-testid="state-block" role="status">
      {eyebrow && <p className="eyebrow">{eyebrow}</p>}
      <h2>{title}</h2>
      {children}
      {offers.length > 0 && (
        <div className="offers-list">
          {offers.map((offer, i) => (
            <button type="button" key={i} onClick={offer.run}>
              <Icon name={offer.icon} /> <span>{offer.label}</span> {offer.detail && <span className="dim">{offer.detail}</span>}
              <span className="sp" />
              {i === 0 && <kbd>↵</kbd>}
            </button>
          ))}
        </div>
      )}
    </section>
  );
}
