"""A unit of work: what it is meant to do, what was noted and expected below it, how it ended.

1. `begin` makes it the current unit, a child of the one that was.
2. `note` and `expect` find it from anywhere below.
3. `finish` closes it and hands it to the sender, which turns it into an event in its own thread.

Nothing here raises into the program or waits. Knows nothing of JSON or of sending.
"""

import time
from contextvars import ContextVar
from typing import Any, Mapping, Optional

from . import limits, opentelemetry, sender, trace, values

_current = ContextVar("outcrop_unit", default=None)


class Unit:
    """One unit of work, from its beginning until it is handed over."""

    __slots__ = (
        "intent",
        "above",
        "trace_id",
        "span_id",
        "parent_id",
        "kept",
        "state",
        "rate",
        "time_ns",
        "clock_ns",
        "duration_ns",
        "fields",
        "fields_left_out",
        "unmet",
        "checked",
        "failure",
        "token",
        "foreign",
    )

    def note(self, fields: Optional[Mapping[str, Any]] = None, /, **more: Any) -> None:
        """Adds fields to this unit's event. Names with dots are given as a mapping."""
        kept = self.fields
        if kept is None:
            _outside("notes_outside")
            return
        try:
            if fields:
                _note(self, kept, fields)
            if more:
                _note(self, kept, more)
        except Exception:
            _outside("internal_errors")

    def expect(self, name: str, condition: object) -> bool:
        """Says what must hold. Returns whether it does; what cannot say so does not."""
        holds = truth(condition)
        if self.fields is None:
            _outside("notes_outside")
            return holds
        try:
            name = expectation(name)
            if self.intent.expects:
                self.checked.add(name)
            if not holds and name not in self.unmet:
                self.unmet.append(name)
        except Exception:
            _outside("internal_errors")
        return holds


def _note(unit, kept, fields):
    for name, value in fields.items():
        if type(name) is not str:
            name = str(name)
        if value is None:
            kept.pop(name, None)
        elif name in kept or len(kept) < limits.FIELDS_MAX:
            kept[name] = values.plain(value)
        else:
            unit.fields_left_out += 1


def truth(condition):
    """Whether a condition holds. Some objects refuse to be asked."""
    try:
        return bool(condition)
    except Exception:
        return False


def expectation(name):
    """The name of an expectation as it can stand in a list."""
    return str(name).replace(";", ",")


class Nowhere:
    """The unit of a program that sends nothing."""

    def note(self, fields: Optional[Mapping[str, Any]] = None, /, **more: Any) -> None:
        """Goes nowhere."""

    def expect(self, name: str, condition: object) -> bool:
        """Says what must hold. Returns whether it does."""
        return truth(condition)


NOWHERE = Nowhere()


def begin(intent):
    """Begins a unit; None where nothing is sent."""
    target = sender.active
    if target is None:
        return None
    try:
        unit = Unit()
        above = _current.get()
        parent = opentelemetry.parent() or above
        unit.intent, unit.above = intent, above
        unit.span_id = trace.new_span_id()
        if parent is None:
            unit.trace_id, unit.parent_id, unit.state = trace.new_trace_id(), None, None
        else:
            unit.trace_id, unit.parent_id, unit.state = parent.trace_id, parent.span_id, parent.state
        unit.rate = intent.sample_rate or target.settings.sample_rate
        unit.kept = unit.rate <= 1 or trace.kept(unit.trace_id, unit.rate)
        unit.fields, unit.fields_left_out = {}, 0
        unit.unmet, unit.checked, unit.failure = [], set() if intent.expects else None, None
        unit.foreign = opentelemetry.enter(unit)
        unit.token = _current.set(unit)
        unit.time_ns, unit.clock_ns = time.time_ns(), time.perf_counter_ns()
        return unit
    except Exception:
        _outside("internal_errors")
        return None


def finish(unit, result=None, failure=None, returned=False):
    """Ends a unit by its result or its failure."""
    if unit is None or unit.fields is None:
        return
    unit.duration_ns = time.perf_counter_ns() - unit.clock_ns
    # From here on it takes nothing more: what runs longer than its unit cannot change an event on its way.
    fields, unit.fields = unit.fields, None
    try:
        _restore(unit)
        if failure is not None:
            unit.failure = Failure(failure)
        _judge(unit, result, returned)
        met = not unit.unmet
        if not met:
            unit.rate = 1
        target = sender.active
        if target is not None:
            if met and not unit.kept:
                target.sampled_out += 1
            else:
                target.put((unit, fields), _bytes(fields))
    except Exception:
        _outside("internal_errors")
    unit.above = unit.token = unit.foreign = None


