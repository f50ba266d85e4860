"""Beside OpenTelemetry: its current span is our parent, and we are the current span for what it starts below.

Costs nothing where the program does not use it: the module is looked up, never imported first.
"""

import sys

from .trace import Remote


def _api():
    return sys.modules.get("opentelemetry.trace")


def parent():
    """OpenTelemetry's current span, if there is one."""
    api = _api()
    if api is None:
        return None
    context = api.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    state = context.trace_state.to_header() if context.trace_state else None
    return Remote(context.trace_id, context.span_id, context.trace_flags.sampled, state)


def enter(unit):
    """Makes a unit, or one of another process, OpenTelemetry's current span. Give `leave` what this returns."""
    api, contexts = _api(), sys.modules.get("opentelemetry.context")
    if api is None or contexts is None:
        return None
    flags = api.TraceFlags(api.TraceFlags.SAMPLED if unit.kept else api.TraceFlags.DEFAULT)
    state = api.TraceState.from_header([unit.state]) if unit.state else None
    span = api.NonRecordingSpan(api.SpanContext(unit.trace_id, unit.span_id, False, flags, state))
    return contexts.attach(api.set_span_in_context(span))


def leave(token):
    if token is not None:
        sys.modules["opentelemetry.context"].detach(token)
