// The box over a heatmap: four handles, edges that can be pulled, arrows that move it, and a label with its bounds. While it
// is pulled it follows the pointer; what it then means is the page's business.
import { useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import { arrowCells, moveCells, placeOfCells, pullCells, type Cells, type Edges, type Grid } from './box';

type Props = {
  cells: Cells;
  grid: Grid;
  /** Its bounds in words. */
  label: (cells: Cells) => string;
  /** Focused when it appears: a box that was made by key. */
  focused?: boolean;
  /** Pulled to another place and let go. */
  onChange: (cells: Cells) => void;
  /** Each step of keys, if they are to be taken by Enter; otherwise a step is a change. */
  onStep?: (cells: Cells) => void;
  onTake?: (cells: Cells) => void;
  onRemove: () => void;
};

const HANDLES: [string, Edges][] = [['nw', { left: true, top: true }], ['ne', { right: true, top: true }], ['sw', { left: true, bottom: true }], ['se', { right: true, bottom: true }]];
const SIDES: [string, Edges][] = [['n', { top: true }], ['s', { bottom: true }], ['w', { left: true }], ['e', { right: true }]];

export function BoxSelection({ cells, grid, label, focused = false, onChange, onStep, onTake, onRemove }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [pulled, setPulled] = useState<{ edges: Edges; x: number; y: number; cells: Cells } | null>(null);
  const shown = pulled?.cells ?? cells;
  const place = placeOfCells(shown, grid);
  const percent = (v: number) => `${v * 100}%`;

  const down = (event: PointerEvent, edges: Edges) => {
    if (event.button !== 0) return;
    event.stopPropagation();
    box.current!.setPointerCapture(event.pointerId);
    setPulled({ edges, x: event.clientX, y: event.clientY, cells });
  };
  const move = (event: PointerEvent) => {
    if (!pulled) return;
    event.stopPropagation();
    const area = box.current!.parentElement!.getBoundingClientRect();
    const across = Math.round(((event.clientX - pulled.x) / area.width) * grid.columns);
    const up = Math.round(((pulled.y - event.clientY) / area.height) * grid.bins);
    const next = Object.keys(pulled.edges).length > 0 ? pullCells(cells, pulled.edges, across, up, grid) : moveCells(cells, across, up, grid);
    setPulled({ ...pulled, cells: next });
  };
  const up = (event: PointerEvent) => {
    if (!pulled) return;
    event.stopPropagation();
    setPulled(null);
    if (JSON.stringify(pulled.cells) !== JSON.stringify(cells)) onChange(pulled.cells);
  };
  const keys = (event: KeyboardEvent) => {
    const next = arrowCells(cells, event.key, event.shiftKey, grid);
    if (next) (onStep ?? onChange)(next);
    else if (event.key === 'Enter' && onTake) onTake(cells);
    else if (event.key === 'Escape') onRemove();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const words = label(shown);
  const right = place.left + place.width / 2 > 0.5;
  return (
    <div
      ref={(element) => {
        box.current = element;
        if (focused && element && !element.dataset.met) {
          element.dataset.met = 'yes';
          element.focus({ preventScroll: true });
        }
      }}
      className="box-selection"
      role="group"
      aria-roledescription="box"
      aria-label={`Box: ${words}. Arrow keys move it, with Shift they grow it, Escape removes it${onTake ? ', Enter takes it' : ''}.`}
      tabIndex={0}
      style={{ left: percent(place.left), width: percent(place.width), top: percent(place.top), height: percent(place.height) }}
      onPointerDown={(event) => down(event, {})}
      onPointerMove={move}
      onPointerUp={up}
      onPointerCancel={() => setPulled(null)}
      onKeyDown={keys}
      data-testid="box"
    >
      {SIDES.map(([name, edges]) => <i key={name} className={`side ${name}`} onPointerDown={(event) => down(event, edges)} />)}
      {HANDLES.map(([name, edges]) => <i key={name} className={`corner ${name}`} onPointerDown={(event) => down(event, edges)} />)}
      <span className={`box-label ${right ? 'end' : 'start'} ${place.top < 0.12 ? 'below' : 'above'}`} aria-hidden="true">{words}</span>
    </div>
  );
}
