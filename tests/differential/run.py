#!/usr/bin/env python3
"""The differential oracle: what Outcrop says of a file must be what DuckDB says of the same file.

    tests/differential/run.py [NAME …]            needs: benches/peers/setup.sh (duckdb), a built `outcrop`

OUTCROP_BIN is the executable (default target/debug/outcrop), OUTCROP_SHARED_DATA the folder with the recorded files (default
../shared/data beside the repository). Each file of files.py is sent by `outcrop send`, all of its events must be accepted, and
counts, groups, distinct values, least, greatest and sum are asked of both. Where a recorded file is not there the test says so;
its twin, a generated file of the dirtiest events allowed, runs anywhere. Ends with `N passed, N failed`, and 1 when any failed.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import files

try:
    import oracle
except ModuleNotFoundError as missing:
    raise SystemExit(f"{missing}: run benches/peers/setup.sh and use the Python of its environment") from missing
import twin

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("OUTCROP_BIN", ROOT / "target/debug/outcrop"))
DATA = pathlib.Path(os.environ.get("OUTCROP_SHARED_DATA", ROOT.parent / "shared/data"))
WIDE = {"start_time": "1970-01-01T00:00:00Z", "end_time": "2262-01-01T00:00:00Z"}
BARE = {"disable_series": True, "disable_total_by_aggregate": True, "disable_other_by_aggregate": True, "limit": 10_000}


class Server:
    """One Outcrop on a data directory of its own."""

    def __init__(self, folder):
        self.log = open(folder / "server.log", "wb")
        self.process = subprocess.Popen(
            [str(BINARY), "serve", "--data-dir", str(folder / "data"), "--http", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=self.log,
            env={**os.environ, "OUTCROP_GRPC": "127.0.0.1:0"},
        )
        self.url = None
        for line in self.process.stdout:
            found = re.search(rb"http://127\.0\.0\.1:\d+", line)
            if found:
                self.url = found.group().decode()
                break
        if not self.url:
            raise SystemExit(f"{BINARY} ended before it said its address: {(folder / 'server.log').read_text()[-400:]}")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self._until_ready()

    def _until_ready(self):
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the server did not become ready within 30 s")

    def send(self, path, dataset):
        """What `outcrop send` said, None when everything was accepted."""
        command = [str(BINARY), "send", str(path), "--dataset", dataset, "--url", self.url]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return None if done.returncode == 0 else f"exit {done.returncode}: {done.stdout.strip()[-300:]}"

    def query(self, dataset, spec):
        body = json.dumps(WIDE | BARE | spec).encode()
        url = f"{self.url}/api/v1/query/{urllib.parse.quote(dataset)}"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(f"{error.code}: {error.read()[:300].decode(errors='replace')}") from error

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


class Refused(Exception):
    """The server refused a question."""


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, file, name, ask):
        """`ask` gives (what Outcrop says, what DuckDB says, a note)."""
        try:
            ours, theirs, note = ask()
            wrong = None if oracle.same(ours, theirs) else oracle.difference(ours, theirs)
        except (Refused, OSError, KeyError, IndexError, TypeError, ValueError) as error:
            note, wrong = "", f"{type(error).__name__}: {error}"
        self.say(file, name + (f" ({note})" if note else ""), wrong)

    def say(self, file, name, wrong):
        if wrong is None:
            self.passed += 1
            print(f"ok    {file:<34} {name}")
        else:
            self.failed += 1
            print(f"FAIL  {file:<34} {name}: {wrong}")


def numbers(answer):
    """The one row of an answer without groups."""
    return [oracle.number(value) for value in answer["rows"][0]]


def groups(answer, keys):
    """Typed keys → count. The columns come in the order of the question: breakdowns first, then COUNT."""
    found = {}
    for row in answer["rows"]:
        key = tuple(oracle.key(value) for value in row[:keys])
        if key in found:
            raise ValueError(f"the group {key} is there twice")
        found[key] = oracle.number(row[keys])
    return found


def check_file(server, report, file, path):
    refused = server.send(path, file.dataset)
    report.say(file.dataset, "every event is accepted", refused)
    expected = oracle.Oracle(path, file)

    def ask(**spec):
        return server.query(file.dataset, spec)

    count = [{"op": "COUNT"}]
    rows, weight = expected.events()
    report.check(file.dataset, "count", lambda: (numbers(ask(calculations=count)), [weight], f"{weight:,}"))
    unweighted = lambda: (numbers(ask(calculations=count, usage_mode=True)), [rows], f"{rows:,}")
    report.check(file.dataset, "count without weights", unweighted)
    for names in [[name] for name in file.groups] + [file.groups]:
        check_groups(report, file, expected, ask, names)
    for name in file.groups + ([file.number] if file.number else []):
        distinct = [{"op": "COUNT_DISTINCT", "column": name, "exact": True}]
        told = lambda: (numbers(ask(calculations=distinct)), [expected.distinct(name)], "")
        report.check(file.dataset, f"distinct {name}", told)
        present = lambda: (numbers(ask(calculations=[{"op": "COUNT", "column": name}])), [expected.present(name)], "")
        report.check(file.dataset, f"count of events with {name}", present)
    if file.number:
        asked = [{"op": op, "column": file.number} for op in ("MIN", "MAX", "SUM")]
        measure = lambda: (numbers(ask(calculations=asked)), expected.least_greatest_sum(file.number), "")
        report.check(file.dataset, f"least, greatest, sum of {file.number}", measure)
    for name in file.present:
        there = lambda: (numbers(ask(calculations=count, filters=[{"column": name, "op": "exists"}])), [expected.present(name)], "")
        report.check(file.dataset, f"{name} exists", there)
    for at, (filters, where) in enumerate(file.filters):
        told = lambda: (numbers(ask(calculations=count, filters=filters)), [expected.where(where)], "")
        report.check(file.dataset, f"filter {at + 1}: {json.dumps(filters[0], ensure_ascii=False)}", told)
    check_time(report, file, expected, ask)
    expected.close()


def check_groups(report, file, expected, ask, names):
    told = expected.groups(names)
    title = "count by " + ", ".join(names)
    if len(told) > BARE["limit"]:
        print(f"note  {file.dataset:<34} {title}: {len(told):,} groups are more than a query may answer; not asked")
        return
    spec = {"calculations": [{"op": "COUNT"}], "breakdowns": names}
    report.check(file.dataset, title, lambda: (groups(ask(**spec), len(names)), told, f"{len(told)} groups"))


def check_time(report, file, expected, ask):
    """The half of the events before the middle second: start is included, end is not."""
    middle = expected.middle_second()
    if middle is None:
        return
    early = {"calculations": [{"op": "COUNT"}], "start_time": WIDE["start_time"], "end_time": middle}
    late = {"calculations": [{"op": "COUNT"}], "start_time": middle, "end_time": WIDE["end_time"]}
    halves = lambda: (numbers(ask(**early)) + numbers(ask(**late)), expected.halves(middle), middle)
    report.check(file.dataset, "count before and from the middle on", halves)


def main():
    wanted = sys.argv[1:]
    if not BINARY.exists():
        raise SystemExit(f"{BINARY} is not there: build it, or set OUTCROP_BIN")
    report = Report()
    with tempfile.TemporaryDirectory(prefix="outcrop-differential-") as folder:
        folder = pathlib.Path(folder)
        server = Server(folder)
        try:
            for file in files.recorded(DATA):
                path = DATA / file.path
                if wanted and file.dataset not in wanted:
                    continue
                if path.exists():
                    check_file(server, report, file, path)
                else:
                    print(f"skipped: {file.path} is not here")
            for seed in (1, 2):
                file = twin.file(seed)
                if not wanted or file.dataset in wanted:
                    check_file(server, report, file, twin.write(folder, seed))
        finally:
            server.stop()
    print(f"{report.passed} passed, {report.failed} failed")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
