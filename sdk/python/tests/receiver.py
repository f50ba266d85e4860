"""A store for the tests that need none: keeps the events of every request."""
import gzip
import http.server
import json
import threading


class Receiver:
    def __init__(self):
        self.events = []
        self.arrived = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                lines = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"]))).splitlines()
                with receiver.arrived:
                    receiver.events += map(json.loads, lines)
                    receiver.arrived.notify_all()
                answer = json.dumps({"accepted": len(lines), "rejected": [], "rejected_total": 0}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                """Says nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def units(self):
        with self.arrived:
            return {event["name"]: event for event in self.events if "intent.met" in event}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
