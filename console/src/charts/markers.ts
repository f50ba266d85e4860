// Where the labels of markers stand in their lane: on either side of their time, so that neighbours do not overlap; what has
// no place joins the one before as a count. Pure; the lane draws it, plots draw the lines.
import { createContext } from 'react';
import type { Marker } from '../api/kept';
import type { Buckets } from './shape';

export type Markers = { list: Marker[]; onMarker: (markers: Marker[], at: DOMRect) => void };
/** The markers of every chart below; none where nobody provides them. */
export const MarkersContext = createContext<Markers>({ list: [], onMarker: () => {} });

export type Label = { x: number; width: number; side: 'left' | 'right'; text: string; markers: Marker[] };
const LETTER = 6.4;
const PADDING = 14;
const LETTERS_MOST = 26;

export const markerTime = (m: Marker) => Date.parse(m.time);
const cut = (text: string) => (text.length > LETTERS_MOST ? `${text.slice(0, LETTERS_MOST - 1)}…` : text);
const widthOf = (text: string) => Math.ceil(text.length * LETTER + PADDING);

/** Markers whose time lies on the charts, earliest first. */
export function onCharts(markers: Marker[], buckets: Buckets): Marker[] {
  return markers.filter((m) => markerTime(m) >= buckets.from && markerTime(m) <= buckets.to).sort((a, b) => markerTime(a) - markerTime(b));
}

export function labelsOf(markers: Marker[], buckets: Buckets, width: number): Label[] {
  const shown = onCharts(markers, buckets);
  const place = (m: Marker) => ((markerTime(m) - buckets.from) / (buckets.to - buckets.from)) * width;
  const labels: Label[] = [];
  let edge = 0;
  shown.forEach((m, i) => {
    const x = place(m);
    const text = cut(m.text.split('\n')[0]!);
    const size = widthOf(text);
    const next = shown[i + 1] ? place(shown[i + 1]!) : Infinity;
    const right = x >= edge && x + size <= width;
    const left = x - size >= edge;
    const last = labels[labels.length - 1];
    if (left && (!right || next < x + size)) {
      labels.push({ x, width: size, side: 'left', text, markers: [m] });
      edge = x + 1;
    } else if (right) {
      labels.push({ x, width: size, side: 'right', text, markers: [m] });
      edge = x + size + 2;
    } else if (last) {
      last.markers.push(m);
      last.text = `${last.markers.length} markers`;
    } else labels.push({ x, width: size, side: 'right', text, markers: [m] });
  });
  return labels;
}
