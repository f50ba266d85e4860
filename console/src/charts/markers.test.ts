// Labels of markers: beside their time, never over one another, and counted where there is no room.
import { expect, it } from 'vitest';
import type { Marker } from '../api/kept';
import { labelsOf } from './markers';

const buckets = { from: 0, stepMs: 1000, count: 100, to: 100_000 };
const marker = (ms: number, text = 'payments 2.19.0') => ({ id: `${ms}${text}`, text, time: new Date(ms).toISOString(), created: '', changed: '', creator: '' }) as Marker;
const short = (ms: number[]) => labelsOf(ms.map((t) => marker(t)), buckets, 1000).map((l) => `${Math.round(l.x)} ${l.side} ${l.markers.length}`);
const spans = (ms: number[]) => labelsOf(ms.map((t) => marker(t)), buckets, 1000).map((l) => (l.side === 'right' ? [l.x, l.x + l.width] : [l.x - l.width, l.x]));

it('stand right of their time, or left where the next is near', () => {
  expect(short([10_000, 50_000])).toEqual(['100 right 1', '500 right 1']);
  expect(short([20_000, 25_000])).toEqual(['200 left 1', '250 right 1']);
  expect(short([99_000])).toEqual(['990 left 1']);
});

it('become a count where there is no room for a third', () => {
  expect(short([20_000, 21_000, 22_000, 23_000])).toEqual(['200 left 1', '210 right 3']);
  expect(labelsOf([20_000, 21_000, 22_000].map((t) => marker(t)), buckets, 1000)[1]!.text).toBe('2 markers');
});

it('never overlap, and leave out what is not on the chart', () => {
  for (const times of [[0, 1000, 5000, 9000, 60_000], [90_000, 95_000, 99_000], [100, 200, 300], [1_000, 30_000, 31_000, 50_000, 51_000, 52_000, 99_900]]) {
    const places = spans(times).sort((a, b) => a[0]! - b[0]!);
    places.slice(1).forEach((p, i) => expect(p[0]! >= places[i]![1]! - 0.001).toBe(true));
  }
  expect(short([-5, 100_001])).toEqual([]);
});
