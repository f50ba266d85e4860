#!/usr/bin/env python3
"""What wide and dirty schemas cost: time and memory of the real executable.

    run.py [--outcrop target/release/outcrop] [--small] [fields] [names] [types] [segments] [planning] [groups] [footers]

Without names all seven are measured. README.md says what each is. Needs nothing but Python.
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

DAY = 86_400
START = 1_793_491_200


class Server:
    """The executable on a data directory of its own, and a kept-alive connection to it."""

    def __init__(self, executable, *arguments, data=None):
        self.data = data or tempfile.mkdtemp(prefix="outcrop-wide-")
        command = [executable, "serve", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data-dir", self.data, "--log", "warn", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split("http://")[1].split()[0].rsplit(":", 1)[1])
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)

    def ask(self, method, path, body=None, connection=None):
        connection = connection or self.connection
        connection.request(method, path, body)
        reply = connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise SystemExit(f"{path}: {reply.status} {text[:500]}")
        return json.loads(text) if path != "/metrics" else text.decode()

    def send(self, dataset, events, connection=None):
        body = events if isinstance(events, bytes) else b"\n".join(json.dumps(e).encode() for e in events)
        return self.ask("POST", f"/api/v1/events/{dataset}", body, connection)

    def query(self, dataset, spec, options=""):
        spec = {"start_time": 0, "disable_series": True, **spec}
        began = time.perf_counter()
        answer = self.ask("POST", f"/api/v1/query/{dataset}{options}", json.dumps(spec))
        return answer, (time.perf_counter() - began) * 1e3

    def timed(self, path, repeats=5):
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            answer = self.ask("GET", path)
            times.append((time.perf_counter() - began) * 1e3)
        return answer, min(times)

    def best(self, dataset, spec, repeats=5):
        """The first time and the best of the others, in milliseconds."""
        times = [self.query(dataset, spec)[1] for _ in range(repeats + 1)]
        return f"{times[0]:.0f} then {min(times[1:]):.1f} ms"

    def metric(self, name):
        lines = [l for l in self.ask("GET", "/metrics").splitlines() if l.startswith(name + " ")]
        return float(lines[0].split()[1])

    def memory_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(l for l in status.splitlines() if l.startswith("RssAnon")).split()[1]) // 1024

    def wait_for_flush(self):
        began = time.perf_counter()
        while self.metric("outcrop_memtable_bytes") > 0:
            time.sleep(0.05)
        return time.perf_counter() - began

    def stop(self, keep=False):
        self.process.terminate()
        self.process.wait()
        if not keep:
            shutil.rmtree(self.data, ignore_errors=True)


class Peak(threading.Thread):
    """The most memory that a server ever has, looked at ten times a second."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.most, self.done = server, 0, False
        self.start()

    def run(self):
        while not self.done:
            self.most = max(self.most, self.server.memory_mb())
            time.sleep(0.1)

    def end(self):
        self.done = True
        self.join()
        return self.most


def say(what, value):
    print(f"  {what:<58} {value}", flush=True)


def lines(events):
    return b"\n".join(json.dumps(e).encode() for e in events)


def wide_event(rng, row, fields, present):
    names = rng.sample(range(fields), present)
    event = {f"field.{n}": (n * row) % 1_000 if n % 2 else f"value {(n * row) % 100}" for n in names}
    event["service.name"] = f"service-{row % 8}"
    event["duration_ms"] = row % 997 / 10
    return event


