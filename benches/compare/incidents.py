#!/usr/bin/env python3
"""Real incidents whose cause is known, asked of Outcrop: how often is the cause named first?

    incidents.py [--data DIR] [--outcrop target/debug/outcrop] [--verbose]

DIR holds `rs_livestream/` (27 incidents of a live-streaming service, from FRPv6/RobustSpot) and `nezha/` (6 faults injected
into Train Ticket, from IntelligentDDS/Nezha), each with a `cases.json`. The data is not part of this repository; without
it this says so and ends with 2. Ends with 1 if a goal is missed.
"""
import argparse
import collections
import gzip
import http.client
import json
import pathlib
import subprocess
import sys
import tempfile

GOALS = {  # question -> (first value true, whole truth in three values, read with rivals, first explanation exact, first or a rival)
    "share": (26, 26, 26, 20, 26),
    "rate": (26, 24, 26, 20, 26),
    "count": (26, 24, 25, 20, 24),
}
BATCH_LINES = 5000


class Server:
    """Outcrop on an empty directory and a free port."""

    def __init__(self, outcrop):
        self.directory = tempfile.TemporaryDirectory()
        command = [outcrop, "serve", "--data-dir", self.directory.name + "/data", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]
        log = open(self.directory.name + "/log", "w")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        for line in self.process.stdout:
            if "http://" in line:
                self.address = line.split("http://")[1].split("/")[0].split()[0]
                return
        sys.exit("the server did not start: " + open(self.directory.name + "/log").read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def post(self, path, body):
        connection = http.client.HTTPConnection(self.address, timeout=600)
        connection.request("POST", path, body if isinstance(body, bytes) else json.dumps(body))
        reply = connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            sys.exit(f"{path}: {reply.status} {text[:500]}")
        return json.loads(text)

    def load(self, dataset, path):
        lines = gzip.open(path).read().splitlines()
        for at in range(0, len(lines), BATCH_LINES):
            answer = self.post(f"/api/v1/events/{dataset}", b"\n".join(lines[at : at + BATCH_LINES]))
            assert not answer["rejected_total"], answer


def conditions(explanation):
    return {f["column"]: str(f.get("value")) for f in explanation["filters"] if f["op"] == "="}


def named_values(answer, rivals=False):
    """(field, value) in the order of reading: explanations, what came closest if asked for, the rest by difference of shares."""
    told = answer["explanations"] + [r for e in answer["explanations"] if rivals for r in e["rivals"]]
    named = [(f["column"], str(f.get("value"))) for e in told for f in e["filters"] if f["op"] == "="]
    others = [(v["selection"] - v["baseline"], field["field"], str(v["value"])) for field in answer["fields"] for v in field.get("values", [])]
    others = [(field, value) for _, field, value in sorted(others, key=lambda o: -o[0]) if value != "None"]
    return list(dict.fromkeys(named + others))


def questions(case):
    start, end = case["anomaly"]
    first, last = case["baseline"][0][0], case["baseline"][-1][1]
    stalled = [{"column": "stalled", "op": "=", "value": True}]
    now, before = {"start_time": start, "end_time": end}, {"start_time": first, "end_time": last}
    limits = {"max_fields": 50, "max_values": 50}
    yield "share", {**now, "selection": {"filters": stalled}, **limits}
    yield "rate", {**now, "selection": {"filters": stalled}, "baseline": {"filters": stalled, **before}, **limits}
    yield "count", {**now, "filters": stalled, "selection": {}, "baseline": before, **limits}


def livestream(server, data, verbose):
    cases = json.loads((data / "cases.json").read_text())["cases"]
    table = collections.defaultdict(lambda: [0] * 7)
    for number, case in enumerate(cases):
        dataset = f"case-{number}"
        server.load(dataset, data / case["data"])
        truths = case["truth"]
        pairs = {(k, v) for truth in truths for k, v in truth.items()}
        for question, spec in questions(case):
            answer = server.post(f"/api/v1/compare/{dataset}", spec)
            assert answer["question"] == question, (answer["question"], question)
            values = named_values(answer)
            found = [conditions(e) for e in answer["explanations"][:1]]
            rivals = [conditions(r) for e in answer["explanations"][:1] for r in e["rivals"]]
            row = table[question]
            row[0] += values[:1] != [] and values[0] in pairs
            for column, values in [(1, values), (2, named_values(answer, rivals=True))]:
                row[column] += any(set(t.items()) <= set(values[:3]) for t in truths)
            row[3] += any(f in truths for f in found)
            row[4] += any(f in truths for f in found + rivals)
            row[5] += not found
            row[6] += len(answer["explanations"])
            if verbose and not any(f in truths for f in found):
                print(f"  {case['id']} {question}: {truths} but {found}, rivals {rivals}")
    print(f"\nrs_livestream, {len(cases)} incidents")
    print("| question | first value true | whole truth in three values | with rivals | first explanation exact | first or a rival | none | explanations |")
    print("|---|---|---|---|---|---|---|---|")
    missed = False
    for question, row in table.items():
        print(f"| {question} | " + " | ".join(map(str, row)) + " |")
        missed |= any(reached < goal for reached, goal in zip(row, GOALS[question]))
    return missed


def nezha(server, data, verbose):
    """Calls that wait more than 50 ms, in the anomaly against all the time before: which part of such calls is new?"""
    cases = [c for c in json.loads((data / "cases.json").read_text())["cases"] if c["usable"]]
    for path in sorted({c["data"] for c in cases}):
        server.load("spans", data / path)
    slow = [{"column": "self_ms", "op": ">", "value": 50}, {"column": "callee_service", "op": "exists"}]
    reached = 0
    print(f"\nnezha, {len(cases)} faults\n| fault | service | shown among the first three values | first three |\n|---|---|---|---|")
    for case in cases:
        start, end = case["anomaly"]
        truth = {case["truth"]["service"], case["truth"]["pod"]}
        first = min(c["baseline"][0][0] for c in cases)
        spec = {"start_time": start, "end_time": end, "max_fields": 50, "selection": {"filters": slow},
                "baseline": {"filters": slow, "start_time": first, "end_time": start}}
        answer = server.post("/api/v1/compare/spans?timeout_seconds=300", spec)
        values = named_values(answer)
        showed = [pair for pair in values[:3] if pair[1] in truth]
        reached += bool(showed)
        print(f"| {case['id']} | {case['truth']['service']} | {', '.join(f'{k}={v}' for k, v in showed) or '-'} | {', '.join(f'{k}={v}' for k, v in values[:3])} |")
        if verbose:
            for e in answer["explanations"]:
                print("   ", e["score"], e["filters"], e["selection"], e["baseline"])
    print(f"{reached} of {len(cases)}")
    return reached < len(cases)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../data"))
    parser.add_argument("--outcrop", default="target/debug/outcrop")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    missed = absent = False
    with Server(options.outcrop) as server:
        for name, run in [("rs_livestream", livestream), ("nezha", nezha)]:
            if (options.data / name / "cases.json").exists():
                missed |= run(server, options.data / name, options.verbose)
            else:
                absent = True
                print(f"{name}: NOT RUN, there is no {options.data / name / 'cases.json'}; give --data")
    sys.exit(1 if missed else 2 if absent else 0)


if __name__ == "__main__":
    main()
