"""Stock: knows what lies on the shelves, and reserves it. One of two example services: orders calls this one.

    PORT=8081 python stock.py
"""
import http.server
import json
import os
import re
import signal
import threading
import uuid

import outcrop

BODY_BYTES_MAX = 16_384


class Unknown(LookupError):
    """Nobody has heard of it."""


class Stock:
    def __init__(self, shelves):
        self._shelves = dict(shelves)
        self._reserved = {}
        self._lock = threading.Lock()

    @outcrop.intent(
        "Reserve what an order asks for, all of it or nothing",
        name="stock.reserve",
        within="200 ms",
        expects=["enough on the shelf"],
        ensures={"not overdrawn": lambda reserved: reserved is None or reserved["left"] >= 0},
        owner="warehouse",
    )
    def reserve(self, sku, count):
        outcrop.note({"order.sku": sku, "order.count": count})
        with self._lock:
            there = self._find(sku)
            if not outcrop.expect("enough on the shelf", there >= count):
                return None
            self._shelves[sku] = there - count
            reservation = uuid.uuid4().hex
            self._reserved[reservation] = (sku, count)
            return {"id": reservation, "left": there - count}

    def _find(self, sku):
        with outcrop.intent("Find the shelf of an article", name="stock.find", owner="warehouse") as unit:
            if sku not in self._shelves:
                raise Unknown(f"no article {sku!r}; there are {', '.join(sorted(self._shelves))}")
            unit.note({"shelf.count": self._shelves[sku]})
            return self._shelves[sku]

    @outcrop.intent("Give back what was reserved for an order that was not placed", name="stock.release", owner="warehouse")
    def release(self, reservation):
        with self._lock:
            if reservation not in self._reserved:
                raise Unknown(f"no reservation {reservation}")
            sku, count = self._reserved.pop(reservation)
            self._shelves[sku] += count
            outcrop.note({"order.sku": sku, "order.count": count})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stock = Stock({"tea": 40, "cups": 12, "kettle": 3})

    def do_POST(self):
        with self._trace():
            self._answer(*self._reserve())

    def do_DELETE(self):
        with self._trace():
            self._answer(*self._release())

    def _trace(self):
        """The trace of whoever calls, which goes on here."""
        return outcrop.continue_trace(self.headers.get("traceparent"), self.headers.get("tracestate"))

    def _reserve(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES_MAX:
            self.close_connection = True
            return 413, {"error": f"a body has at most {BODY_BYTES_MAX} bytes"}
        body = self.rfile.read(length)
        if self.path != "/reservations":
            return 404, {"error": "POST to /reservations"}
        try:
            asked = json.loads(body)
            sku, count = asked["sku"], asked["count"]
        except (ValueError, KeyError, TypeError):
            sku = count = None
        if not isinstance(sku, str) or type(count) is not int or count < 1:
            return 400, {"error": 'send {"sku": "tea", "count": 2}'}
        try:
            reserved = self.stock.reserve(sku, count)
        except Unknown as unknown:
            return 404, {"error": str(unknown)}
        return (201, reserved) if reserved else (409, {"error": f"not so many of {sku}"})

    def _release(self):
        found = re.fullmatch(r"/reservations/([0-9a-f]{32})", self.path)
        try:
            self.stock.release(found[1] if found else self.path)
        except Unknown as unknown:
            return 404, {"error": str(unknown)}
        return 200, {}

    def _answer(self, status, said):
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing: there are events."""


def main():
    outcrop.init("stock", version="1.4.0")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8081"))), Handler)
    server.daemon_threads = True
    # A process that is ended by a signal sends nothing unless it says so.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"stock listens on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    outcrop.shutdown()


if __name__ == "__main__":
    main()
