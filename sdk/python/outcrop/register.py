"""The intents that this program declares. The sender announces each of them once."""

import threading
import time

from . import limits

_lock = threading.RLock()
# (name, file, line) → (intent, when it was declared by two clocks)
_intents = {}


def _key(intent):
    return (intent.name, intent.file, intent.line)


def declare(intent):
    with _lock:
        if len(_intents) < limits.INTENTS_MAX:
            _intents.setdefault(_key(intent), (intent, time.time_ns(), time.monotonic()))


def forget(intent):
    """It turned out to be the decorator of a function, whose own intent is declared instead."""
    with _lock:
        if _intents.get(_key(intent), (None,))[0] is intent:
            del _intents[_key(intent)]


def declared(settled_seconds):
    """Every intent that was declared so long ago that it is no decorator about to be applied: (key, intent, time)."""
    before = time.monotonic() - settled_seconds
    with _lock:
        return [(key, intent, at) for key, (intent, at, clock) in _intents.items() if clock <= before]


def unlock():
    """After a fork: whoever held the lock is not in this process."""
    global _lock
    _lock = threading.RLock()
