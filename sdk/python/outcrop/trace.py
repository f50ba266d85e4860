"""Trace ids: W3C `traceparent` in and out, and which traces are kept. Knows nothing of events."""

import os
import random
import re

from . import limits

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_BITS = 56

# Ids need not be secret, only different; the system's own source costs ten times as much.
_random = random.Random(os.urandom(32))


def reseed():
    """After a fork: the child must not make the ids of its parent."""
    _random.seed(os.urandom(32))


def new_trace_id():
    return _random.getrandbits(128) or 1


def new_span_id():
    return _random.getrandbits(64) or 1


def kept(trace_id, rate):
    """Whether a trace is one of the `1 / rate` that are kept: the same in every service with the same rate."""
    if rate <= 1:
        return True
    return trace_id & ((1 << _BITS) - 1) >= (1 << _BITS) - (1 << _BITS) // rate


class Remote:
    """The unit of another process that ours belong to."""

    __slots__ = ("trace_id", "span_id", "kept", "state")

    def __init__(self, trace_id, span_id, kept, state=None):
        self.trace_id = trace_id
        self.span_id = span_id
        self.kept = kept
        self.state = state


def parse(header, tracestate=None):
    """The remote parent that a `traceparent` names, or None if it names none."""
    found = _PARENT.fullmatch(header.strip()) if isinstance(header, str) else None
    if not found or found[1] == "ff" or (found[1] == "00" and found[5]):
        return None
    trace_id, span_id = int(found[2], 16), int(found[3], 16)
    return Remote(trace_id, span_id, bool(int(found[4], 16) & 1), state(tracestate)) if trace_id and span_id else None


def state(header):
    """What others said of the trace, as it goes on to whoever is called; None for what cannot stand in a header."""
    if not isinstance(header, str):
        return None
    header = header.replace("\t", " ").strip(" ")
    if not header.isascii() or not header.isprintable():
        return None
    if len(header) > limits.STATE_CHARACTERS_MAX:
        header = header[: limits.STATE_CHARACTERS_MAX + 1].rpartition(",")[0]
    return header or None


def traceparent(trace_id, span_id, is_kept):
    return f"00-{trace_id:032x}-{span_id:016x}-{'01' if is_kept else '00'}"
