// What a field is, at the side of the completion: its types, how many events have it, and its common values.
import { useValues } from '../api/hooks';
import { count, share } from '../words/numbers';
import { ago } from '../words/times';
import { cut, typeWords, valueText, type Value } from '../words/values';
import { serverNow } from '../api/client';
import type { KnownField } from './fieldOptions';

type Props = { dataset: string; field: KnownField | null; most: number; onValue?: (field: KnownField, value: Value) => void };

export function FieldPreview({ dataset, field, most, onValue }: Props) {
  const values = useValues(dataset, field?.name ?? '', '', 6, field !== null, field?.calculated);
  if (!field) return null;
  const seen = field.last_seen ? `, last seen ${ago(Date.parse(field.last_seen), serverNow())}` : '';
  const rows = (values.data ?? []).filter((v) => v.value !== null);
  return (
    <>
      <p className="mono strong whole"><bdi>{field.name}</bdi></p>
      {field.calculated ? <p className="dim mono whole">{cut(field.calculated.fields.find((m) => m.name === field.name)?.expression ?? '', 160)}</p> : <p className="dim">{typeWords(field.types)}, on {share(most ? field.events / most : 0)} of events{seen}</p>}
      {rows.length > 0 && <p className="eyebrow">Common values</p>}
      {rows.map((v) => {
        const value = v.value as Value;
        const inside = <><span className="mono cut" dir="auto">= {cut(valueText(value), 22)}</span><span className="num dim">{count(v.events)}</span></>;
        return onValue ? (
          <button type="button" className="common" key={typeof value + String(value)} onMouseDown={(event) => event.preventDefault()} onClick={() => onValue(field, value)}>{inside}</button>
        ) : (
          <p className="common" key={typeof value + String(value)}>{inside}</p>
        );
      })}
    </>
  );
}
