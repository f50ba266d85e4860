// The grid of a board: twelve columns, steps of 40 px. In editing, a panel is dragged by its head and sized by its corner, or
// moved with the arrows and sized with Shift. On a phone panels stand under each other in the order of the grid.
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react';
import { Icon } from '../../parts/Icon';
import { change, COLUMNS, remove, type Panel } from '../../state/boards';

const STEP = 40;
const GAP = 10;
export const heightOf = (rows: number) => rows * STEP + (rows - 1) * GAP;

type Props = { panels: Panel[]; editing: boolean; onPanels: (panels: Panel[]) => void; onTitle: (at: number, title: string) => void; draw: (panel: Panel) => { body: ReactNode; right: ReactNode } };
type Drag = { at: number; what: 'move' | 'size'; x: number; y: number; by: { x: number; y: number } };

export function Grid({ panels, editing, onPanels, onTitle, draw }: Props) {
  const ground = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<Drag | null>(null);
  const by = drag && (drag.what === 'move' ? { x: drag.by.x, y: drag.by.y } : { width: drag.by.x, height: drag.by.y });
  const shown = drag && by ? change(panels, drag.at, by) : panels;
  const rows = shown.reduce((most, p) => Math.max(most, p.y + p.height), 0);
  const start = (event: PointerEvent, at: number, what: Drag['what']) => {
    if (!editing || event.button !== 0) return;
    event.preventDefault();
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    setDrag({ at, what, x: event.clientX, y: event.clientY, by: { x: 0, y: 0 } });
  };
  const move = (event: PointerEvent) => {
    if (!drag || !ground.current) return;
    const column = (ground.current.clientWidth + GAP) / COLUMNS;
    const next = { x: Math.round((event.clientX - drag.x) / column), y: Math.round((event.clientY - drag.y) / (STEP + GAP)) };
    if (next.x !== drag.by.x || next.y !== drag.by.y) setDrag({ ...drag, by: next });
  };
  const end = () => {
    if (drag && by) onPanels(change(panels, drag.at, by));
    setDrag(null);
  };
  const keys = (event: KeyboardEvent, at: number) => {
    const steps: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[event.key];
    if (!editing || event.target !== event.currentTarget) return;
    if (step) onPanels(change(panels, at, event.shiftKey ? { width: step[0], height: step[1] } : { x: step[0], y: step[1] }));
    else if (event.key === 'Delete' || event.key === 'Backspace') onPanels(remove(panels, at));
    else return;
    event.preventDefault();
  };
  // Read from top to bottom: by the place on the grid, not by when a panel was made.
  const order = shown.map((_, i) => i).sort((a, b) => shown[a]!.y - shown[b]!.y || shown[a]!.x - shown[b]!.x);
  return (
    <div className="board-scroll">
      <div className={editing ? 'board-grid editing' : 'board-grid'} ref={ground} style={{ height: rows > 0 ? heightOf(rows) : undefined }}>
        {order.map((i) => {
          const p = shown[i]!;
          const { body, right } = draw(p);
          return (
            <section
              key={p.id}
              className="board-panel"
              aria-label={p.title || 'Panel'}
              data-testid="panel"
              tabIndex={editing ? 0 : undefined}
              onKeyDown={(event) => keys(event, i)}
              style={{ left: `calc((100% + ${GAP}px) / ${COLUMNS} * ${p.x})`, width: `calc((100% + ${GAP}px) / ${COLUMNS} * ${p.width} - ${GAP}px)`, top: p.y * (STEP + GAP), height: heightOf(p.height) }}
            >
              <header className="panel-head" onPointerDown={(event) => event.target instanceof HTMLInputElement || event.target instanceof HTMLButtonElement || start(event, i, 'move')} onPointerMove={move} onPointerUp={end} onPointerCancel={() => setDrag(null)}>
                {editing ? <Title value={p.title} onTitle={(title) => onTitle(i, title)} /> : <h2 className="cut" dir="auto">{p.title}</h2>}
                <span className="sp" />
                {editing ? <button type="button" className="btn ghost icon" aria-label={`Remove ${p.title || 'the panel'}`} onClick={() => onPanels(remove(panels, i))}><Icon name="x" /></button> : right}
              </header>
              {body}
              {editing && <span className="panel-corner" aria-hidden="true" onPointerDown={(event) => start(event, i, 'size')} onPointerMove={move} onPointerUp={end} onPointerCancel={() => setDrag(null)} />}
            </section>
          );
        })}
      </div>
    </div>
  );
}

function Title({ value, onTitle }: { value: string; onTitle: (title: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return <input className="panel-title" value={text} aria-label="Title of the panel" onChange={(event) => setText(event.target.value)} onBlur={() => text !== value && onTitle(text)} />;
}
