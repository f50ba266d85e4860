// A trace as the page shows it: asked for once, its tree and where its time went worked out once.
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { getEvent, getTrace } from '../../api/client';
import type { ApiError } from '../../api/errors';
import type { EventAnswer, TraceAnswer, TraceSpan } from '../../api/types';
import { spentOf } from '../../trace/spent';
import { treeOf } from '../../trace/tree';

const KEPT_MS = 5 * 60_000;

export function useTrace(trace: string) {
  const query = useQuery<TraceAnswer, ApiError>({ queryKey: ['trace', trace], queryFn: ({ signal }) => getTrace(trace, signal), staleTime: Infinity, gcTime: KEPT_MS });
  const answer = query.data;
  const whole = useMemo(() => {
    if (!answer) return null;
    const tree = treeOf(answer);
    return { tree, spent: spentOf(tree), truncated: answer.truncated, bare: answer.fields_truncated, orphans: answer.events ?? [], warning: answer.warnings?.[0] ?? null };
  }, [answer]);
  return { whole, error: query.error, reading: query.isFetching, again: () => void query.refetch() };
}

/** A span with its fields. In the largest traces spans come without; then its event is asked for. */
export function useWholeSpan(span: TraceSpan | null, bare: boolean): { span: TraceSpan; pending: boolean } | null {
  const query = useQuery<EventAnswer, ApiError>({ queryKey: ['event', span?.dataset, span?.sequence], enabled: bare && span !== null, queryFn: ({ signal }) => getEvent(span!.dataset, String(span!.sequence), signal), staleTime: Infinity, gcTime: KEPT_MS });
  const fields = query.data?.fields;
  return useMemo(() => (span ? { span: bare && fields ? { ...span, fields } : span, pending: bare && !fields } : null), [span, bare, fields]);
}
