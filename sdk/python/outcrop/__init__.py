"""Outcrop: declare what your code is meant to do, and see whether it does.

    import outcrop

    outcrop.init("checkout")

    @outcrop.intent("Place the order and charge once", within="2 s")
    def place_order(cart):
        outcrop.note({"cart.item_count": len(cart)})
        charges = 1
        outcrop.expect("charged once", charges == 1)
        return charges

In reading order: `intent` declares, `unit` is one piece of work, `values` is what it may note, `trace` and
`opentelemetry` are its place among others, `event` is what it becomes, `sender` and `delivery` bring it to the store,
`register` knows what is declared, `program` begins and ends, `settings` and `limits` say how and how much.
"""

from .intent import Intent, intent
from .program import flush, init, shutdown, stats
from .settings import VERSION as __version__
from .unit import continue_trace, current, expect, note, traceparent, tracestate

__all__ = [
    "Intent",
    "__version__",
    "continue_trace",
    "current",
    "expect",
    "flush",
    "init",
    "intent",
    "note",
    "shutdown",
    "stats",
    "traceparent",
    "tracestate",
]
