"""Intents: what a unit of work is meant to do, declared in one line.

    @outcrop.intent("Place the order and charge once", within="2 s")
    def place_order(cart): ...

    with outcrop.intent("Charge the card"): ...

Declaring is the only thing of this package that raises: an intent that cannot be read is a mistake in the source.
"""

import functools
import inspect
import os
import re
import sys
from typing import Any, Callable, Iterable, Mapping, Optional, TypeVar, Union

from . import limits, register, unit

F = TypeVar("F", bound=Callable[..., Any])

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h)\s*")
_NANOSECONDS = {"ms": 1_000_000, "s": 1_000_000_000, "min": 60_000_000_000, "h": 3_600_000_000_000}

# Intents by the place that declares them: one that a function declares inline is made once, not in every call.
_declared = {}


class Intent:
    """What a unit of work is meant to do. Decorates functions, and is a context manager."""

    __slots__ = (
        "text",
        "name",
        "within",
        "within_ns",
        "expects",
        "ensures",
        "owner",
        "sample_rate",
        "function",
        "file",
        "line",
        "_said_name",
        "__weakref__",
    )

    def __init__(self, text, *, name, within, expects, ensures, owner, sample_rate, place):
        self.text = str(text)
        self._said_name = name
        self.name = str(name) if name else slug(self.text)
        self.within, self.within_ns = duration(within) if within is not None else (None, None)
        self.expects = tuple(map(unit.expectation, expects))
        self.ensures = {unit.expectation(name): holds for name, holds in (ensures or {}).items()}
        self.owner = owner
        self.sample_rate = sample_rate
        self.function, self.file, self.line = place

    def __call__(self, function: F) -> F:
        """The function, each call of it a unit of work."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"an intent is for functions and coroutine functions; in the generator {function.__qualname__} "
                "write `with outcrop.intent(…):` around what is one unit of work"
            )
        own = self._of(function)
        register.forget(self)
        register.declare(own)
        wrapper = _coroutine(own, function) if inspect.iscoroutinefunction(function) else _function(own, function)
        return functools.wraps(function)(wrapper)

    def _of(self, function):
        """The same intent, named and placed by a function."""
        name = self._said_name or f"{_module(function.__module__)}.{function.__qualname__.replace('<locals>.', '')}"
        code = getattr(inspect.unwrap(function), "__code__", None)
        place = (function.__qualname__, self.file, self.line)
        if code is not None:
            place = (function.__qualname__, _path(code.co_filename), code.co_firstlineno)
        return Intent(
            self.text,
            name=name,
            within=self.within and self.within.removeprefix("within "),
            expects=self.expects,
            ensures=self.ensures,
            owner=self.owner,
            sample_rate=self.sample_rate,
            place=place,
        )

    def __enter__(self) -> "unit.Unit | unit.Nowhere":
        return unit.begin(self) or unit.NOWHERE

    def __exit__(self, kind: object, failure: Optional[BaseException], traceback: object) -> None:
        unit.finish(unit.of(self), failure=failure)

    def expectations(self):
        """The names of everything that is expected, in order."""
        within = [self.within] if self.within else []
        return [*self.expects, *self.ensures, *within, "no error", "not cancelled"]


def _function(own, function):
    begin, finish = unit.begin, unit.finish

    def call(*args, **kwargs):
        begun = begin(own)
        try:
            result = function(*args, **kwargs)
        except BaseException as failure:
            finish(begun, failure=failure)
            raise
        finish(begun, result, None, True)
        return result

    return call


def _coroutine(own, function):
    begin, finish = unit.begin, unit.finish

    async def call(*args, **kwargs):
        begun = begin(own)
        try:
            result = await function(*args, **kwargs)
        except BaseException as failure:
            finish(begun, failure=failure)
            raise
        finish(begun, result, None, True)
        return result

    return call


def intent(
    text: str,
    *,
    name: Optional[str] = None,
    within: Optional[str] = None,
    expects: Union[str, Iterable[str]] = (),
    ensures: Optional[Mapping[str, Callable[[Any], object]]] = None,
    owner: Optional[str] = None,
    sample_rate: Optional[int] = None,
) -> Intent:
    """Declares what a unit of work is meant to do: as a decorator of a function, or in a `with` statement.

    - `within`: how long it may take: `"2 s"`, `"500 ms"`, `"1 min"`.
    - `expects`: names of the conditions that the code below checks with `expect`.
    - `ensures`: conditions on what a decorated function returns: `{"charged once": lambda order: order.charges == 1}`.
    - `name`: what it is called for good; else the function's name, else the text.
    """
    frame = sys._getframe(1)
    expects = (expects,) if isinstance(expects, str) else tuple(expects)
    key = (frame.f_code, frame.f_lineno, text, name, within, owner, sample_rate, expects)
    found = _declared.get(key) if not ensures else None
    if found is not None:
        return found
    code = frame.f_code
    function = None if code.co_name == "<module>" else getattr(code, "co_qualname", code.co_name)
    place = (function, _path(code.co_filename), frame.f_lineno)
    made = Intent(
        text,
        name=name,
        within=within,
        expects=expects,
        ensures=ensures,
        owner=owner,
        sample_rate=sample_rate,
        place=place,
    )
    if not ensures and len(_declared) < limits.INTENTS_MAX:
        _declared[key] = made
    register.declare(made)
    return made


def duration(text):
    """`within 2 s` and its nanoseconds, of "2 s", "2s" or "2.0 min"."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"within={text!r} is no duration; write a number and ms, s, min or h: \"2 s\"")
    return f"within {found[1]} {found[2]}", round(float(found[1]) * _NANOSECONDS[found[2]])


def slug(text):
    """A name of a text: letters and digits in lower case, one `_` for everything between."""
    words = "".join(c if c.isalnum() else " " for c in text.lower()).split()
    return "_".join(words)[: limits.SLUG_CHARACTERS_MAX] or "intent"


def _module(name):
    """The module as people know it: a program's main module by its file."""
    if name != "__main__":
        return name
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.splitext(os.path.basename(file))[0] if file else name


def _path(file):
    """The file relative to where the program runs, or to where Python found it."""
    absolute = os.path.abspath(file)
    for start in [os.getcwd(), *sys.path]:
        start = os.path.abspath(start) + os.sep
        if len(start) > 1 and absolute.startswith(start):
            return absolute[len(start) :].replace(os.sep, "/")
    return file
