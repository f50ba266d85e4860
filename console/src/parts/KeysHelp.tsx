// The map of keys, as a dialog. It lists what works now and nothing else.
import { Dialog } from './Dialogs';
import { modKey } from './keys';

const MAP: [string, [string, string][]][] = [
  ['Anywhere', [[modKey('K'), 'Search all fields'], [modKey('↵'), 'Run'], ['Esc', 'Cancel, close'], [modKey('Z'), 'Undo'], [modKey('⇧Z'), 'Redo'], ['Y', 'Copy link'], ['S', 'Save'], ['H', 'History'], ['L', 'Live on, off'], ['?', 'This map']]],
  ['Query', [['/', 'Add a filter'], ['V', 'Add a calculation'], ['G', 'Add a group'], ['=', 'Add a calculated field'], ['F', 'Add a formula'], ['R', 'Time range'], ['⌫', 'Remove the chip'], ['Tab', 'On to operator, value']]],
  ['On a value', [['O', 'Only this'], ['N', 'Not this'], ['G', 'Group by it'], ['D', 'What is different'], ['T', 'An example trace'], ['L', 'At least'], ['M', 'At most'], ['C', 'Copy'], ['← ↑ → ↓', 'From value to value']]],
  ['Chart', [['← →', 'Move the crosshair'], ['⇧ ← →', 'Move it by ten'], ['Z', 'Zoom to it'], ['B', 'Start a box'], ['↵', 'What is different in it'], ['M', 'Mark the time'], ['0', 'Zoom out'], ['1 – 5', 'Change the view']]],
  ['Trace', [['↑ ↓', 'From span to span'], ['← →', 'Fold, unfold'], ['/', 'Find'], ['E', 'Next error'], ['P', 'Critical path'], ['F', 'Find a field'], ['D', 'What is different'], ['+ −', 'Nearer, further'], ['⇧ ← →', 'Earlier, later'], ['0', 'Whole time'], ['[ ]', 'Previous, next trace']]],
  ['Live', [['Space', 'Pause, go on'], ['/', 'Add a filter']]],
  ['What is different', [['↵', 'Show me these'], ['N', 'Everything but these'], ['/', 'Find a field'], ['Esc', 'Stop, back to the query'], ['← ↑ → ↓', 'Move the box'], ['⇧ ← ↑ → ↓', 'Grow the box']]],
];

export function KeysHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Dialog title="Keys" opened={opened} onClose={onClose}>
      <div className="keys">
        {MAP.map(([where, keys]) => (
          <div key={where}>
            <h3>{where}</h3>
            {keys.map(([key, what]) => <p key={key + what}><span>{what}</span><kbd>{key}</kbd></p>)}
          </div>
        ))}
      </div>
    </Dialog>
  );
}
