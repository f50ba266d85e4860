// A heatmap: one canvas and its value axis. It draws what it is given and must not know queries or menus;
// the crosshair and the box lie over it, drawn by Plot.
import { useLayoutEffect, useMemo, useRef } from 'react';
import type { HeatmapAnswer } from '../api/types';
import { useTheme } from '../theme/choose';
import { unitOfField, withUnit } from '../words/units';
import type { Cells } from './box';
import { heatTicks, placeOf } from './heat';
import { paintHeat } from './paint';

export function Heatmap({ map, width, height, label, picked = null }: { map: HeatmapAnswer; width: number; height: number; label: string; picked?: Cells | null }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  const ticks = useMemo(() => heatTicks(map, height).map((value) => ({ value, place: placeOf(value, map) })), [map, height]);
  useLayoutEffect(() => {
    if (canvas.current) paintHeat(canvas.current, map, ticks.map((t) => t.place), picked);
  }, [map, ticks, theme, width, height, picked]);
  const unit = unitOfField(map.column);
  return (
    <>
      <div className="axis-values" aria-hidden="true">
        {ticks.map((t) => (
          <span key={t.value} style={{ bottom: `${t.place * 100}%` }}>{withUnit(t.value, unit)}</span>
        ))}
      </div>
      <canvas ref={canvas} className="plot-canvas" role="img" aria-label={label} data-testid="heatmap" />
    </>
  );
}
