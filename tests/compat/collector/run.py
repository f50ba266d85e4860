"""A Collector in front of Outcrop, which is killed and started again under it: nothing may be lost."""

import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
REQUESTS = 300
SPANS = 20
KILLS = 3

CONFIG = """
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:{receiver}
processors:
  batch:
    timeout: 100ms
exporters:
  otlp:
    endpoint: {grpc}
    tls: {{insecure: true}}
    headers: {{x-honeycomb-team: {key}}}
    retry_on_failure: {{initial_interval: 200ms, max_interval: 1s, max_elapsed_time: 0s}}
    sending_queue: {{queue_size: 100000}}
  otlphttp:
    endpoint: http://{http}
    compression: zstd
    headers: {{Authorization: Bearer {key}}}
    retry_on_failure: {{initial_interval: 200ms, max_interval: 1s, max_elapsed_time: 0s}}
    sending_queue: {{queue_size: 100000}}
service:
  telemetry:
    metrics: {{level: none}}
    logs: {{level: warn}}
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch]
      exporters: [{exporter}]
"""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def build():
    binary = HERE / "build/collector"
    binary.parent.mkdir(exist_ok=True)
    done = subprocess.run(["go", "build", "-o", str(binary), "."], cwd=HERE, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"the Collector does not build:\n{done.stderr[-2000:]}")
    return binary


def request(number, name):
    spans = [
        {"traceId": f"{number + 1:032x}", "spanId": f"{number * SPANS + at + 1:016x}", "name": "work", "kind": 1,
         "startTimeUnixNano": str(time.time_ns()), "endTimeUnixNano": str(time.time_ns() + 1_000_000)}
        for at in range(SPANS)
    ]
    attributes = [{"key": "service.name", "value": {"stringValue": name}}]
    return {"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": [{"spans": spans}]}]}


def send(receiver, number, name):
    body = json.dumps(request(number, name)).encode()
    post = urllib.request.Request(f"http://127.0.0.1:{receiver}/v1/traces", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(post, timeout=30) as answer:
        answer.read()


def through(exporter, binary, Server, wait_until, same):
    name = f"collector-{exporter}"
    with tempfile.TemporaryDirectory() as folder:
        addresses = {"http": f"127.0.0.1:{free_port()}", "grpc": f"127.0.0.1:{free_port()}"}
        server = Server(folder, **addresses)
        receiver = free_port()
        config = pathlib.Path(folder) / "collector.yaml"
        config.write_text(CONFIG.format(receiver=receiver, exporter=exporter, key=server.key, **addresses))
        with open(pathlib.Path(folder) / "collector.log", "wb") as log:
            collector = subprocess.Popen([str(binary), "--config", f"file:{config}"], stdout=log, stderr=log)
        try:
            def listening():
                if collector.poll() is not None:
                    raise AssertionError((pathlib.Path(folder) / "collector.log").read_text()[-2000:])
                with socket.socket() as probe:
                    return probe.connect_ex(("127.0.0.1", receiver)) == 0

            wait_until("the Collector listens", listening)
            sender = threading.Thread(target=lambda: [(send(receiver, number, name), time.sleep(0.01)) for number in range(REQUESTS)])
            sender.start()
            for kill in range(KILLS):
                wait_until("some are there", lambda: server.count(name) > kill * REQUESTS * SPANS // (KILLS + 2))
                server.kill()
                server.start()
            sender.join()

            def distinct():
                spec = {"calculations": [{"op": "COUNT_DISTINCT", "column": "trace.span_id"}], "disable_series": True}
                rows = server.ask("query", name, spec)["rows"]
                return rows[0][0] if rows else 0

            wait_until("every span is there", lambda: distinct() == REQUESTS * SPANS, seconds=120)
            stored = server.count(name)
            again = stored - REQUESTS * SPANS
            # What was acknowledged and whose answer was lost is sent again: at most what was under way at each kill.
            if again > KILLS * 10_000:
                raise AssertionError(f"{again} spans of {stored} are there twice")
            return f"{REQUESTS * SPANS} spans, {KILLS} kills, none lost, {again} sent again by the Collector"
        finally:
            collector.terminate()
            collector.wait()
            server.stop()


def main(Server, wait_until, same):
    if not shutil.which("go"):
        print("SKIPPED  the Collector: there is no go")
        return []
    binary, failed = build(), []
    for exporter in ("otlp", "otlphttp"):
        try:
            print(f"ok       the Collector, {exporter}: {through(exporter, binary, Server, wait_until, same)}")
        except AssertionError as error:
            failed.append(f"collector {exporter}")
            print(f"FAILED   the Collector, {exporter}: {error}")
    return failed
