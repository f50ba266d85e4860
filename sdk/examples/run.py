#!/usr/bin/env python3
"""The example services against a real Outcrop: orders in TypeScript calls stock in Python, and what became of it is asked for.

    sdk/packages/pack.sh python typescript && sdk/examples/run.py

OUTCROP_BIN is the executable (default target/debug/outcrop), OUTCROP_SDK_PYTHON a Python that has the wheel (default: one is
made). Ends with `passed`, or with 1 and what is wrong.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
SDK = HERE.parent
sys.path.insert(0, str(SDK / "conformance"))

from store import Store

# A caller of orders that has a trace of its own.
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADER = f"00-{TRACE}-00f067aa0ba902b7-01"
ARRIVAL_SECONDS_MAX = 30


class Service:
    """A process that says where it listens, and ends when it is told to."""

    def __init__(self, command, store, **environment):
        said = {**os.environ, "OUTCROP_URL": store.url, "PORT": "0", **environment}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=said)
        found = re.search(rb"http://\S+", self.process.stdout.readline())
        if not found:
            raise SystemExit(f"{command} ended with {self.process.wait()} before it listened")
        self.url = found[0].decode()
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def post(self, path, body, **headers):
        """The status and the body of the answer."""
        request = urllib.request.Request(f"{self.url}{path}", json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    def end(self):
        """Its code after SIGTERM."""
        self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout[-1500:]}")


def python(folder):
    """A Python that has the wheel."""
    if "OUTCROP_SDK_PYTHON" in os.environ:
        return os.environ["OUTCROP_SDK_PYTHON"]
    (wheel,) = (SDK / "dist").glob("outcrop-*.whl")
    run(sys.executable, "-m", "venv", folder / "venv")
    run(folder / "venv/bin/pip", "--disable-pip-version-check", "install", "--no-index", wheel)
    return str(folder / "venv/bin/python")


def compiled(folder):
    """The orders service with the tarball as its dependency, in a copy: what was installed there before may be older."""
    copy = folder / "examples/orders"
    shutil.copytree(HERE / "orders", copy, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (folder / "dist").symlink_to(SDK / "dist")
    run("npm", "install", "--no-audit", "--no-fund", "--prefer-offline", cwd=copy)
    run("npm", "run", "build", cwd=copy)
    return str(copy / "dist/orders.js")


def until(holds, what):
    """Waits for what arrives by itself."""
    end = time.monotonic() + ARRIVAL_SECONDS_MAX
    while not (found := holds()):
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not within {ARRIVAL_SECONDS_MAX} s")
        time.sleep(0.05)
    return found


def equal(found, expected, what):
    if found != expected:
        raise SystemExit(f"{what}: {found!r}, not {expected!r}")


def intents(store):
    return {item["name"]: item for item in store.get("/api/v1/intents")["items"]}


def spans(store, trace_id):
    """A trace: each span's name and service, and the name of the span above it."""
    found = store.get(f"/api/v1/traces/{trace_id}")["spans"]
    names = {span["span_id"]: span["name"] for span in found}
    return {(span["name"], span["service"], names.get(span["parent_id"])) for span in found}


PLACED = {
    ("orders.place", "orders", None),
    ("orders.reserve", "orders", "orders.place"),
    ("stock.reserve", "stock", "orders.reserve"),
    ("stock.find", "stock", "stock.reserve"),
}


def serve_orders(orders, store):
    """Some customers: three get what they want, one orders more than there is. Returns when all of it has arrived."""
    for count in (1, 2):
        equal(orders.post("/orders", {"sku": "tea", "count": count, "card": "4000 1234"})[0], 201, "an order for tea")
    status, _ = orders.post("/orders", {"sku": "cups", "count": 12, "card": "4000 1234"}, traceparent=HEADER)
    equal(status, 201, "an order for all cups")
    refused = orders.post("/orders", {"sku": "cups", "count": 1, "card": "4000 1234"})
    equal(refused, (409, {"error": "not so many of cups"}), "an order for one cup more")
    until(lambda: exercised(store, "orders.place") == exercised(store, "stock.reserve") == 4, "four orders")


def exercised(store, name):
    item = intents(store).get(name)
    return item["now"]["events"] if item else 0


