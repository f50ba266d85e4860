// Nothing matches: what emptied it, with counts, and what to do about it.
import { useMemo } from 'react';
import type { DatasetInfo, Stats } from '../../api/types';
import { removeFilter, setFilter, setRange } from '../../state/edit';
import { isLast, rangeSeconds, type Explore } from '../../state/explore';
import type { Times } from '../../state/spec';
import { FilterWords } from '../../parts/Chip';
import { StateBlock, type Offer } from '../../parts/StateBlock';
import { count, counted, NNBSP } from '../../words/numbers';
import { lastSentence, moment, MINUTE, span } from '../../words/times';
import { zoneWords } from '../../words/zone';
import { useEmptyReasons } from './useEmptyReasons';

type Props = { explore: Explore; when: Times; stats: Stats; dataset: DatasetInfo | null; now: number; onEdit: (next: Explore) => void };

const LONGER = [3600, 7200, 86_400, 604_800, 2_592_000];

export function EmptyState({ explore, when, stats, dataset, now, onEdit }: Props) {
  const reasons = useEmptyReasons(explore, when, true);
  const reason = reasons.data?.[0] ?? null;
  const offers = useMemo(() => {
    const list: Offer[] = [];
    if (reason?.instead) list.push({ icon: 'only', label: <><b>{reason.instead.text}</b> instead of {String(reason.filter.value)}</>, detail: counted(reason.instead.events, 'event'), run: () => onEdit(setFilter(explore, reason.at, { ...reason.filter, value: reason.instead!.text })) });
    if (reason) list.push({ icon: 'x', label: 'Remove this filter', detail: counted(reason.without, 'event'), run: () => onEdit(removeFilter(explore, reason.at)) });
    const longer = LONGER.find((s) => s > rangeSeconds(explore.range));
    if (longer) list.push({ icon: 'clock', label: `Look at ${lastSentence(longer)}`, run: () => onEdit(setRange(explore, { last: longer })) });
    const latest = dataset?.last_event ? Date.parse(dataset.last_event) : NaN;
    const outside = Date.parse(when.start_time) > latest || Date.parse(when.end_time) <= Date.parse(dataset?.first_event ?? '');
    if (outside && !Number.isNaN(latest)) {
      const width = rangeSeconds(explore.range) * 1000;
      const to = Math.ceil((latest + 1) / MINUTE) * MINUTE;
      list.unshift({ icon: 'clock', label: 'Go to the newest events', detail: `${moment(latest, now)} ${zoneWords()}`, run: () => onEdit(setRange(explore, { from: to - width, to })) });
    }
    return list;
  }, [reason, explore, dataset, when, now, onEdit]);

  const where = isLast(explore.range) ? `in ${lastSentence(explore.range.last)}` : `from ${span(explore.range.from, explore.range.to, now)}`;
  const title = explore.where.length > 0 ? `Nothing matches ${where}` : `No events ${where}`;
  return (
    <StateBlock eyebrow={`0 events${stats.rows_total ? ` from ${count(stats.rows_total)}` : ''} in ${Math.max(1, Math.round(stats.elapsed_ms))}${NNBSP}ms`} title={title} offers={offers}>
      {reason ? (
        <p className="mid">The filter <span className="chip still"><FilterWords f={reason.filter} /></span> leaves no event. Without it there {reason.without === 1 ? 'is' : 'are'} {count(reason.without)}.</p>
      ) : (
        explore.where.length > 1 && reasons.isSuccess && <p className="mid">No single filter empties it; it is what they ask for together.</p>
      )}
    </StateBlock>
  );
}
