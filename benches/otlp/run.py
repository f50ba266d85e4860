#!/usr/bin/env python3
"""How many spans a second OTLP takes: acknowledged, and so after an fsync.

    run.py [--outcrop target/release/outcrop] [--seconds 20] [--connections 4] [--spans 512] [--encoding gzip]

README.md says what is measured. Needs nothing but Python.
"""
import argparse
import gzip
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

#: Requests made before anything is measured; each is sent again and again.
REQUESTS = 64
#: Processor time of a process is counted in these.
TICKS = os.sysconf("SC_CLK_TCK")
ROUTES = ["/cart", "/cart/{id}", "/checkout", "/products/{id}", "/search", "/login", "/labels/print", "/healthz"]
KINDS = [1, 2, 2, 2, 3, 3, 3]


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def attribute(key, value):
    if isinstance(value, bool):
        content = b"\x10" + varint(value)
    elif isinstance(value, int):
        content = b"\x18" + varint(value)
    elif isinstance(value, float):
        content = b"\x21" + struct.pack("<d", value)
    else:
        content = field(1, value.encode())
    return field(1, key.encode()) + field(2, content)


def span(chance, now):
    """A span of a web service: ids, times, a kind, a status, and 15 attributes."""
    began = now - chance.randrange(1_000_000_000)
    route, status = chance.choice(ROUTES), chance.choice([200] * 20 + [201, 204, 302, 404, 500])
    attributes = {
        "http.request.method": chance.choice(["GET", "GET", "POST"]),
        "http.route": route,
        "url.path": route.replace("{id}", str(chance.randrange(100_000))),
        "http.response.status_code": status,
        "http.response.body.size": chance.randrange(100_000),
        "server.address": "shop.example.com",
        "client.address": f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}",
        "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
        "user.id": f"u-{chance.randrange(200_000)}",
        "session.id": f"{chance.getrandbits(64):016x}",
        "cart.items": chance.randrange(20),
        "cart.total": round(chance.uniform(0, 500), 2),
        "feature.new_checkout": chance.random() < 0.1,
        "db.system": "postgresql",
        "thread.name": f"worker-{chance.randrange(32)}",
    }
    out = field(1, chance.randbytes(16)) + field(2, chance.randbytes(8)) + field(4, chance.randbytes(8))
    out += field(5, f"GET {route}".encode()) + b"\x30" + varint(chance.choice(KINDS))
    out += b"\x39" + struct.pack("<Q", began) + b"\x41" + struct.pack("<Q", began + int(chance.expovariate(1e-8)))
    out += b"".join(field(9, attribute(key, value)) for key, value in attributes.items())
    return out + field(15, b"\x18" + varint(2 if status >= 500 else 0))


def request(chance, spans):
    resource = {
        "service.name": chance.choice(["shop", "search", "carrier", "ledger"]),
        "service.version": "8.41.2",
        "host.name": f"web-{chance.randrange(16)}",
        "k8s.pod.name": f"web-{chance.getrandbits(32):08x}",
        "telemetry.sdk.language": "go",
    }
    scope = field(1, field(1, b"go.opentelemetry.io/contrib/instrumentation/net/http") + field(2, b"0.61.0"))
    scope += b"".join(field(2, span(chance, time.time_ns())) for _ in range(spans))
    return field(1, field(1, b"".join(field(1, attribute(k, v)) for k, v in resource.items())) + field(2, scope))


class Server:
    def __init__(self, executable):
        self.data = tempfile.mkdtemp(prefix="outcrop-otlp-")
        command = [executable, "serve", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data-dir", self.data, "--log", "warn"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(re.search(r"http://127\.0\.0\.1:(\d+)", self.process.stdout.readline())[1])

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def stored(self):
        connection = self.connection()
        spec = {"start_time": 0, "disable_series": True, "usage_mode": True}
        connection.request("POST", "/api/v1/query/*", json.dumps(spec))
        return json.load(connection.getresponse())["rows"][0][0]

    def processor_seconds(self):
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / TICKS

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.data)


def send(server, bodies, headers, until, told):
    """Sends until then; tells how long each request took, and how many were shed."""
    connection, times, shed = server.connection(), [], 0
    at = random.randrange(len(bodies))
    while time.monotonic() < until:
        began = time.perf_counter()
        connection.request("POST", "/v1/traces", bodies[at % len(bodies)], headers)
        reply = connection.getresponse()
        said = reply.read()
        if reply.status == 429:
            shed += 1
            time.sleep(0.1)
            continue
        if reply.status != 200 or said:
            raise SystemExit(f"{reply.status} {said[:300]}")
        times.append(time.perf_counter() - began)
        at += 1
    told.append((times, shed))


def measure(server, arguments, bodies):
    headers = {"Content-Type": "application/x-protobuf"}
    if arguments.encoding == "gzip":
        headers["Content-Encoding"] = "gzip"
    told, used, began = [], server.processor_seconds(), time.monotonic()
    until = began + arguments.seconds
    senders = [threading.Thread(target=send, args=(server, bodies, headers, until, told)) for _ in range(arguments.connections)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    if len(told) < len(senders):
        raise SystemExit("a sender failed")
    seconds, used = time.monotonic() - began, server.processor_seconds() - used
    times, shed = sorted(t for some, _ in told for t in some), sum(shed for _, shed in told)
    return seconds, used, times, shed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outcrop", default="target/release/outcrop", help="the executable")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--spans", type=int, default=512, help="in a request")
    parser.add_argument("--encoding", choices=["identity", "gzip"], default="identity")
    parser.add_argument("--goal", type=float, default=0, help="spans a second below which this ends with 1")
    arguments = parser.parse_args()
    chance = random.Random(1)
    plain = [request(chance, arguments.spans) for _ in range(REQUESTS)]
    bodies = [gzip.compress(body, 1) for body in plain] if arguments.encoding == "gzip" else plain
    server = Server(arguments.outcrop)
    try:
        seconds, used, times, shed = measure(server, arguments, bodies)
        acknowledged, stored = len(times) * arguments.spans, server.stored()
    finally:
        server.stop()
    span_bytes = statistics.mean(len(body) for body in plain) / arguments.spans
    print(f"{acknowledged / seconds:,.0f} spans/s acknowledged, of {span_bytes:.0f} B each as protobuf, {arguments.spans} in a request")
    print(f"{len(times)} requests in {seconds:.1f} s over {arguments.connections} connections, {shed} shed")
    print(f"a request: {times[len(times) // 2] * 1e3:.1f} ms, 99 of 100 within {times[len(times) * 99 // 100] * 1e3:.1f} ms")
    print(f"the server used {used / seconds:.2f} processors, {used / acknowledged * 1e6:.2f} µs a span")
    if stored != acknowledged:
        sys.exit(f"{acknowledged} spans were acknowledged and {stored} are there")
    if acknowledged / seconds < arguments.goal:
        sys.exit(f"the goal is {arguments.goal:,.0f} spans/s")


if __name__ == "__main__":
    main()
