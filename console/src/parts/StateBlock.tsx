// A block that says what is not there and offers what to do; the first offer is under Enter.
import type { ReactNode } from 'react';
import { Icon, type IconName } from './Icon';
import { useEnter } from './keys';

export type Offer = { icon: IconName; label: ReactNode; detail?: string; run: () => void };

export function StateBlock({ eyebrow, title, children, offers = [] }: { eyebrow?: string; title: string; children?: ReactNode; offers?: Offer[] }) {
  useEnter(offers[0]?.run ?? null);
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