def _restore(unit):
    try:
        _current.reset(unit.token)
    except ValueError:
        # It ends in another context than it began in, which has its own current unit.
        if _current.get() is unit:
            _current.set(unit.above)
    opentelemetry.leave(unit.foreign)


def _judge(unit, result, returned):
    """Adds what the end says to what was checked on the way."""
    intent, unmet = unit.intent, unit.unmet
    if returned and intent.ensures:
        for name, holds in intent.ensures.items():
            if name not in unmet and not _holds(holds, result):
                unmet.append(name)
    if intent.within_ns is not None and unit.duration_ns > intent.within_ns:
        unmet.append(intent.within)
    if unit.failure is not None:
        unmet.append("not cancelled" if unit.failure.cancelled else "no error")


def _holds(condition, result):
    try:
        return bool(condition(result))
    except Exception:
        return False


def _bytes(fields):
    """About as many bytes as the fields take."""
    total = 600
    for name, value in fields.items():
        total += 40 + len(name)
        if isinstance(value, str):
            total += len(value)
    return total


class Failure:
    """How a unit failed, in texts: an exception itself would keep everything below it alive."""

    __slots__ = ("cancelled", "kind", "message", "stack")

    def __init__(self, exception):
        # What is no Exception asks the program to stop: CancelledError, KeyboardInterrupt, SystemExit.
        kind = type(exception)
        self.cancelled = not isinstance(exception, Exception) or kind.__name__ == "CancelledError"
        self.kind = "cancelled" if self.cancelled else kind.__name__
        self.message = values.plain(_text(exception))
        self.stack = _stack(exception.__traceback__)


def _text(exception):
    try:
        return str(exception)
    except Exception:
        return "<unprintable>"


def _stack(traceback):
    """Where it came from. Reads no source files, which would cost milliseconds."""
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{code.co_filename}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return "\n".join(frames[-limits.STACK_FRAMES_MAX :])


def current() -> Optional[Unit]:
    """The nearest unit above, or None."""
    found = _current.get()
    return found if type(found) is Unit else None


def of(intent):
    """The nearest unit above that is of this intent."""
    found = current()
    while type(found) is Unit and found.intent is not intent:
        found = found.above
    return found if type(found) is Unit else None


def note(fields: Optional[Mapping[str, Any]] = None, /, **more: Any) -> None:
    """Adds fields to the event of the nearest unit above. Names with dots are given as a mapping; None removes a field."""
    unit = _current.get()
    if type(unit) is Unit:
        unit.note(fields, **more)
    else:
        _outside("notes_outside")


def expect(name: str, condition: object) -> bool:
    """Says what must hold in the nearest unit above. Returns whether it does; never raises."""
    unit = _current.get()
    if type(unit) is Unit:
        return unit.expect(name, condition)
    _outside("notes_outside")
    return truth(condition)


def traceparent() -> Optional[str]:
    """The W3C `traceparent` for a call to another service, or None outside of any unit."""
    above = _current.get()
    if above is None:
        return None
    return trace.traceparent(above.trace_id, above.span_id, above.kept)


def tracestate() -> Optional[str]:
    """The W3C `tracestate` for a call to another service: what came in, or None."""
    above = _current.get()
    return None if above is None else above.state


class continue_trace:  # noqa: N801 - it reads as a function: `with continue_trace(header):`
    """Units within belong to the trace that a `traceparent` names; to a new one if it names none."""

    def __init__(self, header: Optional[str], tracestate: Optional[str] = None) -> None:
        self._remote = trace.parse(header, tracestate)

    def __enter__(self) -> None:
        remote = self._remote
        self._foreign = opentelemetry.enter(remote) if remote else None
        self._token = _current.set(remote)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)
        opentelemetry.leave(self._foreign)


def _outside(counter):
    target = sender.active
    if target is not None:
        target.count(counter)
