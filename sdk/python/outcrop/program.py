"""The program's side: begin to send, wait, end; what happens at exit and after a fork."""

import atexit
import os
from typing import Any, Callable, Dict, Mapping, Optional

from . import register, sender, settings, trace


def init(
    service: str,
    *,
    url: Optional[str] = None,
    key: Optional[str] = None,
    dataset: Optional[str] = None,
    version: Optional[str] = None,
    environment: Optional[str] = None,
    fields: Optional[Mapping[str, Any]] = None,
    sample_rate: Optional[int] = None,
    redact: Optional[Callable[[Dict[str, Any]], Optional[Dict[str, Any]]]] = None,
    queue_events_max: Optional[int] = None,
    queue_bytes_max: Optional[int] = None,
    batch_events_max: Optional[int] = None,
    batch_bytes_max: Optional[int] = None,
    flush_seconds: Optional[float] = None,
    request_seconds_max: Optional[float] = None,
    exit_seconds_max: Optional[float] = None,
) -> None:
    """Begins to send what this program does, in the background. docs/intent.md says what each setting means.

    Nothing is sent, and intents cost next to nothing, until this is called or if OUTCROP_DISABLED says so.
    """
    said = dict(locals())
    read = settings.read(said.pop("service"), said)
    shutdown()
    if not settings.disabled():
        _begin(read)


def _begin(read):
    sender.active = sender.Sender(read)
    sender.active.start()


def flush(seconds: float = 5.0) -> bool:
    """Waits until all units that have ended have arrived, or were dropped. False if it takes longer."""
    target = sender.active
    return True if target is None else target.flush(seconds)


def shutdown(seconds: Optional[float] = None) -> None:
    """Sends what waits, for so many seconds at most, and stops. Happens by itself when the program ends."""
    target, sender.active = sender.active, None
    if target is not None:
        target.close(target.settings.exit_seconds_max if seconds is None else seconds)
        _last.clear()
        _last.update(target.stats())


# The numbers of the sender that was shut down last.
_last = {}


def stats() -> Dict[str, Any]:
    """Numbers since `init`: events accepted, queued, dropped and why."""
    target = sender.active
    return dict(_last) if target is None else target.stats()


def _after_fork():
    """Threads do not survive a fork. The child has a queue of its own; what its parent had queued is its parent's."""
    trace.reseed()
    register.unlock()
    if sender.active is not None:
        _begin(sender.active.settings)


atexit.register(shutdown)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
