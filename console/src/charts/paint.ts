// Paints a heatmap on a canvas and reads colours from the tokens. Canvas only; it must not know React or the API's client.
import type { HeatmapAnswer } from '../api/types';
import type { Cells } from './box';
import { heatMax, heatStep, STEPS } from './heat';

export const token = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function sizeCanvas(canvas: HTMLCanvasElement): { g: CanvasRenderingContext2D; width: number; height: number } | null {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const g = canvas.getContext('2d');
  if (!g || !width || !height) return null;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { g, width, height };
}

/** What lies outside the picked cells steps back. */
const OUTSIDE = 0.42;

export function paintHeat(canvas: HTMLCanvasElement, map: HeatmapAnswer, places: number[], picked: Cells | null = null) {
  const sized = sizeCanvas(canvas);
  if (!sized) return;
  const { g, width, height } = sized;
  g.clearRect(0, 0, width, height);
  g.fillStyle = token('--grid');
  for (const place of places) g.fillRect(0, Math.round(height - place * height), width, 1);
  const ramp = Array.from({ length: STEPS }, (_, i) => token(`--heat-${i}`));
  const max = heatMax(map.counts);
  const bins = map.bounds.length - 1;
  const columns = map.counts.length;
  const edge = (i: number, n: number, size: number) => Math.round((i * size) / n);
  for (let x = 0; x < columns; x += 1) {
    const x0 = edge(x, columns, width);
    const x1 = Math.max(x0 + 1, edge(x + 1, columns, width));
    for (let y = 0; y < bins; y += 1) {
      const step = heatStep(map.counts[x]![y] ?? 0, max);
      if (step < 0) continue;
      const inside = !picked || (x >= picked.first && x <= picked.last && y >= picked.low && y <= picked.high);
      g.globalAlpha = inside ? 1 : OUTSIDE;
      g.fillStyle = ramp[step]!;
      const y1 = height - edge(y, bins, height);
      const y0 = height - edge(y + 1, bins, height);
      g.fillRect(x0, y0, x1 - x0, Math.max(1, y1 - y0));
    }
  }
}
