#!/usr/bin/env python3
"""Outcrop beside DuckDB and ClickHouse on the same events, in one run: how fast they come in, how fast questions are answered.

    benches/peers/setup.sh && benches/peers/.venv/bin/python benches/peers/run.py --rows 1000000

See README.md for what is measured and how to read it. Ends with 1 when engines disagree or a question failed.
"""
import argparse
import datetime
import json
import math
import os
import pathlib
import subprocess
import sys
import time

import agree
import ingest
import make_events
from peers import ClickHouse, DuckDb, fill, forget
from server import Refused, Server

HERE = pathlib.Path(__file__).resolve().parent
STEP = datetime.timedelta(seconds=7)


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--outcrop", type=pathlib.Path, default=HERE.parents[1] / "target/release/outcrop")
    parser.add_argument("--work", type=pathlib.Path, default=HERE / ".work", help="events, data and results are kept here")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--batch", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of the peers")
    parser.add_argument("--settle", type=float, default=60, help="seconds to wait at most until segments stand still")
    parser.add_argument("--skip-ingest-peers", action="store_true", help="keep the peers' tables of an earlier run in --work")
    parser.add_argument("--peers-only", action="store_true", help="without Outcrop: are the peers and the questions sound?")
    parser.add_argument("--ingest-seconds", type=float, default=0, help="then also send for so long without a break")
    return parser.parse_args()


class Outcrop:
    """The third engine: it is asked over HTTP."""

    name = "Outcrop"

    def __init__(self, server):
        self.server = server

    def ask(self, question, fills):
        return self.server.ask(f"/api/v1/{question['route']}/ev", spec(question, fills))


def spec(question, fills):
    asked = json.loads(fill(json.dumps(question["spec"]), fills))
    asked |= {"start_time": fills["start"].replace(" ", "T") + "Z", "end_time": fills["end"].replace(" ", "T") + "Z"}
    if question["route"] == "query":
        # The peers' SQL computes neither totals nor what lies beyond the limit, and a series only where buckets are asked for.
        asked |= {"disable_total_by_aggregate": True, "disable_other_by_aggregate": True}
        asked["disable_series"] = not question["agree"].startswith("series")
    return asked


def load_outcrop(server, given, events):
    command = [str(given.outcrop), "send", str(events), "--dataset", "ev", "--url", server.url]
    command += ["--batch", str(given.batch), "--connections", str(given.connections)]
    begun = time.perf_counter()
    sent = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    took = time.perf_counter() - begun
    if sent.returncode != 0:
        raise SystemExit(f"`outcrop send` ended with {sent.returncode}: {sent.stdout[-600:]}")
    return took


