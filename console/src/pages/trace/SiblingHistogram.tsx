// Where a span's duration stands among the spans of the same name: a histogram, this one's place in it, and a sentence.
import { placeOf, roomy } from '../../charts/heat';
import type { TraceSpan } from '../../api/types';
import { count, duration, share } from '../../words/numbers';
import { cut, visible } from '../../words/values';
import type { Siblings } from './useSiblings';

const WIDTH = 340;
const HEIGHT = 48;
const TOP = 6;

export function SiblingHistogram({ span, siblings, pending }: { span: TraceSpan; siblings: Siblings | null; pending: boolean }) {
  const own = span.duration_ms ?? 0;
  if (!siblings) return <div className="siblings"><p className="dim">{pending ? <>Comparing with other <bdi className="mono">{cut(visible(span.name ?? ''), 28)}</bdi></> : 'Nothing of this name in the 24 h before.'}</p><div className="siblings-to-come" /></div>;
  const { all, faster, median } = siblings;
  const map = roomy(siblings.map);
  const bins = map.bounds.length - 1;
  const counts = Array.from({ length: bins }, (_, bin) => map.counts.reduce((sum, column) => sum + (column[bin] ?? 0), 0));
  const most = Math.max(...counts);
  const x = placeOf(own, map) * WIDTH;
  const bar = WIDTH / bins;
  const height = (n: number) => (n === 0 ? 0 : Math.max(1.5, (n / most) * (HEIGHT - TOP)));
  const here = <b>this {duration(own)}</b>;
  const [left, right] = [x < WIDTH * 0.2, x > WIDTH * 0.8];
  return (
    <div className="siblings" data-testid="siblings">
      <p title={`${span.name} of ${span.service}, in the 24 h before this one ended`}>{standing(all, faster)}</p>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`Durations of ${span.name}: median ${median === null ? 'unknown' : duration(median)}, this one ${duration(own)}`}>
        {counts.map((n, i) => n > 0 && <rect key={i} x={i * bar} width={Math.max(1, bar - 1)} y={HEIGHT - height(n)} height={height(n)} className="others" />)}
        <path d={`M${x} ${TOP - 2}V${HEIGHT}`} className="this" />
      </svg>
      <i className="this-head" style={{ left: `${(x / WIDTH) * 100}%` }} aria-hidden="true" />
      <p className="siblings-words">{left ? here : <span>{duration(map.bounds[0]!)}</span>}{median !== null && <span>median {duration(median)}</span>}{!left && !right && here}{right ? here : <span>{duration(map.bounds[bins]!)}</span>}</p>
    </div>
  );
}

function standing(all: number, faster: number) {
  if (all <= 1) return <>The only one of its name in 24{'\u202f'}h</>;
  const slower = faster / all;
  if (slower >= 0.5) return <>Slower than <b>{fine(slower)}</b> of {count(all)} like it in 24{'\u202f'}h</>;
  return <>Faster than <b>{fine(Math.max(0, (all - faster - 1) / all))}</b> of {count(all)} like it in 24{'\u202f'}h</>;
}

/** Shares near the whole keep what tells: 99.6 %. */
const fine = (part: number) => (part >= 0.99 && part < 1 ? `${(Math.floor(part * 10_000) / 100).toFixed(part >= 0.999 ? 2 : 1)}\u202f%` : share(part));
