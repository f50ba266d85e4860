"""Starts the real binary, lets real clients send to it, and asks what arrived, also in SQL with clients of PostgreSQL."""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
BINARY = pathlib.Path(os.environ.get("OUTCROP_BIN", HERE.parent.parent / "target/debug/outcrop")).resolve()
PYTHON = HERE / ".venv/bin/python"
NODE = HERE / "node"
GO = HERE / "go"
ALL_TIME = {"start_time": 0, "end_time": "2262-01-01T00:00:00Z"}
#: Events of a client over OTLP: two spans, two span events, a link, a log record.
OTLP_EVENTS = 6


class Server:
    """One Outcrop on a directory of its own, every protocol on, and a key that everything needs which has one."""

    def __init__(self, folder, **fixed):
        self.folder, self.fixed = pathlib.Path(folder), fixed
        keys = [BINARY, "keys", "create", "--data-dir", self.folder / "data", "--name", "compat"]
        self.key = run([*keys, "--scope", "ingest", "--scope", "query"]).strip()
        # Every SDK of OpenTelemetry looks there.
        self.environment = {**os.environ, "OUTCROP_COMPAT_KEY": self.key, "OTEL_EXPORTER_OTLP_HEADERS": f"x-honeycomb-team={self.key}"}
        self.start()

    def start(self):
        address = lambda name: self.fixed.get(name, "127.0.0.1:0")
        self.log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen(
            [str(BINARY), "serve", "--data-dir", str(self.folder / "data"), "--http", address("http"),
             "--grpc", address("grpc"), "--postgres", "127.0.0.1:0", "--syslog-tcp", "127.0.0.1:0", "--syslog-udp", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=self.log,
        )
        for line in self.process.stdout:
            if b"ready" in line:
                found = re.findall(rb"127\.0\.0\.1:\d+", line)
                self.http, self.grpc, self.postgres, self.syslog_tcp, self.syslog_udp = (address.decode() for address in found)
                break
        else:
            raise SystemExit(f"{BINARY} ended before it was ready: {(self.folder / 'server.log').read_text()[-800:]}")
        self.url = f"http://{self.http}"
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        if self.process.wait(timeout=60) != 0:
            raise AssertionError(f"the server ended with {self.process.returncode}")

    def ask(self, route, dataset, spec):
        request = urllib.request.Request(
            f"{self.url}/api/v1/{route}/{dataset}",
            json.dumps({**ALL_TIME, **spec}).encode(),
            {"Content-Type": "application/json", "X-Outcrop-Key": self.key},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return {"rows": []}
            raise AssertionError(f"{route} {dataset}: {error.code} {error.read()[:400]}") from error

    def rows(self, dataset, columns, **filters):
        spec = {"columns": columns, "filters": [{"column": c, "op": "=", "value": v} for c, v in filters.items()], "limit": 10_000}
        return self.ask("rows", dataset, {**spec, "order": "ascending"})["rows"]

    def count(self, dataset):
        rows = self.ask("query", dataset, {"disable_series": True, "usage_mode": True})["rows"]
        return rows[0][0] if rows else 0


def same(what, found, expected):
    if found != expected:
        raise AssertionError(f"{what}: expected {expected}, found {found}")


def wait_until(what, condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.05)


def run(command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, **options)
    if done.returncode:
        raise AssertionError(f"{command[0]} failed:\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}")
    return done.stdout


def check_libhoney(server, name):
    same("events", server.count(name), 100)
    row = server.rows(name, ["user.id", "tags", "ms", "ok", "sample_rate"], at=7)
    same("event 7", row, [["u-0", '["a","b"]', 3.5, False, 5]])
    same("weights", server.ask("query", name, {"disable_series": True})["rows"], [[104]])


def check_opentelemetry(server, name):
    wait_until("every event is there", lambda: server.count(name) >= OTLP_EVENTS)
    same("events", server.count(name), OTLP_EVENTS)
    [root] = server.rows(name, ["trace.trace_id", "trace.span_id", "trace.parent_id", "span.kind", "error", "status_code", "status_message",
                                "user.id", "items", "price", "paid", "tags", "build", "library.name", "exception.message", "span.num_events"], name="checkout")
    trace, span = root[0], root[1]
    same("ids", (bool(re.fullmatch("[0-9a-f]{32}", trace)), bool(re.fullmatch("[0-9a-f]{16}", span))), (True, True))
    same("the server span", root[2:], [None, "server", True, 2, "no stock", "u-17", 3, 9.5, True, '["a","b"]', "b-1", "compat", "no stock", 2])
    [child] = server.rows(name, ["trace.trace_id", "trace.parent_id", "span.kind", "error", "span.num_links", "duration_ms"], name="charge")
    same("the client span", child[:5], [trace, span, "client", None, 1])
    same("its duration", 0 <= child[5] < 10_000, True)
    annotations = server.rows(name, ["trace.trace_id", "trace.parent_id", "attempt"], name="reserved")
    same("the event", annotations, [[trace, span, 2]])
    [link] = server.rows(name, ["trace.trace_id", "trace.link.trace_id", "trace.link.span_id", "why"], **{"meta.annotation_type": "link"})
    same("the link", link, [trace, "0" * 13 + "abc", "0" * 13 + "def", "retry"])
    [log] = server.rows(name, ["trace.trace_id", "trace.parent_id", "body", "severity", "severity_code", "sku", "build"], **{"meta.signal_type": "log"})
    same("the log record", log, [trace, span, "low stock", "warn", 13, "s-1", "b-1"])
    metrics = lambda column: [row for row in server.rows("unknown_metrics", [column, "region", "build"], **{"service.name": name}) if row[0] is not None]
    same("the counter", metrics("orders"), [[5, "eu", "b-1"]])
    same("the gauge", metrics("queue"), [[7, None, "b-1"]])
    same("the histogram", metrics("latency.count") and [metrics("latency.count")[0][0], metrics("latency.avg")[0][0]], [3, 2])


def check_bulk(server, name):
    same("documents", server.count(name), 100)
    same("a document", server.rows(name, ["user.id"], at=7), [["u"]])


def check_loki(server, name):
    wait_until("every line is there", lambda: server.count(name) >= 20)
    same("lines", server.count(name), 20)
    same("a line", len([body for [body] in server.rows(name, ["body"]) if "line 7" in body]), 1)


def python_clients(server):
    if not PYTHON.exists():
        yield "Python's clients", f"there is no {PYTHON}"
        return
    send = lambda *arguments: run([PYTHON, HERE / "python/send.py", *arguments], env=server.environment)
    yield "libhoney for Python", lambda: (send("libhoney", server.url, "py-libhoney"), check_libhoney(server, "py-libhoney"))
    for kind in ("http", "http+gzip", "grpc", "grpc+gzip"):
        name = f"py-otel-{kind.replace('+', '-')}"
        address = server.url if kind.startswith("http") else server.grpc
        yield f"OpenTelemetry for Python, {kind}", lambda kind=kind, address=address, name=name: (
            send("opentelemetry", kind, address, name), check_opentelemetry(server, name))
    yield "Elasticsearch for Python", lambda: (send("elasticsearch", server.url, "py-bulk"), check_bulk(server, "py-bulk"))
    yield "logging-loki for Python", lambda: (send("loki", server.url, "py-loki"), check_loki(server, "py-loki"))


def node_clients(server):
    if not shutil.which("node") or not (NODE / "node_modules").exists():
        yield "Node's clients", "there is no node, or its modules are not installed"
        return
    send = lambda *arguments: run(["node", NODE / "send.mjs", *arguments], cwd=NODE, env=server.environment)
    yield "libhoney for Node", lambda: (send("libhoney", server.url, "js-libhoney"), check_libhoney(server, "js-libhoney"))
    for kind in ("http-json", "http-protobuf", "grpc"):
        name = f"js-otel-{kind}"
        address = server.url if kind.startswith("http") else f"http://{server.grpc}"
        yield f"OpenTelemetry for Node, {kind}", lambda kind=kind, address=address, name=name: (
            send("opentelemetry", kind, address, name), check_opentelemetry(server, name))
    yield "Elasticsearch for Node", lambda: (send("elasticsearch", server.url, "js-bulk"), check_bulk(server, "js-bulk"))
    yield "winston-loki for Node", lambda: (send("loki", server.url, "js-loki"), check_loki(server, "js-loki"))


def go_clients(server):
    if not shutil.which("go"):
        yield "Go's clients", "there is no go"
        return
    run(["go", "build", "-o", GO / "send", "."], cwd=GO)
    send = lambda *arguments: run([GO / "send", *arguments], env=server.environment)
    for kind in ("http", "grpc"):
        name = f"go-otel-{kind}"
        address = server.http if kind == "http" else server.grpc
        yield f"OpenTelemetry for Go, {kind}", lambda kind=kind, address=address, name=name: (
            send(kind, address, name), check_opentelemetry(server, name))


def commands(server):
    if shutil.which("logger"):
        yield "logger over TCP and UDP", lambda: check_logger(server)
    else:
        yield "logger", "there is no logger"
    if shutil.which("curl"):
        yield "curl", lambda: check_curl(server)
    else:
        yield "curl", "there is no curl"


def check_logger(server):
    for flag, address in (("--tcp", server.syslog_tcp), ("--udp", server.syslog_udp)):
        port = address.rpartition(":")[2]
        for form in ("--rfc5424", "--rfc3164"):
            run(["logger", "--server", "127.0.0.1", "--port", port, flag, form, "--tag", "compat", "--priority", "auth.warning", f"hello {flag} {form}"])
        run(["logger", "--server", "127.0.0.1", "--port", port, flag, "--rfc5424", "--octet-count", "--tag", "compat", f"counted {flag}"])
    wait_until("every message is there", lambda: server.count("syslog") >= 6)
    same("messages", server.count("syslog"), 6)
    row = server.rows("syslog", ["service.name", "severity", "syslog.facility"], body="hello --tcp --rfc5424")
    same("a message", row, [["compat", "warn", "auth"]])


#: What Grafana sends for $__timeGroup(timestamp, 1m), $__timeFilter(timestamp) and $__unixEpochFrom().
GRAFANA = """SELECT floor(extract(epoch from timestamp)/60)*60 AS "time", route AS metric, count(*) AS value, avg(ms) AS ms
FROM sql WHERE timestamp BETWEEN '2026-11-01T00:00:00Z' AND '2026-11-01T01:00:00Z'
  AND extract(epoch from timestamp) >= 1793491200 GROUP BY 1, 2 ORDER BY 1, 2"""


def load_sql(server):
    if server.count("sql") == 0:
        lines = [{"timestamp": f"2026-11-01T00:0{n % 4}:30.5Z", "route": f"/r{n % 2}", "ms": n / 2, "n": n, "ok": n % 3 == 0} for n in range(40)]
        body = "\n".join(map(json.dumps, lines))
        run(["curl", "-sSf", f"{server.url}/api/v1/events/sql", "-u", f"anybody:{server.key}", "-d", body])


def check_psql(server):
    load_sql(server)
    host, _, port = server.postgres.partition(":")
    environment = {**server.environment, "PGPASSWORD": server.key, "PGSSLMODE": "prefer"}
    psql = lambda *arguments: run(["psql", "-X", "-h", host, "-p", port, "-U", "anybody", "outcrop", *arguments], env=environment)
    same("a table", psql("-Atc", "SELECT count(*), sum(n), min(timestamp) FROM sql").strip(), "40|780|2026-11-01 00:00:30.500000+00")
    same("a plot", len(psql("-Atc", GRAFANA).splitlines()), 4)
    same("\\d", "sql" in psql("-c", "\\d"), True)
    described = psql("-c", "\\d sql")
    same("\\d sql", [name in described for name in ("timestamp with time zone", "route", "double precision")], [True] * 3)
    refused = subprocess.run(["psql", "-X", "-h", host, "-p", port, "-U", "anybody", "outcrop", "-c", "SELECT 1"],
                             env={**environment, "PGPASSWORD": "wrong"}, capture_output=True, text=True, timeout=60)
    same("a wrong key", (refused.returncode, "key with the scope query" in refused.stderr), (2, True))


def check_psycopg(server):
    load_sql(server)
    host, _, port = server.postgres.partition(":")
    told = json.loads(run([PYTHON, HERE / "python/ask.py", host, port, server.key, GRAFANA]))
    same("prepared, ten times", told["counts"], [40 - 4 * n for n in range(10)])
    same("types", told["row"], ["2026-11-01T00:00:30.500000+00:00", "/r0", 0.0, 0, True])
    same("a plot", told["plot"], [["/r0", 10], ["/r1", 10], ["/r0", 10], ["/r1", 10]])
    same("a mistake", told["mistake"], "UndefinedColumn")
    same("cancelled", told["cancelled"], "QueryCanceled")


def sql_clients(server):
    if shutil.which("psql"):
        yield "psql", lambda: check_psql(server)
    else:
        yield "psql", "there is no psql"
    if PYTHON.exists():
        yield "psycopg", lambda: check_psycopg(server)
    else:
        yield "psycopg", f"there is no {PYTHON}"


def check_curl(server):
    for data in ('{"a":1}', '[{"a":2},{"a":3}]', '{"a":4}\n{"a":5}'):
        run(["curl", "-sSf", f"{server.url}/api/v1/events/curl", "-u", f"anybody:{server.key}", "-d", data])
    team = f"X-Honeycomb-Team: {server.key}"
    run(["curl", "-sSf", f"{server.url}/1/events/curl", "-H", team, "-H", "X-Honeycomb-Samplerate: 2", "-d", '{"a":6}'])
    bare = ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", f"{server.url}/api/v1/events/curl", "-d", '{"a":7}']
    same("without a key", run(bare), "401")
    same("events", sorted(a for [a] in server.rows("curl", ["a"])), [1, 2, 3, 4, 5, 6])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="Go and the Collector too")
    parser.add_argument("--only", default="", help="clients whose name contains this")
    options = parser.parse_args()
    failed, skipped = [], []
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        groups = [python_clients, node_clients, commands, sql_clients]
        if options.all:
            groups.append(go_clients)
        else:
            print("skipped  Go's clients and the Collector: run with --all, as `make prove` does")
        for group in groups:
            for name, what in group(server):
                if options.only not in name:
                    continue
                if isinstance(what, str):
                    skipped.append(name)
                    print(f"SKIPPED  {name}: {what}")
                    continue
                began = time.monotonic()
                try:
                    what()
                    print(f"ok       {name} ({time.monotonic() - began:.1f} s)")
                except (AssertionError, ValueError, subprocess.TimeoutExpired) as error:
                    failed.append(name)
                    print(f"FAILED   {name}: {error}")
                sys.stdout.flush()
        server.stop()
    if options.all and not options.only:
        import collector.run

        failed += collector.run.main(Server, wait_until, same)
    if failed:
        sys.exit(f"{len(failed)} failed: {', '.join(failed)}")
    print(f"all clients are content{f', {len(skipped)} were skipped' if skipped else ''}")


if __name__ == "__main__":
    main()
