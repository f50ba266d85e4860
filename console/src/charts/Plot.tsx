// The ground of one plot: the guide of the crosshair, the brush or box over it, and what the pointer does.
// It knows buckets and places, not what is drawn in it or what a range is for.
import { useContext, useEffect, useRef, useState, type PointerEvent, type ReactNode, type RefObject } from 'react';
import { MarkerLines } from './MarkerLane';
import { CrosshairContext, useCrosshair } from './crosshair';
import { bucketAt, type Buckets } from './shape';

export type Picked = { first: number; last: number; low: number; high: number; at: DOMRect };
/** From where to where the pointer went, in shares of the plot. */
export type Drag = { x0: number; y0: number; x1: number; y1: number };

type Props = {
  buckets: Buckets;
  height: number;
  flat: boolean;
  /** Boxes pick values too, brushes only time. */
  boxes: boolean;
  /** The box that stays while its menu is open, in shares of the plot. */
  kept: Drag | null;
  onPick: (picked: Picked, drag: Drag) => void;
  onClick?: (bucket: number, place: number, at: DOMRect) => void;
  children: ReactNode;
};

const TOLERANCE = 4;

export function Plot({ buckets, height, flat, boxes, kept, onPick, onClick, children }: Props) {
  const area = useRef<HTMLDivElement>(null);
  const { held, press, release } = useLongPress(area);
  const crosshair = useContext(CrosshairContext);
  const [drag, setDrag] = useState<Drag | null>(null);

  const place = (event: PointerEvent) => {
    const box = area.current!.getBoundingClientRect();
    const inside = (v: number) => Math.min(1, Math.max(0, v));
    return { x: inside((event.clientX - box.left) / box.width), y: inside((event.clientY - box.top) / box.height), box };
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const { x, y } = place(event);
    area.current!.setPointerCapture(event.pointerId);
    if (event.pointerType === 'touch') press();
    setDrag({ x0: x, y0: y, x1: x, y1: y });
  };
  const move = (event: PointerEvent) => {
    const { x, y } = place(event);
    crosshair.set(bucketAt(x, 1, buckets));
    if (drag) setDrag({ ...drag, x1: x, y1: y });
  };
  const up = (event: PointerEvent) => {
    release();
    if (!drag) return;
    const { x, y, box } = place(event);
    setDrag(null);
    const moved = Math.max(Math.abs(x - drag.x0) * box.width, boxes ? Math.abs(y - drag.y0) * box.height : 0);
    const end = { ...drag, x1: x, y1: y };
    if (moved < TOLERANCE) {
      if (!held()) onClick?.(bucketAt(x, 1, buckets), 1 - y, new DOMRect(event.clientX, event.clientY, 1, 1));
      return;
    }
    const first = bucketAt(Math.min(drag.x0, x), 1, buckets);
    const last = bucketAt(Math.max(drag.x0, x), 1, buckets);
    onPick({ first, last, low: 1 - Math.max(drag.y0, y), high: 1 - Math.min(drag.y0, y), at: new DOMRect(event.clientX, event.clientY, 1, 1) }, end);
  };
  return (
    <div className={flat ? 'plot flat' : 'plot'} style={{ height }}>
      <div ref={area} className="plot-area" data-plot onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={() => (release(), setDrag(null))} onPointerLeave={() => drag || crosshair.set(null)}>
        {children}
        <MarkerLines buckets={buckets} />
        <Guide buckets={buckets} />
        {(drag ?? kept) && <Brush drag={(drag ?? kept)!} box={boxes} />}
      </div>
    </div>
  );
}

function Guide({ buckets }: { buckets: Buckets }) {
  const at = useCrosshair();
  return at === null || at >= buckets.count ? null : <i className="guide" style={{ left: `${((at + 0.5) / buckets.count) * 100}%` }} />;
}

function Brush({ drag, box }: { drag: Drag; box: boolean }) {
  const percent = (v: number) => `${v * 100}%`;
  const sides = { left: percent(Math.min(drag.x0, drag.x1)), width: percent(Math.abs(drag.x1 - drag.x0)) };
  const style = box ? { ...sides, top: percent(Math.min(drag.y0, drag.y1)), height: percent(Math.abs(drag.y1 - drag.y0)), bottom: 'auto' } : sides;
  return <i className={box ? 'brush box' : 'brush'} style={style} />;
}

const LONG_PRESS_MS = 350;

/** On touch a long press takes the gesture: from then on it draws, and the page below does not scroll. */
function useLongPress(area: RefObject<HTMLElement | null>) {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const taken = useRef(false);
  useEffect(() => {
    const element = area.current;
    const still = (event: TouchEvent) => {
      if (!taken.current) clearTimeout(timer.current);
      else if (event.cancelable) event.preventDefault();
    };
    element?.addEventListener('touchmove', still, { passive: false });
    return () => element?.removeEventListener('touchmove', still);
  }, [area]);
  return {
    held: () => taken.current,
    press: () => {
      taken.current = false;
      timer.current = setTimeout(() => {
        taken.current = true;
        // Said to the eye, because from now on the finger draws.
        if (area.current) area.current.dataset.held = '';
      }, LONG_PRESS_MS);
    },
    release: () => {
      clearTimeout(timer.current);
      delete area.current?.dataset.held;
    },
  };
}
