// The part of a trace's time that the waterfall shows. Pure.
export type Window = { from: number; to: number };

/** So many times nearer at most: below a millionth of a trace nothing can be told apart. */
const NEAREST = 1e-6;

/** Nearer or further around a place of the window, within the trace. */
export function zoomed({ from, to }: Window, by: number, duration: number, around = 0.5): Window {
  const width = Math.min(duration, Math.max(duration * NEAREST, (to - from) * by));
  const fixed = from + (to - from) * around;
  const start = Math.min(Math.max(0, fixed - width * around), duration - width);
  return { from: start, to: start + width };
}

export function moved({ from, to }: Window, by: number, duration: number): Window {
  const shift = Math.min(Math.max((to - from) * by, -from), duration - to);
  return { from: from + shift, to: to + shift };
}

const STEPS = [1, 2, 2.5, 5, 10];

/** Round times of the window, about so many; the first is where the window begins. */
export function ticksOf({ from, to }: Window, wanted: number): number[] {
  const width = to - from;
  if (!(width > 0)) return [0];
  const rough = width / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * STEPS.find((s) => power * s >= rough * 0.999)!;
  const ticks: number[] = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i += 1) ticks.push(i * step);
  return ticks;
}
