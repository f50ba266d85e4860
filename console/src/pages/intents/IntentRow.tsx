// One intent: its text and place, how it was met over time, before and now on a scale of nines; opened, what is unmet.
import { metShare, type Intents, type Line } from '../../state/intents';
import type { Span } from '../../state/different';
import type { Go } from '../../state/location';
import { sparkPath } from '../../tables/shape';
import { metWords, NINES, ninesPlace, pointsWords } from '../../words/intents';
import { count, exact } from '../../words/numbers';
import { cut } from '../../words/values';
import { Opened } from './Opened';

type Props = { line: Line; intents: Intents; span: Span; opened: boolean; onOpen: () => void; go: Go };

export function IntentRow({ line, intents, span, opened, onOpen, go }: Props) {
  const share = metShare(line.now);
  const then = metShare(line.before);
  const worse = line.group === 'worse';
  const points = pointsWords(line);
  const place = line.place ? `${line.place.file}${line.place.line ? `:${line.place.line}` : ''}` : null;
  return (
    <li className={opened ? 'intent open' : 'intent'} data-testid="intent">
      <button type="button" className="intent-line" aria-expanded={opened} onClick={onOpen}>
        <span className="intent-text">
          <span className="cut strong"><bdi>{line.text}</bdi></span>
          <span className="cut dim small"><span className="mono">{line.name}{place && ` · ${cut(place, 60)}`}</span>{line.owner && ` · ${line.owner}`}</span>
        </span>
        <span className="wide"><Over values={line.over} worse={worse} /></span>
        <span className="wide"><Nines now={share} before={then} worse={worse} /></span>
        <span className="num">
          {share === null ? <Quiet line={line} /> : <b className={worse ? 'bad' : undefined}>{metWords(share)}</b>}
          {share !== null && then !== null && <span className="dim small">was {metWords(then).replace(/\u202f%$/, '')}</span>}
        </span>
        <span className={worse ? 'num wide bad strong' : 'num wide dim'}>{points ?? ''}</span>
        <span className="num wide">{line.now.all < 100_000 ? exact(line.now.all) : count(line.now.all)}</span>
      </button>
      {opened && <Opened line={line} intents={intents} span={span} go={go} />}
    </li>
  );
}

function Quiet({ line }: { line: Line }) {
  if (line.group === 'never_exercised') return <span className="badge">Never exercised</span>;
  return <span className="dim">{line.group === 'gone' ? 'gone' : 'not exercised'}</span>;
}

const WIDTH = 92;
const HEIGHT = 18;

/** The share met over the range, from what is the lowest of it or 90 % up to all. */
function Over({ values, worse }: { values: (number | null)[]; worse: boolean }) {
  const known = values.filter((v): v is number => v !== null);
  if (known.length < 2) return <span className="over-none" aria-hidden="true" />;
  const low = Math.min(0.9, ...known);
  const path = sparkPath(values.map((v) => (v === null ? null : v - low + 0.02)), WIDTH, HEIGHT, 1 - low + 0.04);
  return <svg className={worse ? 'over worse' : 'over'} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true"><path d={path} vectorEffect="non-scaling-stroke" /></svg>;
}

function Nines({ now, before, worse }: { now: number | null; before: number | null; worse: boolean }) {
  const at = (v: number) => `${ninesPlace(v) * 100}%`;
  const [a, b] = now !== null && before !== null ? [ninesPlace(now), ninesPlace(before)] : [0, 0];
  return (
    <span className={worse ? 'nines worse' : 'nines'} aria-hidden="true">
      {NINES.map((n) => <i key={n} className="tick" style={{ left: at(n) }} />)}
      {a !== b && <i className="reach" style={{ left: `${Math.min(a, b) * 100}%`, width: `${Math.abs(a - b) * 100}%` }} />}
      {before !== null && <i className="nine then" style={{ left: at(before) }} />}
      {now !== null && <i className="nine" style={{ left: at(now) }} />}
    </span>
  );
}
