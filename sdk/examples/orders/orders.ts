/** Orders: takes orders, has the stock service reserve them, and charges a card. One of two example services. */

import { randomUUID } from "node:crypto";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { continueTrace, expect, init, intent, note, shutdown, traceparent, tracestate } from "outcrop";

const STOCK = process.env["STOCK_URL"] ?? "http://127.0.0.1:8081";
const BODY_BYTES_MAX = 16_384;

init("orders", { version: "2.0.1" });

interface Order {
  id: string;
  sku: string;
  count: number;
  card: string;
}

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** A request to the stock service, as a part of the trace of whoever is at work here. */
function askStock(method: string, path: string, body?: object): Promise<Response> {
  const headers = { "content-type": "application/json", traceparent: traceparent() ?? "", tracestate: tracestate() ?? "" };
  return fetch(`${STOCK}${path}`, { method, headers, body: body ? JSON.stringify(body) : null });
}

const reserve = intent(
  "Reserve the articles of an order",
  { name: "orders.reserve", within: "500 ms", expects: ["the stock service answers"] },
  async ({ sku, count }: Order): Promise<{ id?: string; error?: string }> => {
    const answer = await askStock("POST", "/reservations", { sku, count });
    note({ "http.response.status_code": answer.status });
    expect("the stock service answers", answer.status < 500);
    return (await answer.json()) as { id?: string; error?: string };
  },
);

const release = intent("Give back what was reserved", { name: "orders.release" }, async (reservation: string) => {
  const answer = await askStock("DELETE", `/reservations/${reservation}`);
  expect("given back", answer.status === 200);
});

// What a payment provider would know.
const charges = new Map<string, number>();

const charge = intent(
  "Charge the card once",
  { name: "orders.charge", owner: "payments", ensures: { "charged at most once": (times: number) => times <= 1 } },
  async ({ id, card }: Order): Promise<number> => {
    note({ "order.id": id, "card.last_digits": card.slice(-4) });
    const times = (charges.get(id) ?? 0) + (card.startsWith("4") ? 1 : 0);
    charges.set(id, times);
    return times;
  },
);

const place = intent(
  "Place the order: reserve everything and charge once, or do nothing at all",
  { name: "orders.place", within: "2 s", expects: ["reserved", "charged"], owner: "shop" },
  async (order: Order): Promise<Answer> => {
    note({ "order.id": order.id, "order.sku": order.sku, "order.count": order.count });
    const reserved = await reserve(order);
    if (!expect("reserved", reserved.id !== undefined)) return { status: 409, body: { error: reserved.error } };
    const times = await charge(order);
    if (!expect("charged", times === 1)) {
      await release(String(reserved.id));
      return { status: 402, body: { error: "the card was declined" } };
    }
    return { status: 201, body: { id: order.id } };
  },
);

async function read(request: IncomingMessage): Promise<Order | undefined> {
  let body = "";
  for await (const part of request) {
    body += part;
    if (body.length > BODY_BYTES_MAX) return undefined;
  }
  try {
    const { sku, count, card } = JSON.parse(body) as Partial<Order>;
    const isOrder = typeof sku === "string" && typeof card === "string" && Number.isInteger(count) && Number(count) > 0;
    return isOrder ? { id: randomUUID(), sku, count: Number(count), card } : undefined;
  } catch {
    return undefined;
  }
}

async function answer(request: IncomingMessage): Promise<Answer> {
  if (request.method !== "POST" || request.url !== "/orders") return { status: 404, body: { error: "POST to /orders" } };
  const order = await read(request);
  if (!order) return { status: 400, body: { error: 'send {"sku": "tea", "count": 2, "card": "4000 1234"}' } };
  try {
    // A trace that began elsewhere goes on here; else this is its beginning.
    return await continueTrace(request.headers, () => place(order));
  } catch {
    return { status: 502, body: { error: "the stock service cannot be reached" } };
  }
}

const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  void answer(request).then(({ status, body }) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  });
});

// A process that is ended by a signal sends nothing unless it says so.
process.on("SIGTERM", () => {
  server.close(() => void shutdown());
  server.closeIdleConnections();
});

server.listen(Number(process.env["PORT"] ?? 8080), "127.0.0.1", () => {
  console.log(`orders listens on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
