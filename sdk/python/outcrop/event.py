"""Events: what docs/intent.md says of a unit of work, of a declared intent and of dropped events, as plain fields."""

import json
import time

from . import values


def of_unit(unit, fields, constants):
    """A unit of work. What the code noted goes over the constants and under what the SDK measured."""
    event = dict(constants)
    for name, value in fields.items():
        event[values.name(name)] = json.loads(value) if type(value) is values.Json else value
    intent = unit.intent
    event.update(_declaration(intent))
    event["name"] = intent.name
    event["timestamp"] = unit.time_ns
    event["duration_ms"] = unit.duration_ns / 1_000_000
    event["sample_rate"] = unit.rate
    event["trace.trace_id"] = f"{unit.trace_id:032x}"
    event["trace.span_id"] = f"{unit.span_id:016x}"
    event["trace.parent_id"] = None if unit.parent_id is None else f"{unit.parent_id:016x}"
    event["intent.met"] = not unit.unmet
    event["intent.unmet"] = "; ".join(unit.unmet) or None
    event["intent.unchecked"] = _unchecked(unit)
    event["telemetry.fields_dropped"] = unit.fields_left_out or None
    failure = unit.failure
    event["error"] = failure is not None
    event["error.type"] = failure.kind if failure else None
    event["exception.message"] = (failure.message or None) if failure else None
    event["exception.stacktrace"] = (failure.stack or None) if failure else None
    return event


def _unchecked(unit):
    if not unit.intent.expects:
        return None
    return "; ".join(name for name in unit.intent.expects if name not in unit.checked) or None


def _declaration(intent):
    return {
        "intent.name": intent.name,
        "intent.text": intent.text,
        "intent.owner": intent.owner,
        "code.function.name": intent.function,
        "code.file.path": intent.file,
        "code.line.number": intent.line,
    }


def of_intent(intent, time_ns, constants):
    """A declared intent, exercised or not."""
    return {
        **constants,
        **_declaration(intent),
        "name": "intent.declared",
        "timestamp": time_ns,
        "sample_rate": 1,
        "intent.declared": True,
        "intent.expectations": "; ".join(intent.expectations()),
    }


def of_dropped(count, reason, constants):
    """Events that never arrived."""
    return {
        **constants,
        "name": "events.dropped",
        "timestamp": time.time_ns(),
        "sample_rate": 1,
        "dropped.events": count,
        "dropped.reason": reason,
    }
