/** Where in the program an intent is declared. */

import { relative } from "node:path";
import { fileURLToPath } from "node:url";

const OURS = new URL(".", import.meta.url).href;
const FRAME = /\(?((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*?):(\d+):\d+\)?$/;

/** The file and line that called into this package. */
export function hereabouts(): { file: string; line: number } {
  for (const frame of (new Error().stack ?? "").split("\n").slice(1)) {
    const found = FRAME.exec(frame);
    if (found?.[1] && !found[1].startsWith(OURS)) return { file: path(found[1]), line: Number(found[2]) };
  }
  return { file: "unknown", line: 0 };
}

/** Relative to where the program runs, if it lies below. */
function path(said: string): string {
  const file = said.startsWith("file://") ? fileURLToPath(said) : said;
  const below = relative(process.cwd(), file);
  return below.startsWith("..") ? file : below.replaceAll("\\", "/");
}
