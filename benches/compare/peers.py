#!/usr/bin/env python3
"""What is different, asked of Outcrop and of ClickHouse, which is asked once for each field, on the same events in one run.

    benches/peers/setup.sh && benches/peers/.venv/bin/python benches/compare/peers.py --rows 10000000

Takes the stores that benches/peers/run.py has filled, if they hold as many rows, and fills them otherwise. The selection is
the slowest half percent of a day, of all services. Ends with 1 when a goal is missed.
"""
import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PEERS = HERE.parent / "peers"
sys.path.insert(0, str(PEERS))
import make_events  # noqa: E402
from peers import ClickHouse, columns  # noqa: E402
from server import Server  # noqa: E402

START, STEP = datetime.datetime(2026, 11, 2), datetime.timedelta(seconds=7)
END = datetime.datetime(2026, 11, 3)
SELECTED = 0.005
MOST_VALUES = 1000
# Seconds that an exact answer may take, and how many times as long ClickHouse must.
SCOPES = [
    {"name": "everything", "filters": [], "sql": "1", "seconds_max": 0.8},
    {
        "name": "one service (the cluster field)",
        "filters": [{"column": "service.name", "op": "=", "value": "labels"}],
        "sql": "`service.name` = 'labels'",
        "seconds_max": 0.8,
    },
    {
        "name": "one region (another field)",
        "filters": [{"column": "depot.region", "op": "=", "value": "north"}],
        "sql": "`depot.region` = 'north'",
        "seconds_max": 3.0,
    },
]
FIRST_SECONDS_MAX, TIMES_FASTER_MIN = 0.5, 6.0


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--outcrop", type=pathlib.Path, default=HERE.parents[1] / "target/release/outcrop")
    parser.add_argument("--work", type=pathlib.Path, default=PEERS / ".work")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of ClickHouse")
    return parser.parse_args()


def stored(server):
    """How many events the server has."""
    spec = {"calculations": [{"op": "COUNT"}], "start_time": START.isoformat() + "Z", "end_time": END.isoformat() + "Z"}
    try:
        return server.ask("/api/v1/query/ev", spec)[1]["rows"][0][0]
    except Exception:  # no such dataset
        return 0


def fill(given, server, clickhouse):
    """Loads what is not there."""
    has_ours, has_theirs = stored(server) == given.rows, clickhouse.has(given.rows)
    if has_ours and has_theirs:
        return
    events, _, _ = make_events.make(given.work, given.rows)
    if not has_ours:
        subprocess.run([str(given.outcrop), "send", str(events), "--dataset", "ev", "--url", server.url, "--batch", "5000"], check=True)
    if not has_theirs:
        clickhouse.load(events)
    server.settle(120)


def slowest(clickhouse):
    return clickhouse._number(f"SELECT quantileExact({1 - SELECTED})(duration_ms) FROM peers.ev")


def ask_outcrop(server, scope, since, slow, exact):
    spec = {
        "start_time": since.isoformat() + "Z",
        "end_time": END.isoformat() + "Z",
        "filters": scope["filters"],
        "selection": {"filters": [{"column": "duration_ms", "op": ">=", "value": slow}]},
        "exact": exact,
    }
    return server.ask("/api/v1/compare/ev?timeout_seconds=300", spec)


def ask_clickhouse(clickhouse, scope, since, slow):
    """Seconds for all fields: what each value counts on either side."""
    begun = time.perf_counter()
    where = f"ts >= '{since.isoformat(' ')}' AND ts < '{END.isoformat(' ')}' AND {scope['sql']}"
    for name, _, _ in columns():
        if name == "timestamp":
            continue
        clickhouse._query(
            f"SELECT `{name}` AS v, countIf(duration_ms >= {slow}) AS s, count() AS n FROM peers.ev WHERE {where} "
            f"GROUP BY v ORDER BY s DESC LIMIT {MOST_VALUES} SETTINGS {clickhouse.settings}"
        )
    return time.perf_counter() - begun


def measure(given, server, clickhouse):
    results, slow = [], slowest(clickhouse)
    for scope in SCOPES:
        ours, first, tops = [], [], []
        for repeat in range(given.repeats + 1):  # the first is the warm-up
            since = START + STEP * repeat
            sampled_took, sampled = ask_outcrop(server, scope, since, slow, False)
            exact_took, answer = ask_outcrop(server, scope, since, slow, True)
            tops.append([[field["field"] for field in part["fields"][:5]] for part in (sampled, answer)])
            if repeat:
                first.append(sampled_took)
                ours.append(exact_took)
        theirs = ask_clickhouse(clickhouse, scope, START, slow)
        result = {
            "scope": scope["name"],
            "selected": answer["selection"]["events"],
            "first_seconds": statistics.median(first),
            "exact_seconds": statistics.median(ours),
            "clickhouse_seconds": theirs,
            "top": tops[-1][1],
            "sampled_tops_equal": sum(sampled == exact for sampled, exact in tops),
            "runs": len(tops),
            "stats": answer.get("stats"),
        }
        result["met"] = (
            result["first_seconds"] <= FIRST_SECONDS_MAX
            and result["exact_seconds"] <= scope["seconds_max"]
            and theirs / result["exact_seconds"] >= TIMES_FASTER_MIN
        )
        results.append(result)
        print(
            f"{scope['name']:<34}{result['selected']:>10,}{result['first_seconds']:>9.2f}{result['exact_seconds']:>9.2f}"
            f"{theirs:>12.2f}{theirs / result['exact_seconds']:>8.1f}  {'met' if result['met'] else 'missed'}",
            flush=True,
        )
    return results


def main():
    given = options()
    given.work = given.work.resolve()
    server = Server(given.outcrop, given.work / "outcrop-data", given.work / "outcrop-compare.log", fresh=False)
    clickhouse = ClickHouse(given.work, given.threads)
    try:
        fill(given, server, clickhouse)
        print(f"{'scope':<34}{'selected':>10}{'first s':>9}{'exact s':>9}{'ClickHouse':>12}{'times':>8}")
        results = measure(given, server, clickhouse)
        (given.work / "compare.json").write_text(json.dumps(results, indent=1))
        print(f"RssAnon at most {server.take_peak_mib():.0f} MiB")
    finally:
        server.stop()
        clickhouse.close()
    sys.exit(0 if all(result["met"] for result in results) else 1)


if __name__ == "__main__":
    main()
