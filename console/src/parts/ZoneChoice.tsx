// Choosing the zone in which times are read: UTC, this machine's, or any other that the browser knows.
import { useId } from 'react';
import { UTC } from '../words/zone';
import { chooseZone, ownZone, useZone } from './choices';

const names = () => Intl.supportedValuesOf('timeZone').filter((name) => name !== UTC);

export function ZoneChoice({ label }: { label: string }) {
  const id = useId();
  const zone = useZone();
  const own = ownZone();
  const others = names().filter((name) => name !== own);
  return (
    <>
      <label htmlFor={id}>{label}</label>
      <select id={id} value={zone} onChange={(event) => chooseZone(event.target.value)}>
        <option value={UTC}>UTC</option>
        {own !== UTC && <option value={own}>{own}, this machine</option>}
        {zone !== UTC && zone !== own && !others.includes(zone) && <option value={zone}>{zone}</option>}
        <optgroup label="Other zones">
          {others.map((name) => <option key={name} value={name}>{name.replaceAll('_', ' ')}</option>)}
        </optgroup>
      </select>
    </>
  );
}
