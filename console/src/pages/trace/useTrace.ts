// A trace as the page shows it: asked for once, its tree and where its time went worked out once.
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { getTrace } from '../../api/client';
import type { ApiError } from '../../api/errors';
import type { TraceAnswer } from '../../api/types';
import { spentOf } from '../../trace/spent';
import { treeOf } from '../../trace/tree';

const KEPT_MS = 5 * 60_000;

export function useTrace(trace: string) {
  const query = useQuery<TraceAnswer, ApiError>({ queryKey: ['trace', trace], queryFn: ({ signal }) => getTrace(trace, signal), staleTime: Infinity, gcTime: KEPT_MS });
  const answer = query.data;
  const whole = useMemo(() => {
    if (!answer) return null;
    const tree = treeOf(answer);
    return { tree, spent: spentOf(tree), truncated: answer.truncated };
  }, [answer]);
  return { whole, error: query.error, reading: query.isFetching, again: () => void query.refetch() };
}
