#!/usr/bin/env python3
"""The conformance cases, in each language asked for, against a real Outcrop.

    sdk/conformance/run.py [python] [typescript] [rust] [--case START_OF_TITLE] [--verbose]

OUTCROP_BIN is the executable (default target/debug/outcrop). README.md beside this file says what a case is. Ends with
`N passed, N failed`, and 1 when any failed.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import match
from door import Door
from store import Store

HERE = pathlib.Path(__file__).resolve().parent
SDK = HERE.parent
PYTHON = os.environ.get("OUTCROP_SDK_PYTHON", sys.executable)
DRIVERS = {
    "python": ([PYTHON, str(SDK / "python/conformance/driver.py")], ("sync", "async")),
    "typescript": (["node", str(SDK / "typescript/conformance/driver.js")], ("sync", "async")),
    "rust": ([os.environ.get("OUTCROP_SDK_RUST", str(SDK.parent / "target/debug/examples/conformance"))], ("sync", "async")),
}
DRIVER_SECONDS_MAX = 60
COMMON = json.loads((HERE / "common.json").read_text())


def cases(folder, start):
    found = [case for file in sorted((HERE / folder).glob("*.json")) for case in json.loads(file.read_text())]
    return [case for case in found if case["title"].startswith(start)]


def drive(language, job):
    """What the driver said of its job."""
    command, _ = DRIVERS[language]
    done = subprocess.run(
        command, input=json.dumps(job), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=DRIVER_SECONDS_MAX
    )
    if done.returncode != 0:
        raise Failed(f"the driver ended with {done.returncode}: {done.stderr.strip()[-600:]}")
    try:
        return json.loads(done.stdout)
    except ValueError as unreadable:
        raise Failed(f"the driver said {done.stdout[:200]!r}") from unreadable


class Failed(Exception):
    """What is wrong with a case."""


def arrival(store, language, mode, case, dataset):
    """A case of cases/: the events that must have arrived."""
    said = drive(language, {"url": store.url, "dataset": dataset, "mode": mode, "case": case})
    events = store.events(dataset)
    units = [event for event in events if "intent.met" in event or "duration_ms" in event]
    declared = [event for event in events if "intent.declared" in event]
    if len(units) + len(declared) != len(events):
        raise Failed(f"events of neither kind: {[e for e in events if e not in units and e not in declared]}")
    for kind, found in (("arrived", units), ("declared", declared)):
        if kind in case:
            common = COMMON["unit" if kind == "arrived" else "declared"]
            expected = [without_null({**common, **event}) for event in case[kind]]
            wrong = match.difference(expected, found, language)
            if wrong:
                raise Failed(wrong)
    for name, value in case.get("stats", {}).items():
        if said["stats"].get(name) != value:
            raise Failed(f"the SDK counted {name} {said['stats'].get(name)}, not {value}")


def without_null(event):
    return {name: value for name, value in event.items() if value is not None}


def delivery(store, language, case, dataset):
    """A case of delivery/: what must have arrived, whatever the weather."""
    door = Door(case["door"], store, case.get("kill_after"))
    try:
        said = drive(language, {"url": door.url, "dataset": dataset, "mode": "delivery", "case": case})
    finally:
        door.close()
    if not store.up.wait(30):
        raise Failed("the store did not come back")
    times, ids, encodings = zip(*door.requests) if door.requests else ((), (), ())
    total, different = store.count(
        dataset, [{"op": "COUNT"}, {"op": "COUNT_DISTINCT", "column": "n"}], [{"column": "n", "op": "exists"}]
    )
    dropped = said["stats"]["dropped_by_reason"]
    units = case["units"] + case.get("after", 0)
    check(total == different, f"{total} events of {different} different units: some count twice")
    (declared,) = store.count(dataset, [{"op": "COUNT"}], [{"column": "intent.declared", "op": "exists"}])
    check(declared <= 1, f"the one intent is declared {declared} times")
    check("arrived" not in case or total == case["arrived"], f"{total} arrived, not {case.get('arrived')}; {said['stats']}")
    check(total >= case.get("arrived_at_least", 0), f"only {total} arrived")
    check("dropped" not in case or dropped == case["dropped"], f"dropped {dropped}, not {case.get('dropped')}")
    check(set(dropped) == set(case.get("dropped_reasons", dropped)), f"dropped {dropped}")
    check("sum" not in case or total + sum(dropped.values()) == units, f"{total} arrived, {dropped} dropped, of {units}")
    least, most = case.get("requests", (0, 1e9))
    check(least <= len(times) <= most, f"{len(times)} requests, not {least} to {most}")
    check(all(i and len(i) <= 64 for i in ids), f"batch ids {ids[:3]}")
    check(set(encodings) <= {"gzip"}, f"encodings {set(encodings)}")
    if "pause_from" in case:
        check(len(times) > 1 and times[1] - times[0] >= case["pause_from"], f"tried again after {times[1] - times[0]:.3f} s")
    if "dropped_said" in case:
        (reported,) = store.count(dataset, [{"op": "SUM", "column": "dropped.events"}], [{"column": "dropped.reason", "op": "exists"}])
        check(reported == sum(dropped.values()), f"the store was told of {reported} dropped events, not {dropped}")
    check(said["queued_bytes"] <= case.get("queued_bytes_max", 1 << 40), f"{said['queued_bytes']} bytes wait")
    check(said["exit_seconds"] <= case["exit_seconds_max"], f"the end took {said['exit_seconds']:.2f} s")
    check(said["unit_ms_p90"] <= case.get("unit_ms_max", 1e9), f"one unit in ten took over {said['unit_ms_p90']:.2f} ms")


def check(holds, wrong):
    if not holds:
        raise Failed(wrong)


class Count:
    def __init__(self, verbose):
        self.passed = self.failed = 0
        self.verbose = verbose

    def run(self, label, work, *arguments):
        began = time.monotonic()
        try:
            work(*arguments)
        except (Failed, subprocess.TimeoutExpired) as wrong:
            self.failed += 1
            print(f"FAILED {label}\n       {wrong}", flush=True)
            return
        self.passed += 1
        if self.verbose:
            print(f"ok     {label} ({time.monotonic() - began:.2f} s)", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("languages", nargs="*", choices=[*DRIVERS, []], metavar="LANGUAGE", default=[])
    parser.add_argument("--case", default="", help="only cases whose title begins so")
    parser.add_argument("--verbose", action="store_true")
    said = parser.parse_args()
    count, number = Count(said.verbose), 0
    with tempfile.TemporaryDirectory(prefix="outcrop-sdk-") as folder:
        store = Store(pathlib.Path(folder))
        try:
            for language in said.languages or DRIVERS:
                for case in cases("cases", said.case):
                    if language not in case.get("languages", DRIVERS):
                        continue
                    for mode in case.get("modes", DRIVERS[language][1]):
                        number += 1
                        label = f"{language} {mode}: {case['title']}"
                        count.run(label, arrival, store, language, mode, case, f"case-{number}")
                for case in cases("delivery", said.case):
                    number += 1
                    count.run(f"{language} delivery: {case['title']}", delivery, store, language, case, f"case-{number}")
        finally:
            store.stop()
    print(f"{count.passed} passed, {count.failed} failed")
    sys.exit(1 if count.failed or not count.passed else 0)


if __name__ == "__main__":
    main()
