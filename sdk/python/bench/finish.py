"""What a unit of work of 30 fields costs the thread that does it, and what everything behind it costs the process.

    python sdk/python/bench/finish.py [--check]      --check: few units, and 1 if the finish costs over 30 µs

Nobody answers: a door that swallows everything takes the requests, so that the sender works as it does in a program.
"""
import http.server
import statistics
import sys
import threading
import time

import outcrop

FINISH_MICROSECONDS_MAX = 30
FIELDS = {f"field.{n}": ("text of some length", n, n * 1.5, n % 2 == 0)[n % 4] for n in range(30)}


class Swallow(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = b'{"accepted":1,"rejected":[],"rejected_total":0}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Says nothing."""


def measure(units):
    """Seconds of each begin, of noting 30 fields, and of each finish."""
    intent = outcrop.intent("Measure", within="2 s")
    begins, notes, finishes = [], [], []
    clock = time.perf_counter
    for n in range(units):
        t0 = clock()
        intent.__enter__()
        t1 = clock()
        outcrop.note(FIELDS)
        t2 = clock()
        intent.__exit__(None, None, None)
        t3 = clock()
        begins.append(t1 - t0)
        notes.append(t2 - t1)
        finishes.append(t3 - t2)
        if n % 20 == 0:
            time.sleep(0.002)  # A program that is busy with units alone would wait for its own queue.
    return begins, notes, finishes


def main():
    check = "--check" in sys.argv
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Swallow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    outcrop.init("bench", url=f"http://127.0.0.1:{server.server_port}")
    measure(500)
    units = 2_000 if check else 40_000
    cpu = time.process_time()
    parts = measure(units)
    outcrop.flush(30)
    cpu = time.process_time() - cpu
    for name, seconds in zip(("begin", "note 30 fields", "finish"), parts):
        ordered = sorted(seconds)
        p50, p99 = statistics.median(ordered) * 1e6, ordered[len(ordered) * 99 // 100] * 1e6
        print(f"{name:<16} p50 {p50:6.1f} µs   p99 {p99:6.1f} µs")
    print(f"everything, all threads of this process, the receiver included: {cpu / units * 1e6:.1f} µs a unit; {outcrop.stats()['dropped']} dropped")
    outcrop.shutdown()
    if check and statistics.median(parts[2]) * 1e6 > FINISH_MICROSECONDS_MAX:
        sys.exit(f"a finish costs over {FINISH_MICROSECONDS_MAX} µs")


main()
