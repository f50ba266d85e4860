#!/usr/bin/env python3
"""What a question costs when little is stored, and when much is.

    scale.py --outcrop PATH [--small 2] [--large 50] [--work DIR]

Fills one store with `--small` days of a million events and one with `--large`, each day with dates and ids of its own, and lets
them settle. Then both are started again and asked the same questions: the last hour, one trace by its id over all time, the
newest events, the field list. Nothing here is a peer: Outcrop runs against itself.
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


def opened(given, work, name, fresh=False):
    return Server(given.outcrop, work / f"outcrop-scale-{name}", work / f"outcrop-scale-{name}.log", fresh)


def fill(given, work, name, days, batches):
    """Loads so many days, unless they are to be kept; how long that took."""
    if given.keep and (work / f"outcrop-scale-{name}").exists():
        return {"days": days}
    server, begun = opened(given, work, name, fresh=True), time.monotonic()
    for nth in range(days):
        load(server, batches, nth, given.connections)
    filled = {"days": days, "load_seconds": time.monotonic() - begun, "settle_seconds": server.settle(300)}
    filled |= {"peak_rss_anon_mib": server.take_peak_mib(), "disk": server.disk()}
    server.stop()
    print(
        f"{name}: {days} M events after {filled['load_seconds']:.0f} s, settled in {filled['settle_seconds']:.0f} s, "
        f"peak RssAnon {filled['peak_rss_anon_mib']:.0f} MiB",
        flush=True,
    )
    return filled


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outcrop", type=pathlib.Path, default=here.parents[1] / "target/release/outcrop")
    parser.add_argument("--events", type=pathlib.Path, help="default: a million events are made in --work")
    parser.add_argument("--small", type=int, default=2)
    parser.add_argument("--large", type=int, default=50)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--work", type=pathlib.Path, default=here / ".work")
    parser.add_argument("--keep", action="store_true", help="ask what an earlier run has stored")
    given = parser.parse_args()
    work = given.work.resolve()
    events = given.events or make_events.make(work / "scale", ROWS_A_DAY)[0]
    ingest.MOST_EVENTS = ROWS_A_DAY
    batches = ingest.bodies(events, 5000)
    result = {name: fill(given, work, name, days, batches) for name, days in {"small": given.small, "large": given.large}.items()}
    for name, days in {"small": given.small, "large": given.large}.items():
        server = opened(given, work, name)
        result[name] |= {"start_seconds": server.ready_seconds, "idle_rss_anon_mib": server.rss_kib() / 1024}
        server.settle(60)
        result[name]["questions"] = measure(server, days - 1, some_trace(server, given.small // 2))
        result[name]["peak_of_questions_rss_anon_mib"] = server.take_peak_mib()
        server.stop()
        print(f"{name}: start {result[name]['start_seconds']:.2f} s, RssAnon {result[name]['idle_rss_anon_mib']:.0f} MiB")
    print(f"\n{'median ms':46}{'small':>9}{'large':>9}{'ratio':>8}")
    for name, small in result["small"]["questions"].items():
        large = result["large"]["questions"][name]["ms"]
        print(f"{name:46}{small['ms']:9.1f}{large:9.1f}{large / small['ms']:8.2f}")
    (work / "scale.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
