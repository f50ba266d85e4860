// The question of a page as a command that works as it stands. Pure; the address is an argument.
import type { QuerySpec } from '../../api/types';

export function curlOf(origin: string, dataset: string, spec: QuerySpec): string {
  const body = JSON.stringify(spec).replaceAll("'", `'\\''`);
  return `curl -s '${origin}/api/v1/query/${encodeURIComponent(dataset)}' -H 'content-type: application/json' -d '${body}'`;
}
