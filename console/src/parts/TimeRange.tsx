// Choosing the time range: relative ranges, or two times in the chosen zone. It shows both readings: Last 2 h and 01:10 – 03:10 UTC.
import { Popover } from '@mantine/core';
import { useState } from 'react';
import { isLast, type Range } from '../state/explore';
import { lastWords, readTyped, span, typed } from '../words/times';
import { useZone } from './choices';
import { ZoneChoice } from './ZoneChoice';
import { Icon } from './Icon';

const CHOICES = [600, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800, 604_800, 1_209_600, 2_592_000];

type Props = { range: Range; shown: { from: number; to: number }; now: number; opened: boolean; onOpened: (opened: boolean) => void; onRange: (range: Range) => void };

export function TimeRange({ range, shown, now, opened, onOpened, onRange }: Props) {
  const zone = useZone();
  const words = isLast(range) ? lastWords(range.last) : null;
  const reading = span(shown.from, shown.to, now);
  const take = (next: Range) => {
    onOpened(false);
    onRange(next);
  };
  return (
    <Popover opened={opened} onChange={onOpened} position="bottom-end" withinPortal trapFocus>
      <Popover.Target>
        <button type="button" className="btn" onClick={() => onOpened(!opened)} aria-haspopup="dialog" data-testid="time-range">
          <Icon name="clock" />
          <span className="vh">Time range: </span>
          {words && <span>{words}</span>}
          <span className={words ? 'mid reading wide' : 'reading'}>{reading}</span>
          <Icon name="caret" small />
        </button>
      </Popover.Target>
      <Popover.Dropdown className="range-menu" aria-label="Time range">
        <div className="choices">
          {CHOICES.map((last) => (
            <button type="button" key={last} aria-pressed={isLast(range) && range.last === last} onClick={() => take({ last })}>{lastWords(last)}</button>
          ))}
        </div>
        <Absolute key={zone} shown={shown} onTake={take} />
        <div className="zone-line"><ZoneChoice label="Times in" /></div>
      </Popover.Dropdown>
    </Popover>
  );
}

function Absolute({ shown, onTake }: { shown: { from: number; to: number }; onTake: (range: Range) => void }) {
  const [from, setFrom] = useState(() => typed(shown.from));
  const [to, setTo] = useState(() => typed(shown.to));
  const a = readTyped(from);
  const b = readTyped(to);
  const wrong = Number.isNaN(a) ? 'From is not a time.' : Number.isNaN(b) ? 'To is not a time.' : a >= b ? 'From must be before To.' : null;
  return (
    <form
      className="absolute"
      onSubmit={(event) => {
        event.preventDefault();
        if (!wrong) onTake({ from: a, to: b });
      }}
    >
      <label>From<input value={from} onChange={(e) => setFrom(e.target.value)} spellCheck={false} aria-invalid={Number.isNaN(a)} /></label>
      <label>To<input value={to} onChange={(e) => setTo(e.target.value)} spellCheck={false} aria-invalid={Number.isNaN(b)} /></label>
      {wrong && <p className="bad">{wrong}</p>}
      {!wrong && <button type="submit" className="btn ink">Use these times</button>}
    </form>
  );
}
