"""A real Outcrop for the cases, on a data directory of its own."""
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("OUTCROP_BIN", ROOT / "target/debug/outcrop"))
RANGE = {"start_time": "1970-01-02T00:00:00Z", "end_time": "2261-01-01T00:00:00Z"}


class Store:
    def __init__(self, folder):
        self.folder = folder
        self.up = threading.Event()
        self._start()

    def _start(self):
        log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen(
            [str(BINARY), "serve", "--data-dir", str(self.folder / "data"), "--http", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "OUTCROP_GRPC": "127.0.0.1:0"},
        )
        for line in self.process.stdout:
            found = re.search(rb"http://(127\.0\.0\.1:\d+)", line)
            if found:
                self.address = found[1].decode()
                self.url = f"http://{self.address}"
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                self._until_ready()
                self.up.set()
                return
        raise SystemExit(f"{BINARY} ended before it said its address: {(self.folder / 'server.log').read_text()[-400:]}")

    def _until_ready(self):
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the server did not become ready within 30 s")

    def kill_and_restart(self):
        self.up.clear()
        self.process.kill()
        self.process.wait()
        self._start()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def forward(self, path, headers, body):
        """The store's answer to a request: status, headers, body."""
        connection = http.client.HTTPConnection(self.address, timeout=20)
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection", "accept-encoding")}
        connection.request("POST", path, body, kept)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        retry = answer.headers.get("Retry-After")
        return answer.status, {"Retry-After": retry} if retry else {}, text

    def get(self, path):
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
            return json.load(answer)

    def ask(self, route, dataset, spec):
        """The answer, or None while there is no such dataset."""
        url = f"{self.url}/api/v1/{route}/{dataset}"
        request = urllib.request.Request(url, json.dumps({**RANGE, **spec}).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            if refused.code == 404:
                return None
            raise SystemExit(f"{route}: {refused.code} {refused.read()[:400]!r}") from refused

    def events(self, dataset):
        """Every event, as its fields. A sample rate of 1 is none: the store shows it where another event of the page has one."""
        answer = self.ask("rows", dataset, {"columns": None, "order": "ascending", "limit": 1000})
        if answer is None:
            return []
        names = [column["name"] for column in answer["columns"]]
        rows = [dict(zip(names, row)) for row in answer["rows"]]
        bare = {"sample_rate": 1}
        return [{n: value for n, value in row.items() if value is not None and bare.get(n) != value} for row in rows]

    def count(self, dataset, calculations, filters):
        answer = self.ask("query", dataset, {"calculations": calculations, "filters": filters})
        return [0] * len(calculations) if answer is None else answer["rows"][0]
