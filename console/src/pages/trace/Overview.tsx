// The whole trace in 54 pixels: every span a line in the colour of its service. Dragging picks the time that the waterfall
// shows; a double click or 0 shows all of it again. The keys of the waterfall do the same.
import { useEffect, useLayoutEffect, useRef, useState, type PointerEvent } from 'react';
import { sizeCanvas, token } from '../../charts/paint';
import { useWidth } from '../../charts/useWidth';
import { useTheme } from '../../theme/choose';
import type { Tree } from '../../trace/tree';
import { counted, duration } from '../../words/numbers';
import { colourOf } from './colours';
import type { Window } from './window';

type Props = { tree: Tree; shown: Window; onShow: (window: Window) => void; found: number[] };
/** A drag narrower than this is a click. */
const CLICK_PX = 4;

export function Overview({ tree, shown, onShow, found }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const theme = useTheme();
  const [drag, setDrag] = useState<[number, number] | null>(null);
  useLayoutEffect(() => {
    if (canvas.current) paint(canvas.current, tree, found);
  }, [tree, width, theme, found]);
  const at = (event: PointerEvent) => {
    const rect = box.current!.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - rect.left) / rect.width));
  };
  useEffect(() => setDrag(null), [tree]);
  const end = (event: PointerEvent) => {
    if (!drag) return;
    const [a, b] = [Math.min(drag[0], at(event)), Math.max(drag[0], at(event))];
    setDrag(null);
    if ((b - a) * width >= CLICK_PX) onShow({ from: a * tree.duration, to: b * tree.duration });
  };
  const all = shown.from <= 0 && shown.to >= tree.duration;
  const [from, to] = drag ? [Math.min(...drag), Math.max(...drag)] : tree.duration > 0 ? [shown.from / tree.duration, shown.to / tree.duration] : [0, 1];
  return (
    <div
      className="overview"
      ref={box}
      role="img"
      aria-label={`Overview of the whole trace: ${counted(tree.nodes.length, 'span')} in ${duration(tree.duration)}${all ? '' : `, shown from ${duration(shown.from)} to ${duration(shown.to)}`}`}
      data-testid="overview"
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag([at(event), at(event)]);
      }}
      onPointerMove={(event) => drag && setDrag([drag[0], at(event)])}
      onPointerUp={end}
      onPointerCancel={() => setDrag(null)}
      onDoubleClick={() => onShow({ from: 0, to: tree.duration })}
    >
      <canvas ref={canvas} />
      {(!all || drag) && <><i className="shade" style={{ left: 0, width: `${from * 100}%` }} /><i className="shade" style={{ left: `${to * 100}%`, right: 0 }} /></>}
    </div>
  );
}

function paint(canvas: HTMLCanvasElement, tree: Tree, found: number[]) {
  const sized = sizeCanvas(canvas);
  if (!sized) return;
  const { g, width, height } = sized;
  g.clearRect(0, 0, width, height);
  const { nodes } = tree;
  const step = Math.min(3, (height - 6) / Math.max(1, nodes.length));
  const thick = Math.max(1, Math.min(1.5, step * 0.85));
  const scale = tree.duration > 0 ? width / tree.duration : 0;
  const marked = found.length > 0 ? new Set(found) : null;
  // A colour at a time: setting the colour is what costs.
  const byColour = new Map<string, number[]>();
  for (const n of nodes) {
    const colour = n.failed ? '--bad' : colourOf(tree.services, n.span?.service).slice(4, -1);
    const list = byColour.get(colour);
    if (list) list.push(n.at);
    else byColour.set(colour, [n.at]);
  }
  for (const [colour, list] of [...byColour].sort(([a], [b]) => Number(a === '--bad') - Number(b === '--bad'))) {
    g.fillStyle = token(colour);
    let before = '';
    for (const at of list) {
      const n = nodes[at]!;
      if (!n.span) continue;
      const alpha = marked ? (marked.has(at) ? 1 : 0.25) : n.children.length > 0 ? 0.55 : 1;
      const [x, y, w] = [n.from * scale, 3 + at * step, Math.max(1.5, (n.to - n.from) * scale)];
      // Of a large trace many spans fall on the same place: one of them is enough.
      const place = `${x | 0} ${(y * 2) | 0} ${w | 0} ${alpha}`;
      if (place === before) continue;
      before = place;
      g.globalAlpha = alpha;
      g.fillRect(x, y, w, thick);
    }
  }
  g.globalAlpha = 1;
}
