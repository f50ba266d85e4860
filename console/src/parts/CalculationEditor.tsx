// Editing one calculation in its chip: what to calculate, then of which field; or typed at once (p99 duration_ms).
import { useState } from 'react';
import { needsColumn, OPS, type Calculation } from '../state/explore';
import { rank } from '../state/complete';
import { readCalculation, writeCalculation } from '../state/grammar';
import { Completion, type Option } from './Completion';
import { FieldPreview } from './FieldPreview';
import { fieldOptions, isNumber, mostEvents, type KnownField } from './fieldOptions';

type Props = { dataset: string; fields: KnownField[]; calculation: Calculation | null; onDone: (c: Calculation) => void; /** Goes on to name it, and to say of which events it is. */ onDetails: (c: Calculation) => void; onRemove: () => void; onClose: () => void };

const HINTS: Record<string, string> = {
  COUNT: 'how many events', P50: 'median', P90: '9 of 10 are below', P95: '19 of 20 are below', P99: '99 of 100 are below', P999: '999 of 1,000 are below', HEATMAP: 'every value over time', AVG: 'mean', SUM: 'all together', MAX: 'largest', MIN: 'smallest', COUNT_DISTINCT: 'how many different values',
};
const WHOLE = 'whole:';

export function CalculationEditor({ dataset, fields, calculation, onDone, onDetails, onRemove, onClose }: Props) {
  const [op, setOp] = useState(calculation && needsColumn(calculation.op) ? calculation.op : '');
  const [text, setText] = useState('');
  const choosingField = op !== '';

  const pick = (option: Option) => {
    if (option.id === WHOLE) {
      const whole = readCalculation(text);
      return whole && onDone(whole);
    }
    if (choosingField) return onDone({ op, column: option.id });
    if (!needsColumn(option.id)) return onDone({ op: option.id });
    setOp(option.id);
    setText('');
  };
  const back = () => {
    if (choosingField) setOp('');
    else onRemove();
  };
  const whole = choosingField ? null : readCalculation(text);
  const ops = rank(OPS, text, (o) => o, (o) => -OPS.indexOf(o)).map(({ item, from, to }): Option => ({ id: item, text: item, mark: [from, to], hint: HINTS[item] ?? '' }));
  const offered = op === 'COUNT_DISTINCT' ? fields : fields.filter(isNumber);
  return (
    <Completion
      label={choosingField ? `Field for ${op}` : 'What to calculate'}
      stage={op}
      lead={choosingField ? <span className="fn">{op}</span> : null}
      text={text}
      onText={setText}
      options={choosingField ? fieldOptions(offered, text) : whole && (whole.column || whole.name || whole.filters) ? [{ id: WHOLE, text: writeCalculation(whole), hint: 'this calculation' }, ...ops] : ops}
      onPick={pick}
      onBack={back}
      onClose={onClose}
      nothing={choosingField ? 'No field with numbers of this name.' : 'With a name and a condition: errors = COUNT if error = true.'}
      preview={choosingField ? (option) => <FieldPreview dataset={dataset} field={fields.find((f) => f.name === option?.id) ?? null} most={mostEvents(fields)} /> : undefined}
      foot={<><button type="button" className="text-button" onClick={() => onDetails(calculation ?? whole ?? { op: 'COUNT' })}>Name, condition…</button>{calculation && <button type="button" className="text-button" onClick={onRemove}>Remove</button>}</>}
    />
  );
}
