#!/usr/bin/env python3
"""What a question costs when little is stored, and when much is.

    scale.py --outcrop PATH [--small 2] [--large 50] [--work DIR]

Loads a day of a million events at a time, with dates and ids of its own, and lets the store settle. The same questions are
asked at `--small` days and at `--large`: the last hour, one trace by its id over all time, the newest events of one user, the
field list. Then the server is started again on what it has. Nothing here is a peer: Outcrop runs against itself.
"""
import argparse
import datetime
import json
import pathlib
import statistics
import threading
import time

import ingest
import make_events
from server import Server

DATASET = "scale"
ROWS_A_DAY = 1_000_000
REPEATS = 9


def day(nth):
    return (datetime.date.fromisoformat(make_events.DAY) + datetime.timedelta(days=nth)).isoformat()


def load(server, batches, nth, connections):
    """One day of events; their ids begin with the number of the day."""
    waiting, errors, lock = list(batches), [], threading.Lock()
    date, trace = day(nth).encode(), b'"trace.trace_id":"%04x' % nth

    def send():
        connection = ingest.http.client.HTTPConnection(ingest.urllib.parse.urlsplit(server.url).netloc, timeout=120)
        while not errors:
            with lock:
                if not waiting:
                    break
                events, body = waiting.pop()
            body = body.replace(make_events.DAY.encode(), date).replace(b'"trace.trace_id":"', trace)
            while True:
                connection.request("POST", f"/api/v1/events/{DATASET}", body, {"Content-Type": "application/x-ndjson"})
                answer = connection.getresponse()
                said = answer.read()
                if answer.status != 429:
                    break
                time.sleep(0.2)
            if answer.status != 200 or json.loads(said)["accepted"] != events:
                errors.append(f"{answer.status}: {said[:200]}")

    senders = [threading.Thread(target=send) for _ in range(connections)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    if errors:
        raise SystemExit(errors[0])


def questions(last, trace):
    hour = {"start_time": f"{day(last)}T23:00:00Z", "end_time": f"{day(last + 1)}T00:00:00Z"}
    always = {"start_time": f"{day(0)}T00:00:00Z", "end_time": f"{day(last + 1)}T00:00:00Z"}
    by_route = {
        "calculations": [{"op": "COUNT"}, {"op": "P99", "column": "duration_ms"}],
        "breakdowns": ["http.route"],
    }
    return {
        "last hour, count and p99 by route": ("query", {**by_route, **hour}),
        "last hour, one service, errors by minute": (
            "query",
            {
                "calculations": [{"op": "COUNT"}],
                "filters": [
                    {"column": "service.name", "op": "=", "value": "labels"},
                    {"column": "http.status_code", "op": ">=", "value": 500},
                ],
                "granularity": 60,
                **hour,
            },
        ),
        "last hour, newest 100 events": ("rows", {"limit": 100, **hour}),
        "one trace by id, all time": (
            "rows",
            {"filters": [{"column": "trace.trace_id", "op": "=", "value": trace}], "limit": 100, **always},
        ),
        "field list": ("fields", None),
    }


def measure(server, last, trace):
    """Milliseconds of each question: the median of warm repeats."""
    answers = {}
    for name, (kind, spec) in questions(last, trace).items():
        took = []
        for _ in range(REPEATS + 2):
            begun = time.perf_counter()
            if spec is None:
                status, body = server.request("GET", f"/api/v1/{kind}/{DATASET}", None)
                found = len(json.loads(body)["fields"]) if status == 200 else 0
            else:
                _, answer = server.ask(f"/api/v1/{kind}/{DATASET}", spec)
                found = len(answer["rows"])
            took.append((time.perf_counter() - begun) * 1000)
        if not found:
            raise SystemExit(f"{name}: nothing was found")
        answers[name] = {"ms": statistics.median(took[2:]), "best_ms": min(took[2:]), "rows": found}
    return answers


def some_trace(server, nth):
    spec = {"start_time": f"{day(nth)}T12:00:00Z", "end_time": f"{day(nth)}T12:01:00Z", "limit": 1}
    _, answer = server.ask(f"/api/v1/rows/{DATASET}", spec)
    names = [column["name"] for column in answer["columns"]]
    return answer["rows"][0][names.index("trace.trace_id")]


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outcrop", type=pathlib.Path, default=here.parents[1] / "target/release/outcrop")
    parser.add_argument("--events", type=pathlib.Path, help="default: a million events are made in --work")
    parser.add_argument("--small", type=int, default=2)
    parser.add_argument("--large", type=int, default=50)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--work", type=pathlib.Path, default=here / ".work")
    given = parser.parse_args()
    work = given.work.resolve()
    events = given.events or make_events.make(work / "scale", ROWS_A_DAY)[0]
    ingest.MOST_EVENTS = ROWS_A_DAY
    batches = ingest.bodies(events, 5000)
    result = {}
    server = Server(given.outcrop, work / "outcrop-scale", work / "outcrop-scale.log")
    begun = time.monotonic()
    for nth in range(given.large):
        load(server, batches, nth, given.connections)
        if nth + 1 in (given.small, given.large):
            key = "small" if nth + 1 == given.small else "large"
            loaded = time.monotonic() - begun
            settled = server.settle(300)
            peak = server.take_peak_mib()
            result[key] = {
                "days": nth + 1,
                "load_seconds": loaded,
                "settle_seconds": settled,
                "peak_rss_anon_mib": peak,
                "disk": server.disk(),
                "questions": measure(server, nth, some_trace(server, given.small // 2)),
            }
            print(f"{key}: {nth + 1} M events after {loaded:.0f} s, settled in {settled:.0f} s, peak RssAnon {peak:.0f} MiB")
    server.stop()
    server = Server(given.outcrop, work / "outcrop-scale", work / "outcrop-scale.log", fresh=False)
    result["start_seconds"] = server.ready_seconds
    result["idle_rss_anon_mib"] = server.rss_kib() / 1024
    result["restarted"] = {"questions": measure(server, given.large - 1, some_trace(server, given.small // 2))}
    server.stop()
    print(f"start {result['start_seconds']:.2f} s, RssAnon {result['idle_rss_anon_mib']:.0f} MiB")
    print(f"\n{'median ms':46}{'small':>9}{'large':>9}{'ratio':>8}{'restarted':>11}")
    for name, small in result["small"]["questions"].items():
        large, again = (result[k]["questions"][name]["ms"] for k in ("large", "restarted"))
        print(f"{name:46}{small['ms']:9.1f}{large:9.1f}{large / small['ms']:8.2f}{again:11.1f}")
    (work / "scale.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
