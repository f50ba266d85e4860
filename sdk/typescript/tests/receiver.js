/** A store for the tests that need none: keeps the events of every request. */

import http from "node:http";
import { gunzipSync } from "node:zlib";

export async function receiver() {
  const events = [];
  const server = http.createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const lines = gunzipSync(Buffer.concat(parts)).toString().split("\n");
    events.push(...lines.map((line) => JSON.parse(line)));
    response.end(JSON.stringify({ accepted: lines.length, rejected: [], rejected_total: 0 }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    events,
    unit: (name) => events.find((event) => event.name === name && "intent.met" in event),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
