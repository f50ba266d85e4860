"""Starts and stops one Outcrop, talks to it over one kept-alive connection, and looks at what it uses."""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse


# Servers close a connection that was silent for long.
IDLE_SECONDS_MAX = 20


class Refused(Exception):
    """The server answered, but not with 200."""


class Server:
    ready_path = "/readyz"
    events_path = "/api/v1/events/sustained"
    arguments = []

    def __init__(self, binary, data_dir, log, fresh=True):
        self.binary, self.data_dir = str(binary), pathlib.Path(data_dir)
        if fresh:
            shutil.rmtree(self.data_dir, ignore_errors=True)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        self.log = open(log, "wb")
        self.asked = begun
        self.process = self._start()
        self.url = self._address()
        threading.Thread(target=self._drain, daemon=True).start()
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc, timeout=300)
        self._until_ready()
        self.ready_seconds = time.monotonic() - begun
        self.peak_kib, self._watching = 0, True
        threading.Thread(target=self._watch, daemon=True).start()

    def _start(self):
        return subprocess.Popen(
            [self.binary, "serve", "--data-dir", str(self.data_dir), "--http", "127.0.0.1:0", *self.arguments],
            stdout=subprocess.PIPE,
            stderr=self.log,
            env={**os.environ, "OUTCROP_GRPC": "127.0.0.1:0"},
        )

    def accepted(self, answer):
        """How many events it says it has taken."""
        return json.loads(answer)["accepted"]

    def _address(self):
        """The port is chosen by the system; the server prints the address."""
        for line in self.process.stdout:
            self.log.write(line)
            found = re.search(rb"http://127\.0\.0\.1:\d+", line)
            if found:
                return found.group().decode()
        raise SystemExit(f"{self.binary} ended before it said its address; see {self.log.name}")

    def _drain(self):
        for line in self.process.stdout:
            self.log.write(line)

    def _until_ready(self):
        for _ in range(600):
            try:
                if self.request("GET", self.ready_path, None)[0] == 200:
                    return
            except OSError:
                self.connection.close()
            time.sleep(0.1)
        raise SystemExit("the server did not become ready within 60 s")

    def request(self, method, path, body):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if time.monotonic() - self.asked > IDLE_SECONDS_MAX:
            self.connection.close()
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        self.asked = time.monotonic()
        return answer.status, answer.read()

    def ask(self, path, spec):
        """(seconds, answer): the time is from the request to the last byte of the answer, without parsing it."""
        body = json.dumps(spec).encode()
        begun = time.perf_counter()
        status, answer = self.request("POST", path, body)
        took = time.perf_counter() - begun
        if status != 200:
            raise Refused(f"{status}: {answer[:300].decode(errors='replace')}")
        return took, json.loads(answer)

    def rss_kib(self):
        try:
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return 0
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        return int(found.group(1)) if found else 0

    def _watch(self):
        while self._watching:
            self.peak_kib = max(self.peak_kib, self.rss_kib())
            time.sleep(0.1)

    def take_peak_mib(self):
        """The highest RssAnon since the last call."""
        peak, self.peak_kib = max(self.peak_kib, self.rss_kib()), 0
        return peak / 1024

    def disk(self):
        """Bytes below the data directory by kind of file."""
        kinds = {}
        for path in self.data_dir.rglob("*"):
            try:
                if path.is_file():
                    kind = path.suffix or path.name
                    kinds[kind] = kinds.get(kind, 0) + path.stat().st_size
            except FileNotFoundError:
                continue
        return kinds

    def settle(self, seconds):
        """Waits until files stand still for 3 s, at most so long; gives back how long it took."""
        begun, before, since = time.monotonic(), self.disk(), time.monotonic()
        while time.monotonic() - begun < seconds and time.monotonic() - since < 3:
            time.sleep(0.5)
            now = self.disk()
            if now != before:
                before, since = now, time.monotonic()
        return time.monotonic() - begun

    def stop(self):
        self._watching = False
        self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
