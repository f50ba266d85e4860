// Editing one group in its chip: a field.
import { useState } from 'react';
import { Completion } from './Completion';
import { FieldPreview } from './FieldPreview';
import { fieldOptions, mostEvents, type KnownField } from './fieldOptions';

type Props = { dataset: string; fields: KnownField[]; taken: string[]; column: string | null; onDone: (column: string) => void; onRemove: () => void; onClose: () => void };

export function GroupEditor({ dataset, fields, taken, column, onDone, onRemove, onClose }: Props) {
  const [text, setText] = useState('');
  const free = fields.filter((f) => f.name === column || !taken.includes(f.name));
  return (
    <Completion
      label="Field to group by"
      text={text}
      onText={setText}
      options={fieldOptions(free, text)}
      onPick={(option) => onDone(option.id)}
      onBack={column === null ? onClose : onRemove}
      onClose={onClose}
      nothing="No field of this name."
      preview={(option) => <FieldPreview dataset={dataset} field={fields.find((f) => f.name === option?.id) ?? null} most={mostEvents(fields)} />}
      foot={column !== null && <button type="button" className="text-button" onClick={onRemove}>Remove</button>}
    />
  );
}
