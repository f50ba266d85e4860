"""The door between an SDK and the store: passes requests on, or does to them what weather does."""
import email.utils
import gzip
import http.client
import http.server
import re
import socket
import struct
import threading
import time


class Door:
    """Listens on a port of its own; does what each line of the script says with one request, the last line for ever."""

    def __init__(self, script, backend, kill_after=None):
        self.script = list(script)
        self.backend = backend
        self.kill_after = kill_after
        self.requests = []
        self.over = threading.Event()
        self.lock = threading.Lock()
        door = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                door.serve(self)

            def log_message(self, *_):
                """Says nothing."""

        refusing = re.fullmatch(r"refuse(?: for ([\d.]+))?", self.script[0])
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.server.server_bind()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        if refusing:
            self.script.pop(0)
        wait = None if not refusing else float(refusing[1] or 1e9)
        threading.Thread(target=self._open, args=(wait,), daemon=True).start()
        if not refusing:
            self._until_open()

    def _open(self, wait):
        # A port that is bound and not listening refuses.
        if wait is not None and self.over.wait(wait):
            return
        self.server.server_activate()
        self.server.serve_forever(poll_interval=0.05)

    def _until_open(self):
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.server.server_port), 1).close()
                return
            except OSError:
                time.sleep(0.01)
        raise SystemExit("the door does not open")

    def close(self):
        self.over.set()
        self.server.socket.close()

    def serve(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        with self.lock:
            action = self.script[0] if len(self.script) == 1 else self.script.pop(0)
            self.requests.append((time.monotonic(), handler.headers.get("X-Outcrop-Batch-Id"), handler.headers.get("Content-Encoding")))
            number = len(self.requests)
        word, *rest = action.split()
        getattr(self, f"_{word}")(handler, body, *rest)
        if number == self.kill_after:
            threading.Thread(target=self.backend.kill_and_restart, daemon=True).start()

    def _pass(self, handler, body):
        try:
            self._reply(handler, *self.backend.forward(handler.path, handler.headers, body))
        except (OSError, http.client.HTTPException):
            self._reset(handler, body)

    def _slow_ms(self, handler, body, milliseconds):
        self.over.wait(int(milliseconds) / 1000)
        self._pass(handler, body)

    def _lose(self, handler, body):
        self.backend.forward(handler.path, handler.headers, body)
        self._reset(handler, body)

    def _reset(self, handler, _body):
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True

    def _hang(self, handler, _body):
        self.over.wait(30)
        handler.close_connection = True

    def _garbage(self, handler, _body):
        handler.wfile.write(b"\x00\xff\x13SMTP ready when you are\r\n\r\n" + bytes(range(256)))
        handler.close_connection = True

    def _html(self, handler, _body):
        self._reply(handler, 200, {"Content-Type": "text/html"}, b"<html>Please sign in to this network</html>")

    def _answer(self, handler, _body, status, form=None, seconds=None):
        if form == "retry_after_date":
            seconds = email.utils.formatdate(time.time() + float(seconds), usegmt=True)
        headers = {} if seconds is None else {"Retry-After": seconds}
        if status == "302":
            headers["Location"] = f"{self.url}/elsewhere"
        self._reply(handler, int(status), headers, b'{"error":{"code":"weather","message":"as the case says"}}')

    def _events_max(self, handler, body, most):
        if len(gzip.decompress(body).splitlines()) > int(most):
            self._answer(handler, body, "413")
        else:
            self._pass(handler, body)

    @staticmethod
    def _reply(handler, status, headers, body):
        try:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            handler.close_connection = True
