#!/usr/bin/env python3
"""How long a start takes that finds a gigabyte of log: the process was killed before anything of it was flushed.

    restart.py --outcrop PATH [--bytes 1073741824] [--work DIR]

Loads days of events into a server that may hold them all in memory, kills it with SIGKILL as soon as the log is that large, and
starts it again as anybody would. Every acknowledged event must be there. Ends with 1 when it takes more than 10 s.
"""
import argparse
import json
import pathlib
import sys
import time

import ingest
import make_events
import scale
from server import Server

DATASET = scale.DATASET
SECONDS_MAX = 10


class Roomy(Server):
    """A server that flushes nothing."""

    arguments = ["--memory-bytes-max", str(16 << 30), "--memtable-bytes-max", str(12 << 30), "--flush-bytes-max", str(12 << 30)]
    arguments += ["--flush-age-seconds-max", "86400"]


def log_bytes(server):
    return sum(size for kind, size in server.disk().items() if kind == ".wal")


def stored(server, days):
    spec = {"calculations": [{"op": "COUNT"}], "start_time": f"{scale.day(0)}T00:00:00Z", "end_time": f"{scale.day(days)}T00:00:00Z"}
    return server.ask(f"/api/v1/query/{DATASET}", spec)[1]["rows"][0][0]


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outcrop", type=pathlib.Path, default=here.parents[1] / "target/release/outcrop")
    parser.add_argument("--bytes", type=int, default=1 << 30)
    parser.add_argument("--work", type=pathlib.Path, default=here / ".work")
    given = parser.parse_args()
    work = given.work.resolve()
    events, _, _ = make_events.make(work / "restart", ingest.MOST_EVENTS)
    batches = ingest.bodies(events, 5000)
    data, days = work / "outcrop-restart", 0
    server = Roomy(given.outcrop, data, work / "outcrop-restart.log")
    while log_bytes(server) < given.bytes:
        scale.load(server, batches, days, 4)
        days += 1
    log, acknowledged = log_bytes(server), days * sum(events for events, _ in batches)
    server.process.kill()
    server.process.wait()
    server.stop()
    begun = time.monotonic()
    server = Server(given.outcrop, data, work / "outcrop-restart.log", fresh=False)
    took = time.monotonic() - begun
    found = stored(server, days)
    print(json.dumps({"log_bytes": log, "events": acknowledged, "found": found, "ready_seconds": round(took, 2),
                      "peak_rss_anon_mib": round(server.take_peak_mib())}))
    server.stop()
    sys.exit(0 if found == acknowledged and took <= SECONDS_MAX else 1)


if __name__ == "__main__":
    main()
