// Rows as a file: the same questions, answered in another form and handed to the browser when they are whole. A transfer that
// breaks off is an error, never half a file. It must not know React.
import { ask } from './client';
import type { QuerySpec, RowsSpec } from './types';

export type Form = 'csv' | 'parquet';
const MEDIA: Record<Form, string> = { csv: 'text/csv', parquet: 'application/vnd.apache.parquet' };
/** Longer than a page waits: nobody looks at it meanwhile. */
const SECONDS_MAX = 600;
export type What = { route: 'query'; body: QuerySpec } | { route: 'rows'; body: RowsSpec };

const ROUTES = { query: '/api/v1/query/{dataset}', rows: '/api/v1/rows/{dataset}' } as const;

export async function download(dataset: string, what: What, form: Form, name: string, tell: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  const response = await ask(ROUTES[what.route], { parts: { dataset }, query: `strict=true&timeout_seconds=${SECONDS_MAX}`, body: what.body, accept: MEDIA[form], signal });
  const pieces: BlobPart[] = [];
  const reader = response.body!.getReader();
  let bytes = 0;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    pieces.push(piece.value as BlobPart);
    bytes += piece.value.byteLength;
    tell(bytes);
  }
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(pieces, { type: MEDIA[form] }));
  link.download = `${name}.${form}`;
  link.click();
  // The browser has taken it by the next turn of its events.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
