// Looks for a text in all fields of the events in range, a moment after the last key, and says in which values it is.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useDebouncedValue } from '@mantine/hooks';
import { postRows } from '../../api/client';
import { contractFilter, type Times } from '../../state/spec';
import { anywhere, valuesWith, type FoundValue } from '../../state/found';

const PAUSE_MS = 180;
const EVENTS_READ = 100;
const NOTHING: FoundValue[] = [];

export function useFound(dataset: string, typed: string, when: Times, enabled: boolean): { values: FoundValue[]; reading: boolean } {
  const [text] = useDebouncedValue(typed.trim(), PAUSE_MS);
  const query = useQuery({
    queryKey: ['found', dataset, text, when.start_time, when.end_time],
    queryFn: async ({ signal }) => valuesWith(await postRows(dataset, { filters: [contractFilter(anywhere(text))], ...when, columns: null, order: 'descending', limit: EVENTS_READ }, signal), text),
    enabled: enabled && text !== '',
    staleTime: 60_000,
    retry: false,
    placeholderData: keepPreviousData,
  });
  const current = text !== '' && text === typed.trim();
  return { values: (text === '' ? NOTHING : query.data)?.filter((v) => v.value.includes(typed.trim())) ?? NOTHING, reading: typed.trim() !== '' && (!current || query.isFetching) };
}