def measure_fields(executable, small):
    """10,000 fields in a dataset, 2,000 in an event."""
    rng = random.Random(1)
    count = 200 if small else 4_000
    bodies = [lines(wide_event(rng, b * 100 + r, 10_000, 1_990) for r in range(100)) for b in range(count // 100)]
    size = sum(map(len, bodies))
    for title, arguments in [("as it is", []), ("all columns at sight", ["--fields-at-sight-max", "10000"])]:
        server = Server(executable, *arguments)
        peak = Peak(server)
        began = time.perf_counter()
        for body in bodies:
            server.send("d", body)
        took = time.perf_counter() - began
        print(f" {title}: {count} events of 1,992 fields, {size / 1e6:.0f} MB")
        say("ingest", f"{count * 1992 / took / 1e6:.2f} M values/s, {size / took / 1e6:.0f} MB/s")
        ask_three(server, "in memory")
        held = server.metric("outcrop_memtable_bytes")
        data = server.data
        server.stop(keep=True)
        memory = peak.end()
        server = Server(executable, "--flush-age-seconds-max", "0", *arguments, data=data)
        flushed = server.wait_for_flush()
        say("replay and flush", f"{held / 1e6:.0f} MB of memtable in {flushed:.1f} s; RssAnon at most {memory} MB")
        ask_three(server, "in segments")
        for body in bodies[: len(bodies) // 4]:
            server.send("d", body)
        server.wait_for_flush()
        ask_three(server, "in segments, columns given meanwhile")
        say("RssAnon at the end", f"{server.memory_mb()} MB")
        server.stop()


def ask_three(server, where):
    listed, took = server.timed("/api/v1/fields/d")
    overflow = sum(f["overflow"] for f in listed["fields"])
    say(f"{where}: field list", f"{took:.0f} ms, {len(listed['fields'])} fields, {overflow} in overflow")
    three = {"calculations": [{"op": "P99", "column": "duration_ms"}], "breakdowns": ["service.name"]}
    say(f"{where}: P99 by service", server.best("d", three))
    name = next((f["name"] for f in listed["fields"] if f["overflow"]), "field.1")
    few = {"breakdowns": [name], "filters": [{"column": name, "op": "exists"}]}
    say(f"{where}: groups of an overflow field", server.best("d", few))
    spec = {"start_time": 0, "limit": 100}
    began = time.perf_counter()
    answer = server.ask("POST", "/api/v1/rows/d", json.dumps(spec))
    took = (time.perf_counter() - began) * 1e3
    say(f"{where}: newest 100 events, every field", f"{took:.0f} ms, {len(answer['columns'])} columns")


def ordinary(rng, count):
    """Events of 66 fields and about 1.3 kB, as services send them."""
    def event(row):
        fields = {f"attribute.{n}": f"value-{rng.randrange(100)}" for n in range(40)}
        fields |= {f"number.{n}": rng.randrange(10_000) for n in range(22)}
        return {**fields, "service.name": f"service-{row % 8}", "duration_ms": rng.random() * 100,
                "trace.trace_id": f"{rng.getrandbits(128):032x}", "name": f"GET /{row % 30}"}
    return lines(event(row) for row in range(count))


def measure_names(executable, small):
    """1,000 new field names a second from one client, beside a normal client."""
    seconds = 5 if small else 60
    rng = random.Random(2)
    body = ordinary(rng, 1_000)
    results = {}
    for title, dirty in [("alone", None), ("names made up in another dataset", "dirty"), ("in the same dataset", "normal")]:
        server = Server(executable, "--flush-age-seconds-max", "20")
        peak = Peak(server)
        stop = threading.Event()
        made_up = threading.Thread(target=make_names_up, args=(server, dirty, stop)) if dirty else None
        if made_up:
            made_up.start()
        normal, questions = threading.Event(), []
        asker = threading.Thread(target=ask_meanwhile, args=(server, normal, questions))
        asker.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
        sent, slowest, began = 0, 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            one = time.perf_counter()
            sent += server.send("normal", body, connection)["accepted"]
            slowest = max(slowest, time.perf_counter() - one)
        rate = sent / (time.perf_counter() - began)
        stop.set(), normal.set()
        asker.join()
        if made_up:
            made_up.join()
        print(f" {title}")
        results[title] = rate
        say("normal client", f"{rate / 1e3:.1f} k events/s of {len(body) / 1000:.0f} B, slowest request {slowest * 1e3:.0f} ms")
        questions.sort()
        say("P99 by service, last minute, meanwhile", f"median {questions[len(questions) // 2]:.0f} ms, worst {questions[-1]:.0f} ms")
        listed, took = server.timed(f"/api/v1/fields/{dirty or 'normal'}")
        columns = sum(not f["overflow"] for f in listed["fields"])
        say("field list", f"{took:.0f} ms, {columns} columns, {len(listed['fields']) - columns} in overflow, "
            f"{listed.get('unlisted_estimate', 0)} more")
        if dirty:
            say("one made-up name", server.best(dirty, {"breakdowns": ["made.up.77"]}))
            say("a name that nobody sent", server.best(dirty, {"breakdowns": ["nobody.sent.this"]}))
            say("ordinary field, everything", server.best(dirty, {"breakdowns": ["service.name"]}))
        say("RssAnon at most", f"{peak.end()} MB")
        server.stop()
    alone = results.pop("alone")
    for title, rate in results.items():
        say(f"of its rate alone, {title}", f"{rate / alone:.2f}")


def make_names_up(server, dataset, stop):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    name, began, second = 0, time.perf_counter(), 0
    while not stop.is_set():
        events = [{f"made.up.{name + n}": n, "service.name": "dirty", "duration_ms": n, "a": 1, "b": "x", "c": True}
                  for n in range(1_000)]
        server.send(dataset, events, connection)
        name, second = name + 1_000, second + 1
        stop.wait(max(0, began + second - time.perf_counter()))


def ask_meanwhile(server, stop, times):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    spec = {"calculations": [{"op": "P99", "column": "duration_ms"}], "breakdowns": ["service.name"], "time_range": 60,
            "disable_series": True}
    while not stop.wait(0.5):
        began = time.perf_counter()
        try:
            server.ask("POST", "/api/v1/query/normal", json.dumps(spec), connection)
        except SystemExit:
            continue  # Nothing was sent yet.
        times.append((time.perf_counter() - began) * 1e3)
    times or times.append(0)


def measure_types(executable, small):
    """One field with four types."""
    count = 20_000 if small else 1_000_000
    values = [lambda n: n % 1000, lambda n: n % 1000 + 0.5, lambda n: f"text {n % 1000}", lambda n: n % 2 == 0]
    for title, arguments in [("in columns", []), ("in overflow", ["--fields-max", "1"])]:
        server = Server(executable, "--flush-age-seconds-max", "0", *arguments)
        began = time.perf_counter()
        for at in range(0, count, 10_000):
            server.send("d", [{"a": 1, "mixed": values[n % 4](n), "plain": n % 1000} for n in range(at, at + 10_000)])
        server.wait_for_flush()
        print(f" {title}: {count} events, {time.perf_counter() - began:.0f} s with the sender")
        for name in ["mixed", "plain"]:
            say(f"{name}: groups", server.best("d", {"breakdowns": [name]}))
            say(f"{name}: P99 and SUM", server.best("d", {"calculations": [{"op": "P99", "column": name},
                                                                          {"op": "SUM", "column": name}]}))
            say(f"{name}: = 500", server.best("d", {"filters": [{"column": name, "op": "=", "value": 500}]}))
        say("contains in any text", server.best("d", {"filters": [{"column": "*", "op": "contains", "value": "text 77"}]}))
        server.stop()


def measure_segments(executable, small):
    """Many segments of 10,000 columns: three of them in a question."""
    segments, fields = (5, 2_000) if small else (100, 10_000)
    server = Server(executable, "--flush-age-seconds-max", "0", "--fields-at-sight-max", str(fields + 10))
    flushing = 0.0
    for segment in range(segments):
        # A day each: segments of one day are merged.
        events = []
        for row in range(20):
            names = range(row % 5 * fields // 5, (row % 5 + 1) * fields // 5)
            event = {f"field.{n}": n * row + segment for n in names[:1_990]}
            events.append({**event, "timestamp": START + segment * DAY + row, "service.name": f"service-{row % 4}"})
        server.send("d", events)
        flushing += server.wait_for_flush()
    data = server.data
    say("flush of 20 events of 2,000 fields each", f"{flushing / segments * 1e3:.0f} ms")
    say("segments, their bytes", f"{server.metric('outcrop_segments'):.0f}, {server.metric('outcrop_segment_bytes') / 1e6:.0f} MB")
    server.stop(keep=True)
    began = time.perf_counter()
    server = Server(executable, data=data)
    say("start", f"{time.perf_counter() - began:.2f} s, RssAnon {server.memory_mb()} MB")
    three = {"calculations": [{"op": "SUM", "column": "field.7"}], "breakdowns": ["service.name"],
             "filters": [{"column": "field.8", "op": ">", "value": 0}]}
    say("a question of three columns", server.best("d", three))
    other = {"calculations": [{"op": "SUM", "column": "field.9"}], "breakdowns": ["service.name"]}
    say("the next one, of others", server.best("d", other))
    say("RssAnon, decoded footers", f"{server.memory_mb()} MB, {server.metric('outcrop_footer_cache_bytes') / 1e6:.0f} MB")
    rows = json.dumps({"start_time": 0, "limit": 100})
    for turn in ["first", "again"]:
        began = time.perf_counter()
        server.ask("POST", "/api/v1/rows/d", rows)
        say(f"newest 100 events, every field, {turn}", f"{(time.perf_counter() - began) * 1e3:.0f} ms")
    say("RssAnon, decoded footers", f"{server.memory_mb()} MB, {server.metric('outcrop_footer_cache_bytes') / 1e6:.0f} MB")
    say("a question of three columns", server.best("d", three))
    _, took = server.timed("/api/v1/fields/d")
    say("field list", f"{took:.0f} ms")
    server.stop()


def measure_planning(executable, small):
    """5,000 fields and 500 segments: how long a question of three fields is planned."""
    segments, fields = (20, 2_000) if small else (500, 5_000)
    server = Server(executable, "--flush-age-seconds-max", "0", "--fields-at-sight-max", str(fields + 10))
    for segment in range(segments):
        # A day each: segments of one day are merged.
        events = []
        for row in range(10):
            names = range(row % 5 * fields // 5, (row % 5 + 1) * fields // 5)
            event = {f"field.{n}": n * row + segment for n in names}
            events.append({**event, "timestamp": START + segment * DAY + row, "service.name": f"service-{row % 4}"})
        server.send("d", events)
        server.wait_for_flush()
    data = server.data
    server.stop(keep=True)
    server = Server(executable, data=data)
    say("segments", f"{server.metric('outcrop_segments'):.0f}")
    questions = {
        "all time": {},
        "the last of the days": {"start_time": START + (segments - 1) * DAY},
    }
    for title, times in questions.items():
        spec = {"start_time": 0, "disable_series": True, "breakdowns": ["service.name"],
                "calculations": [{"op": "SUM", "column": "field.7"}],
                "filters": [{"column": "field.8", "op": ">", "value": 0}], **times}
        planned, took = [], []
        for _ in range(12):
            began = time.perf_counter()
            answer = server.ask("POST", "/api/v1/query/d?explain=true", json.dumps(spec))
            took.append((time.perf_counter() - began) * 1e3)
            planned.append(answer["explain"]["planning_ms"])
        read = sum(segment["kept"] for segment in answer["explain"]["segments"])
        say(f"{title}: planned in", f"{sorted(planned[2:])[5]:.2f} ms, {read} segments to read, answered in {min(took):.0f} ms")
    server.stop()


def measure_groups(executable, small):
    """5 M groups within 512 MiB for all questions: are the true top 100 found, with their counts?"""
    singles = 100_000 if small else 5_000_000
    server = Server(executable, "--query-memory-bytes-max", str(512 << 20))
    truth, sent, batch = {}, 0, 20_000
    began = time.perf_counter()
    for at in range(0, singles, batch):
        users = [f"user-{n:09}" for n in range(at, at + batch)]
        # Every fifth event is of one of 200 who come often, the lower the number the oftener.
        for n in range(batch // 4):
            often = f"often-{int(200 * ((at + n) * 0.618033988749895 % 1) ** 1.5):03}"
            truth[often] = truth.get(often, 0) + 1
            users.append(often)
        body = "".join(f'{{"user":"{user}","duration_ms":{n % 97},"timestamp":{START + at // batch}}}\n'
                       for n, user in enumerate(users))
        sent += server.send("d", body.encode())["accepted"]
    say("sent", f"{sent} events in {time.perf_counter() - began:.0f} s")
    settle(server)
    peak = Peak(server)
    wanted = dict(sorted(truth.items(), key=lambda item: (-item[1], item[0]))[:100])
    plain = {"disable_total_by_aggregate": True, "disable_other_by_aggregate": True}
    shapes = {
        "count": {**plain, "calculations": [{"op": "COUNT"}]},
        "count and p99": {**plain, "calculations": [{"op": "COUNT"}, {"op": "P99", "column": "duration_ms"}]},
        "count with total, other and series": {"calculations": [{"op": "COUNT"}], "disable_series": False},
    }
    for title, shape in shapes.items():
        answer, took = server.query("d", {"breakdowns": ["user"], "limit": 100, **shape}, "?timeout_seconds=300")
        found = {row[0]: row[1] for row in answer["rows"]}
        right = sum(name in found and abs(found[name] - count) <= count / 100 for name, count in wanted.items())
        say(title, f"{right} of 100 found with their counts, {took / 1e3:.1f} s")
    say("RssAnon at most", f"{peak.end()} MB")
    server.stop()


def measure_footers(executable, small):
    """Large segments of 10,000 columns, where the page index is most of a footer."""
    count, fields = (50_000, 2_000) if small else (600_000, 10_000)
    rng = random.Random(3)
    server = Server(executable, "--fields-at-sight-max", str(fields + 10), "--flush-bytes-max", str(256 << 20))
    peak = Peak(server)
    names = [f"field.{n}" for n in range(fields)]
    server.send("d", [{n: 1 for n in names[at: at + 1_990]} for at in range(0, fields, 1_990)])
    began = time.perf_counter()
    for at in range(0, count, 5_000):
        events = ({**{names[rng.randrange(fields)]: n + k for k in range(6)}, "service.name": f"service-{n % 4}",
                   "timestamp": START + n % DAY} for n in range(at, at + 5_000))
        server.send("d", lines(events))
    say("ingest with the sender", f"{count / (time.perf_counter() - began) / 1e3:.1f} k events/s of 8 fields")
    data = server.data
    server.stop(keep=True)
    say("RssAnon at most", f"{peak.end()} MB")
    server = Server(executable, "--flush-age-seconds-max", "0", data=data)
    peak = Peak(server)
    server.wait_for_flush()
    settle(server)
    say("segments, their bytes", f"{server.metric('outcrop_segments'):.0f}, {server.metric('outcrop_segment_bytes') / 1e6:.0f} MB")
    say("RssAnon at most while they were merged", f"{peak.end()} MB")
    server.stop(keep=True)
    server = Server(executable, data=data)
    three = {"calculations": [{"op": "SUM", "column": "field.7"}], "breakdowns": ["service.name"],
             "filters": [{"column": "field.8", "op": ">", "value": 0}]}
    say("a question of three columns", server.best("d", three))
    say("RssAnon, decoded footers", f"{server.memory_mb()} MB, {server.metric('outcrop_footer_cache_bytes') / 1e6:.2f} MB")
    began = time.perf_counter()
    server.ask("POST", "/api/v1/rows/d", json.dumps({"start_time": 0, "limit": 100}))
    say("newest 100 events, every field", f"{(time.perf_counter() - began) * 1e3:.0f} ms")
    say("RssAnon, decoded footers", f"{server.memory_mb()} MB, {server.metric('outcrop_footer_cache_bytes') / 1e6:.0f} MB")
    server.stop()


def settle(server):
    """Waits until segments have not changed for some seconds."""
    last, since = None, time.perf_counter()
    while time.perf_counter() - since < 8:
        now = (server.metric("outcrop_segments"), server.metric("outcrop_segment_bytes"))
        if now != last:
            last, since = now, time.perf_counter()
        time.sleep(0.5)


MEASURES = {"fields": measure_fields, "names": measure_names, "types": measure_types, "segments": measure_segments,
            "planning": measure_planning, "groups": measure_groups, "footers": measure_footers}


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measures", nargs="*")
    parser.add_argument("--outcrop", default=str(root / "target/release/outcrop"))
    parser.add_argument("--small", action="store_true", help="seconds instead of minutes, to see that it runs")
    options = parser.parse_args()
    chosen = options.measures or list(MEASURES)
    if unknown := set(chosen) - set(MEASURES):
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose of {', '.join(MEASURES)}")
    if not os.access(options.outcrop, os.X_OK):
        parser.error(f"{options.outcrop} is no executable; build it with cargo build --release")
    for name in chosen:
        print(f"{name}: {MEASURES[name].__doc__}")
        MEASURES[name](options.outcrop, options.small)
    return 0


if __name__ == "__main__":
    sys.exit(main())
