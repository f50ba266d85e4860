#!/usr/bin/env python3
"""Sustained ingest: the same events again and again, each round a day later, over several connections.

    ingest.py --outcrop PATH --events FILE [--seconds 60] [--connections 4] [--batch 5000] [--work DIR] [--victoria-logs PATH]

Bodies lie in memory and only their date is changed between rounds, so that the sender costs little beside the server.
Counts what was acknowledged, second by second; run.py does the same with --ingest-seconds.
"""
import argparse
import datetime
import http.client
import json
import pathlib
import threading
import time
import urllib.parse

import make_events
from server import Server
from victorialogs import VictoriaLogs

MOST_EVENTS = 200_000


def bodies(events, batch):
    """The first events of the file as NDJSON bodies."""
    lines, found = [], []
    with open(events, "rb") as file:
        for at, line in enumerate(file):
            if at == MOST_EVENTS:
                break
            lines.append(line)
            if len(lines) == batch:
                found.append((batch, b"".join(lines)))
                lines = []
    return found or [(len(lines), b"".join(lines))]


class Load:
    def __init__(self, server, batches, seconds):
        self.server, self.batches = server, batches
        self.place = urllib.parse.urlsplit(server.url).netloc
        self.begun = time.monotonic()
        self.until = self.begun + seconds
        self.lock, self.given = threading.Lock(), 0
        self.by_second, self.errors = {}, []

    def next_body(self):
        """A body and its events: round n is n days later."""
        with self.lock:
            nth, self.given = self.given, self.given + 1
        day = datetime.date.fromisoformat(make_events.DAY) + datetime.timedelta(days=nth // len(self.batches))
        events, body = self.batches[nth % len(self.batches)]
        return events, body.replace(make_events.DAY.encode(), day.isoformat().encode())

    def send(self):
        connection = http.client.HTTPConnection(self.place, timeout=120)
        while time.monotonic() < self.until and len(self.errors) < 20:
            events, body = self.next_body()
            try:
                connection.request("POST", self.server.events_path, body, {"Content-Type": "application/x-ndjson"})
                answer = connection.getresponse()
                said = answer.read()
                if answer.status != 200 or self.server.accepted(said) not in (None, events):
                    raise ValueError(f"{answer.status}: {said[:200]}")
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.errors.append(str(error))
                connection.close()
                time.sleep(0.2)
                continue
            with self.lock:
                second = int(time.monotonic() - self.begun)
                self.by_second[second] = self.by_second.get(second, 0) + events
        connection.close()


def sustained(server, events, seconds, connections=4, batch=5000):
    batches = bodies(events, batch)
    load = Load(server, batches, seconds)
    server.take_peak_mib()
    senders = [threading.Thread(target=load.send) for _ in range(connections)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    took = time.monotonic() - load.begun
    total = sum(load.by_second.values())
    windows = [sum(load.by_second.get(at + i, 0) for i in range(10)) / 10 for at in range(0, int(seconds) - 9, 10)]
    size = sum(len(body) for _, body in batches) / sum(count for count, _ in batches)
    result = {
        "events": total,
        "seconds": took,
        "events_per_second": total / took,
        "mb_per_second": total * size / took / 1e6,
        "events_per_second_in_windows_of_10_s": windows,
        "peak_rss_mib": server.take_peak_mib(),
        "errors": load.errors,
    }
    print(f"\n{type(server).__name__} sustained over {took:.0f} s: {total / took:,.0f} events/s ({result['mb_per_second']:.0f} MB/s), peak RssAnon {result['peak_rss_mib']:.0f} MiB")
    if windows:
        print("    by 10 s: " + ", ".join(f"{rate:,.0f}" for rate in windows))
    for error in load.errors[:3]:
        print(f"    error: {error}")
    return result


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outcrop", type=pathlib.Path, default=here.parents[1] / "target/release/outcrop")
    parser.add_argument("--events", type=pathlib.Path, help="default: 200,000 events are made in --work")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--batch", type=int, default=5000)
    parser.add_argument("--work", type=pathlib.Path, default=here / ".work")
    parser.add_argument("--settle", type=float, default=120, help="seconds to wait at most until files stand still")
    parser.add_argument("--victoria-logs", type=pathlib.Path, help="its executable: the same is sent to it, after and before us")
    given = parser.parse_args()
    work = given.work.resolve()
    events = given.events or make_events.make(work / "sustained", MOST_EVENTS)[0]
    # Turn by turn, so that a noisy minute meets both.
    engines = [("outcrop", Server, given.outcrop)]
    if given.victoria_logs:
        engines = [*engines, ("victorialogs", VictoriaLogs, given.victoria_logs)] * 2
    results = []
    for name, engine, binary in engines:
        server = engine(binary, work / f"{name}-sustained", work / f"{name}-sustained.log")
        try:
            result = sustained(server, events, given.seconds, given.connections, given.batch)
            result |= {"engine": name, "settled_after_seconds": server.settle(given.settle)}
            result |= {"bytes_an_event": stored(server, result)}
            results.append(result)
        finally:
            server.stop()
    (work / "sustained.json").write_text(json.dumps(results, indent=1))


def stored(server, result):
    """Bytes on disk for each event, when the files stand still."""
    each = sum(server.disk().values()) / max(1, result["events"])
    print(f"    {each:,.1f} bytes an event on disk once settled")
    return each


if __name__ == "__main__":
    main()
