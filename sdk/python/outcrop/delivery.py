"""One request to the store, and what its answer means. Knows nothing of threads, queues or what events say."""

import email.utils
import http.client
import json
import socket
import ssl
import time
import urllib.parse

from . import limits

# What is to be done about a request.
DELIVERED, SPLIT, REFUSED, AGAIN = "delivered", "split", "refused", "again"


class Verdict:
    """What became of a request."""

    __slots__ = ("kind", "accepted", "rejected", "wait_seconds", "maybe_stored", "is_broken", "why")

    def __init__(self, kind, accepted=0, rejected=0, wait_seconds=None, maybe_stored=False, is_broken=False, why=""):
        self.kind = kind
        self.accepted = accepted
        self.rejected = rejected
        self.wait_seconds = wait_seconds
        self.maybe_stored = maybe_stored
        # The connection broke before there was an answer.
        self.is_broken = is_broken
        self.why = why


class Door:
    """A connection to the store that is kept open."""

    def __init__(self, settings):
        url = urllib.parse.urlsplit(settings.url if "://" in settings.url else f"http://{settings.url}")
        self._secure, self._host, self._port = url.scheme == "https", url.hostname or "", url.port
        self._path = f"{url.path.rstrip('/')}/api/v1/events/{urllib.parse.quote(settings.dataset, safe='')}"
        self._headers = {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
            "User-Agent": "outcrop-python",
        }
        if settings.key:
            self._headers["Authorization"] = f"Bearer {settings.key}"
        self._connection = None

    def post(self, batch_id, body, seconds):
        """Sends a body once; a second time only if the connection that was kept open had gone."""
        reused = self._connection is not None
        verdict = self._post(batch_id, body, seconds)
        if reused and verdict.kind is AGAIN and verdict.is_broken:
            again = self._post(batch_id, body, seconds)
            again.maybe_stored |= again.kind is AGAIN and verdict.maybe_stored
            return again
        return verdict

    def _post(self, batch_id, body, seconds):
        sent = False
        try:
            connection = self._connected(seconds)
            sent = True
            connection.request("POST", self._path, body, {**self._headers, "X-Outcrop-Batch-Id": batch_id})
            answer = connection.getresponse()
            text = answer.read(limits.ANSWER_BYTES_MAX + 1)
            if answer.will_close or len(text) > limits.ANSWER_BYTES_MAX:
                self.close()
            return judge(answer.status, answer.headers.get("Retry-After"), text)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            broken = not isinstance(error, socket.timeout)
            return Verdict(AGAIN, maybe_stored=sent, is_broken=broken, why=f"{type(error).__name__}: {error}")

    def _connected(self, seconds):
        if self._connection is None:
            kind = http.client.HTTPConnection
            options = {}
            if self._secure:
                kind, options = http.client.HTTPSConnection, {"context": ssl.create_default_context()}
            connection = kind(self._host, self._port, timeout=seconds, **options)
            connection.connect()
            self._connection = connection
        self._connection.sock.settimeout(seconds)
        return self._connection

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def judge(status, retry_after, text):
    """What an answer means."""
    if status == 200:
        return _stored(text)
    why = f"{status} {_message(text)}"
    if status == 413:
        return Verdict(SPLIT, why=why)
    if status in (408, 429) or status >= 500:
        # A gateway that gave up waiting does not know what the store did.
        return Verdict(AGAIN, wait_seconds=_seconds(retry_after), maybe_stored=status in (408, 500, 502, 504), why=why)
    return Verdict(REFUSED, why=why)


def _stored(text):
    try:
        answer = json.loads(text)
        return Verdict(DELIVERED, accepted=int(answer["accepted"]), rejected=int(answer["rejected_total"]))
    except (ValueError, KeyError, TypeError):
        return Verdict(AGAIN, maybe_stored=True, why="an answer that is none of Outcrop's")


def _message(text):
    try:
        return str(json.loads(text)["error"]["message"])[:300]
    except (ValueError, KeyError, TypeError):
        return ""


def _seconds(retry_after):
    """Seconds that a server asks to wait, also by a date; None if it leaves that to us."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
    # Less is no wait: a server that says 0 for ever would be asked without a pause.
    return min(seconds, limits.RETRY_AFTER_SECONDS_MAX) if seconds >= limits.BACKOFF_SECONDS_MIN else None
