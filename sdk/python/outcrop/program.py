"""The program's side: begin to send, wait, end; what happens at exit and after a fork."""

import atexit
import os

from . import register, sender, settings, trace


def init(service, **said):
    """Begins to send what this program does, in the background. Settings are in docs/intent.md.

    Nothing is sent, and intents cost next to nothing, until this is called or if OUTCROP_DISABLED says so.
    """
    read = settings.read(service, said)
    shutdown()
    if not settings.disabled():
        _begin(read)


def _begin(read):
    sender.active = sender.Sender(read)
    sender.active.start()


def flush(seconds=5.0):
    """Waits until all units that have ended have arrived, or were dropped. False if it takes longer."""
    target = sender.active
    return True if target is None else target.flush(seconds)


def shutdown(seconds=None):
    """Sends what waits, for so many seconds at most, and stops. Happens by itself when the program ends."""
    target, sender.active = sender.active, None
    if target is not None:
        target.close(target.settings.exit_seconds_max if seconds is None else seconds)
        _last.clear()
        _last.update(target.stats())


# The numbers of the sender that was shut down last.
_last = {}


def stats():
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