def ask_all(engines, questions, picks, repeats):
    """For each question the best time of each engine, and where their answers differ."""
    results = []
    for question in questions["questions"]:
        times = {engine.name: [] for engine in engines}
        notes = {}
        for repeat in range(repeats + 1):  # the first is the warm-up
            fills = {**picks, **bounds(question, questions, repeat)}
            shapes = {}
            for engine in engines:
                try:
                    took, answer = engine.ask(question, fills)
                    shapes[engine.name] = agree.shape(question, engine.name, answer)
                except (Refused, OSError, KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
                    notes[engine.name] = f"failed: {type(error).__name__}: {error}"
                    continue
                if repeat:
                    times[engine.name].append(took * 1000)
            notes |= differences(engines[0].name, shapes)
        best = {name: min(taken) if taken else None for name, taken in times.items()}
        results.append({"name": question["name"], "ms": best, "all_ms": times, "agree": question["agree"], "notes": notes})
        print_question(results[-1], engines)
    return results


def differences(first, shapes):
    if first not in shapes:
        return {}
    ours = shapes.pop(first)
    return {name: f"{first} and {name}: {agree.difference(ours, other)}" for name, other in shapes.items() if not agree.equal(ours, other)}


def bounds(question, questions, repeat):
    """Each repeat starts a step later: no answer is merely remembered."""
    start, end = question.get("range", [questions["start"], questions["end"]])
    moved = datetime.datetime.fromisoformat(start.replace("Z", "")) + STEP * repeat
    return {"start": moved.isoformat(" "), "end": end.replace("T", " ").replace("Z", "")}


def ratio(ours, theirs):
    return ours / theirs if ours and theirs else None


def shown(number, digits=2):
    return "-" if number is None else f"{number:.{digits}f}"


def print_question(result, engines):
    ms = [result["ms"][engine.name] for engine in engines]
    ratios = [ratio(ms[0], other) for other in ms[1:]]
    good = "differs" if result["notes"] else "agrees"
    line = f"{result['name']:<46}" + "".join(f"{shown(m, 1):>14}" for m in ms) + "".join(f"{shown(r):>14}" for r in ratios)
    print(f"{line}  {good}")
    for note in result["notes"].values():
        print(f"    {note}")


def print_means(results, engines):
    means = {}
    for engine in engines[1:]:
        ratios = [ratio(r["ms"][engines[0].name], r["ms"][engine.name]) for r in results]
        ratios = [r for r in ratios if r]
        means[engine.name] = math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else None
    width = 46 + 14 * len(engines)
    print(f"{'geometric mean':<{width}}" + "".join(f"{shown(means[engine.name]):>14}" for engine in engines[1:]))
    return means


def print_head(engines):
    head = "".join(f"{engine.name + ' ms':>14}" for engine in engines)
    print("\n" + f"{'question, best of the warm repeats':<46}{head}" + "".join(f"{'/ ' + engine.name:>14}" for engine in engines[1:]))


def print_ingest(rates, size):
    if not rates:
        return
    ours = rates.get("Outcrop")
    print("\n" + f"{'ingest':<24}{'events/s':>12}{'MB/s':>9}{'Outcrop / it':>14}")
    for name, rate in rates.items():
        print(f"{name:<24}{rate:>12,.0f}{rate * size / 1e6:>9.0f}{shown(ratio(ours, rate)):>14}")


def print_sizes(sizes, rows, files):
    print("\n" + f"{'on disk':<24}{'bytes an event':>14}")
    for name, size in sizes.items():
        print(f"{name:<24}{size / rows:>14.1f}")
    if files:
        parts = ", ".join(f"{kind} {size / rows:.1f}" for kind, size in sorted(files.items(), key=lambda part: -part[1]))
        print(f"    of Outcrop's: {parts}")


def load_peers(given, events):
    if not given.skip_ingest_peers:
        forget(given.work)
    peers = [DuckDb(given.work, given.threads), ClickHouse(given.work, given.threads)]
    seconds = {}
    for peer in peers:
        if not (given.skip_ingest_peers and peer.has(given.rows)):
            seconds |= peer.load(events)
    return peers, seconds


def main():
    given = options()
    given.work = given.work.resolve()
    given.work.mkdir(parents=True, exist_ok=True)
    if not given.peers_only and not given.outcrop.exists():
        raise SystemExit(f"{given.outcrop} is not there: build it (cargo build --release) or say --outcrop PATH")
    events, rows, size = make_events.make(given.work, given.rows)
    questions = json.loads((HERE / "questions.json").read_text())
    print(f"{rows:,} events of {size / rows:.0f} bytes, {given.threads} threads for the peers")
    out = {"rows": rows, "bytes_an_event": size / rows, "threads": given.threads, "begun": datetime.datetime.now().isoformat()}
    server = None
    try:
        seconds = {}
        if not given.peers_only:
            server = Server(given.outcrop, given.work / "outcrop-data", given.work / "outcrop.log")
            seconds["Outcrop"] = load_outcrop(server, given, events)
            out["outcrop_rss_mib"] = {"peak of ingest": server.take_peak_mib()}
        peers, more = load_peers(given, events)
        seconds |= more
        out["events_per_second"] = {name: rows / took for name, took in seconds.items()}
        print_ingest(out["events_per_second"], size / rows)
        engines = ([Outcrop(server)] if server else []) + peers
        if server:
            out["settled_seconds"] = server.settle(given.settle)
            server.take_peak_mib()
        print_head(engines)
        results = ask_all(engines, questions, peers[0].pick(rows), given.repeats)
        out |= {"questions": results, "geometric_means": print_means(results, engines)}
        finish(out, server, peers, rows)
        if server and given.ingest_seconds:
            out["sustained"] = ingest.sustained(server, events, given.ingest_seconds, given.connections, given.batch)
    finally:
        if server:
            server.stop()
        written = given.work / "results.json"
        written.write_text(json.dumps(out, indent=1, default=str))
    print(f"\nwritten to {written}")
    for peer in peers:
        peer.close()
    sys.exit(1 if any(result["notes"] for result in results) else 0)


def finish(out, server, peers, rows):
    sizes = {name: size for peer in peers for name, size in peer.sizes().items()}
    files = server.disk() if server else {}
    if server:
        sizes = {"Outcrop": sum(files.values()), **sizes}
        memory = out["outcrop_rss_mib"] | {"peak of the questions": server.take_peak_mib(), "at rest": server.rss_kib() / 1024}
        out["outcrop_rss_mib"] = memory
    print_sizes(sizes, rows, files)
    if server:
        print("Outcrop's memory (RssAnon), MiB: " + ", ".join(f"{name} {mib:.0f}" for name, mib in memory.items()))
    out |= {"bytes_on_disk": sizes, "outcrop_files": files, "versions": {peer.name: peer.version for peer in peers}}


if __name__ == "__main__":
    main()