def ask_what_failed(store):
    """From the list of intents to the trace and the register of the one that is unmet."""
    known = intents(store)
    unmet = {name: (item["now"]["unmet"], item["services"], item["owner"]) for name, item in known.items() if item["now"]["unmet"]}
    equal(unmet, {"orders.place": (1, ["orders"], "shop"), "stock.reserve": (1, ["stock"], "warehouse")}, "unmet intents")
    for name, expectation in (("orders.place", "reserved"), ("stock.reserve", "enough on the shelf")):
        equal(store.get(f"/api/v1/intents/{name}")["unmet"], [{"expectation": expectation, "events": 1}], f"why {name} is unmet")
    filters = [{"column": "intent.name", "op": "=", "value": "stock.reserve"}, {"column": "intent.met", "op": "=", "value": False}]
    columns = ["trace.trace_id", "order.sku", "order.count", "intent.unmet", "service.version"]
    answer = store.ask("rows", "*", {"columns": columns, "filters": filters, "limit": 10})
    names = [column["name"] for column in answer["columns"]]
    (row,) = [dict(zip(names, row)) for row in answer["rows"]]
    noted = [row[name] for name in columns[1:]]
    equal(noted, ["cups", 1, "enough on the shelf", "1.4.0"], "the event of the unmet intent")
    # Where nothing could be reserved nothing is charged: its trace ends with the stock.
    equal(spans(store, row["trace.trace_id"]), PLACED, "the trace across both services")


def ask_who_called(store):
    """The trace that began with somebody else: its first span is not ours."""
    equal(spans(store, TRACE), PLACED | {("orders.charge", "orders", "orders.place")}, "the trace of a caller")


def ask_the_register(store):
    """What both services declare, before and after it is exercised."""
    events = store.events("stock")
    (declared,) = [e for e in events if e.get("intent.declared") and e["intent.name"] == "stock.reserve"]
    wanted = "enough on the shelf; not overdrawn; within 200 ms; no error; not cancelled"
    equal(declared["intent.expectations"], wanted, "what is expected of stock.reserve")
    equal(declared["code.function.name"], "Stock.reserve", "where stock.reserve is declared")
    files = {pathlib.Path(item["file"]).name for item in intents(store).values()}
    equal(files, {"orders.ts", "stock.py"}, "the files that declare intents")
    never = {name for name, item in intents(store).items() if item["state"] == "never_exercised"}
    equal(never, {"orders.release", "stock.release"}, "intents that nobody exercised")


def decline(orders, store):
    """A card that is declined: what was reserved goes back, by intents that nobody had exercised."""
    refused = orders.post("/orders", {"sku": "kettle", "count": 3, "card": "5100 1234"})
    equal(refused, (402, {"error": "the card was declined"}), "an order with a declined card")
    until(lambda: exercised(store, "orders.release") == exercised(store, "stock.release") == 1, "a release")
    equal(orders.post("/orders", {"sku": "kettle", "count": 3, "card": "4000 1234"})[0], 201, "an order for what went back")


def bad_requests(orders, stock):
    for service, path in ((orders, "/orders"), (stock, "/reservations")):
        equal(service.post(path, ["nonsense"])[0], 400, f"nonsense to {path}")
        equal(service.post("/elsewhere", {})[0], 404, "another path")
    equal(orders.post("/orders", {"sku": "ship", "count": 1, "card": "4000 1234"})[0], 409, "an order for a ship")


def main():
    with contextlib.ExitStack() as last, tempfile.TemporaryDirectory(prefix="outcrop-examples-") as folder:
        folder = pathlib.Path(folder)
        store = Store(folder)
        last.callback(store.stop)
        stock = Service([python(folder), str(HERE / "stock/stock.py")], store)
        last.callback(stock.process.kill)
        orders = Service(["node", "--enable-source-maps", compiled(folder)], store, STOCK_URL=stock.url)
        last.callback(orders.process.kill)
        serve_orders(orders, store)
        ask_what_failed(store)
        ask_who_called(store)
        ask_the_register(store)
        decline(orders, store)
        bad_requests(orders, stock)
        equal((orders.end(), stock.end()), (0, 0), "how both ended")
        # What was done just before the end has arrived too.
        equal((exercised(store, "orders.place"), exercised(store, "stock.reserve")), (7, 7), "orders at the end")
    print("passed")


if __name__ == "__main__":
    main()
