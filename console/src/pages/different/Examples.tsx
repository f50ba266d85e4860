// The slowest traces of the picked events; each opens as a waterfall, and [ and ] step through them there.
import { useMemo } from 'react';
import { useQuery } from '@tanstack/react-query';
import { postQuery } from '../../api/client';
import type { FieldInfo } from '../../api/types';
import { Icon } from '../../parts/Icon';
import { queryOfThese, type Different } from '../../state/different';
import type { Explore } from '../../state/explore';
import { durationField, querySpec, times } from '../../state/spec';
import { setTrail } from '../../state/trail';
import { count } from '../../words/numbers';
import { unitOfField, withUnit } from '../../words/units';
import { cut } from '../../words/values';

const SHOWN = 5;
const TRACES = ['trace.trace_id', 'trace_id', 'traceId'];

type Props = { different: Different; fields: FieldInfo[]; events: number; onOpen: (e: Explore) => void; onTrace: (trace: string) => void };

export function Examples({ different, fields, events, onOpen, onTrace }: Props) {
  const trace = TRACES.find((t) => fields.some((f) => f.name === t)) ?? null;
  const duration = durationField(fields);
  const these = useMemo(() => queryOfThese(different, []), [different]);
  const spec = useMemo(() => {
    if (!these || !trace || !duration) return null;
    const slowest = { op: 'MAX', column: duration };
    return { ...querySpec({ ...these, compare: null, show: [slowest], by: [trace], orders: [{ ...slowest, descending: true }], havings: [], limit: SHOWN }, times(these, 0)), disable_series: true };
  }, [these, trace, duration]);
  const query = useQuery({ queryKey: ['examples', different.explore.dataset, JSON.stringify(spec)], enabled: spec !== null && events > 1, staleTime: Infinity, queryFn: ({ signal }) => postQuery(different.explore.dataset, spec!, signal) });
  if (!these || !spec || events < 2) return null;
  const rows = (query.data?.rows ?? []).filter((r) => typeof r[0] === 'string' && typeof r[1] === 'number') as [string, number][];
  if (query.isSuccess && rows.length === 0) return null;
  return (
    <section className="card-panel" aria-label="Slowest of these" data-testid="examples">
      <header><h3>Slowest of these</h3><span className="sp" /><button type="button" className="text-button dim" onClick={() => onOpen(these)}>All {count(events)} events</button></header>
      {query.isError && <p className="bad picture-note" role="alert">{query.error.message}</p>}
      <ul className={query.isPending ? 'examples waiting' : 'examples'}>
        {rows.map(([id, slowest]) => (
          <li key={id}>
            <button type="button" className="example" title={`Trace ${id}`} onClick={() => {
              setTrail(rows.map(([t]) => ({ trace: t, at: null })));
              onTrace(id);
            }}>
              <span className="strong num">{withUnit(slowest, unitOfField(duration!))}</span><span className="mono mid cut">{cut(id, 28)}</span><span className="sp" /><Icon name="traces" small />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
