"""The sender: takes events from any thread without waiting, and brings them to the store in a thread of its own.

1. `put` queues an event, or counts it as dropped where the queue is full.
2. The thread takes what waits, a batch at a time, makes JSON of it, and compresses it.
3. It sends the batch with an id of its own until the store has answered, and waits between tries as the store asks.
4. `flush` waits for what was queued before it; `close` does too, for as long as the program grants.

A signal handler may run units at any instant, so that what `put` takes is re-entrant and what it wakes is atomic.
"""

import collections
import gzip
import logging
import os
import random
import threading
import time

from . import event, limits, register, values
from .delivery import AGAIN, DELIVERED, SPLIT, Door
from .settings import constants

log = logging.getLogger("outcrop")

# The sender of this process, once `init` has made one.
active = None

# Seconds after which a declared intent is surely not the decorator of a function that is about to be applied.
_SETTLED_SECONDS = 1.0


class Sender:
    """A queue with a bound, and the thread that empties it."""

    def __init__(self, settings):
        self.settings = settings
        self.sampled_out = 0
        self._constants = constants(settings)
        self._lock = threading.RLock()
        self._wake = threading.Lock()
        self._wake.acquire()
        self._done = threading.Condition(self._lock)
        self._queue = collections.deque()
        self._queued_bytes = 0
        # Events that were ever queued, and those of them that arrived or were dropped.
        self._put_total = self._done_total = 0
        self._counters = collections.Counter()
        self._dropped = collections.Counter()
        self._reported = collections.Counter()
        self._announced = set()
        self._announce_after = 0.0
        self._closing = threading.Event()
        self._close_at = None
        self._closed = False
        self._warned = (-limits.WARNING_SECONDS, 0)
        self._last_why = ""
        self._random = random.Random(os.urandom(16))
        self._thread = threading.Thread(target=self._run, name="outcrop", daemon=True)

    def start(self):
        self._thread.start()

    def put(self, item, size):
        """Queues a unit and its fields, of about so many bytes. Never waits for anything but another `put`."""
        settings = self.settings
        with self._lock:
            waiting = len(self._queue)
            if self._closed:
                self._dropped["exit"] += 1
                return
            if waiting >= settings.queue_events_max or self._queued_bytes + size > settings.queue_bytes_max:
                self._dropped["queue full"] += 1
                return
            self._queue.append((item, size))
            self._queued_bytes += size
            self._put_total += 1
        if waiting + 1 >= settings.batch_events_max or self._queued_bytes >= settings.batch_bytes_max:
            self._wake_up()

    def count(self, counter):
        self._counters[counter] += 1

    def stats(self):
        """Numbers of this process since `init`."""
        with self._lock:
            return {
                "queued": len(self._queue),
                "queued_bytes": self._queued_bytes,
                "accepted": self._counters["accepted"],
                "retries": self._counters["retries"],
                "sampled_out": self.sampled_out,
                "notes_outside": self._counters["notes_outside"],
                "internal_errors": self._counters["internal_errors"],
                "dropped": sum(self._dropped.values()),
                "dropped_by_reason": dict(self._dropped),
            }

    def flush(self, seconds):
        """Waits until everything queued so far has arrived or was dropped. False if that takes longer."""
        with self._done:
            target = self._put_total
            self._wake_up()
            return self._done.wait_for(lambda: self._closed or self._done_total >= target, seconds) and not self._closed

    def close(self, seconds):
        """Sends what waits, for so many seconds at most, and ends."""
        self._close_at = time.monotonic() + seconds
        self._closing.set()
        self._wake_up()
        if self._thread.is_alive():
            self._thread.join(seconds)
        with self._done:
            # What the thread still has in hand is counted here, and no longer there.
            self._settle(self._put_total - self._done_total, "exit")
            self._closed = True
            self._queue.clear()
            self._queued_bytes = 0
            self._done.notify_all()
        self._warn(final=True)

    def _wake_up(self):
        try:
            self._wake.release()
        except RuntimeError:
            pass  # It is awake already.

    def _run(self):
        door = Door(self.settings)
        while True:
            closing = self._close_at is not None
            try:
                self._announce(door, 0.0 if closing else _SETTLED_SECONDS)
                while self._queue and self._granted():
                    lines = self._take()
                    self._deliver(door, lines, len(lines))
                self._warn()
            except Exception:  # The host's own logging may fail; nothing of ours may end the thread.
                self.count("internal_errors")
            if closing:
                door.close()
                return
            self._wake.acquire(timeout=self.settings.flush_seconds)

    def _granted(self):
        return self._close_at is None or time.monotonic() < self._close_at

    def _announce(self, door, settled_seconds):
        """Sends what is declared and was not announced yet."""
        if time.monotonic() < self._announce_after:
            return
        new = [found for found in register.declared(settled_seconds) if found[0] not in self._announced]
        most = self.settings.batch_events_max
        for start in range(0, len(new), most):
            part = new[start : start + most]
            lines = [self._line(event.of_intent(intent, at, self._constants))[0] for _, intent, at in part]
            if not self._deliver(door, [line for line in lines if line], 0):
                self._announce_after = time.monotonic() + limits.WARNING_SECONDS
                return
            self._announced.update(key for key, _, _ in part)

    def _take(self):
        """The next batch as lines; nothing if nothing of what waits may leave."""
        settings, lines, size = self.settings, [], 0
        while len(lines) < settings.batch_events_max and size < settings.batch_bytes_max:
            with self._lock:
                if not self._queue:
                    break
                (unit, fields), bytes_about = self._queue.popleft()
                self._queued_bytes -= bytes_about
            line, reason = self._line(event.of_unit(unit, fields, self._constants))
            if line is None:
                self._settle(1, reason)
            else:
                lines.append(line)
                size += len(line)
            # Hands the interpreter to whoever waits for it: otherwise they would wait for a whole batch.
            time.sleep(0)
        return lines

    def _line(self, fields):
        """The event as the program lets it out, in JSON; or nothing, and the reason if that is a loss."""
        redact = self.settings.redact
        if redact is not None:
            try:
                fields = redact(fields)
            except Exception:
                return None, "redaction"
            if fields is None:
                return None, None
        try:
            return values.encode({name: value for name, value in fields.items() if value is not None}), None
        except Exception:
            return None, "unreadable"

    def _deliver(self, door, lines, units):
        """Sends a batch until its fate is known. True if it arrived."""
        if not lines:
            return True
        reports = self._reports() if units else {}
        head = [line for line in map(self._report, reports.items()) if line]
        verdict, reason = self._until_answered(door, [*head, *lines])
        if verdict is not None and verdict.kind is SPLIT and len(lines) > 1:
            half = len(lines) // 2
            first = self._deliver(door, lines[:half], units and half)
            return self._deliver(door, lines[half:], units and len(lines) - half) and first
        if verdict is None or verdict.kind is not DELIVERED:
            self._settle(units, reason)
            return False
        self._reported.update(reports)
        self._counters["accepted"] += verdict.accepted
        self._settle(units, "rejected", lost=verdict.rejected)
        return True

    def _until_answered(self, door, lines):
        """The verdict on a request, or None if it had none in time, and the reason to drop it if it is none to keep."""
        body = gzip.compress(b"\n".join(lines), 1, mtime=0)
        batch_id = f"{self._random.getrandbits(128):032x}"
        unconfirmed_since, tries = None, 0
        while True:
            began = time.monotonic()
            if self._close_at is not None and began >= self._close_at:
                return None, "exit"
            verdict = door.post(batch_id, body, self._request_seconds(began))
            if verdict.kind is not AGAIN:
                return verdict, "too large" if verdict.kind is SPLIT else "refused"
            self._counters["retries"] += 1
            self._last_why = verdict.why
            if verdict.maybe_stored and unconfirmed_since is None:
                unconfirmed_since = began
            wait = verdict.wait_seconds if verdict.wait_seconds is not None else self._backoff(tries)
            tries += 1
            known_until = (unconfirmed_since or float("inf")) + limits.UNCONFIRMED_SECONDS_MAX
            if time.monotonic() + wait >= known_until:
                return None, "unconfirmed"
            if not self._rest(wait):
                return None, "exit"

    def _request_seconds(self, now):
        seconds = self.settings.request_seconds_max
        return seconds if self._close_at is None else max(0.01, min(seconds, self._close_at - now))

    def _backoff(self, tries):
        longest = min(limits.BACKOFF_SECONDS_MAX, limits.BACKOFF_SECONDS_MIN * 2 ** min(tries, 20))
        return longest * self._random.uniform(0.5, 1.0)

    def _rest(self, seconds):
        """Waits between two tries. False if the program ends before that."""
        until = time.monotonic() + seconds
        if not self._closing.wait(seconds):
            return True
        if until >= self._close_at:
            return False
        time.sleep(max(0.0, until - time.monotonic()))
        return True

    def _reports(self):
        """How many events were dropped since that was last said, by reason."""
        with self._lock:
            return {reason: n - self._reported[reason] for reason, n in self._dropped.items() if n > self._reported[reason]}

    def _report(self, report):
        reason, count = report
        return self._line(event.of_dropped(count, reason, self._constants))[0]

    def _settle(self, events, reason=None, lost=None):
        """So many events are done with; they, or so many of them, are lost if there is a reason."""
        with self._done:
            if self._closed:
                return
            self._done_total += events
            if reason is not None and (events if lost is None else lost) > 0:
                self._dropped[reason] += events if lost is None else lost
            self._done.notify_all()

    def _warn(self, final=False):
        """Tells the program's log that events were dropped: once a minute at most."""
        dropped = sum(self._dropped.values())
        at, before = self._warned
        now = time.monotonic()
        if dropped > before and (final or now - at >= limits.WARNING_SECONDS):
            self._warned = (now, dropped)
            log.warning("%d events were dropped so far: %s; %s", dropped, dict(self._dropped), self._last_why)
