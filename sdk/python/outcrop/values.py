"""What a program notes, as JSON can hold it. Knows nothing of units or of sending."""

import datetime
import enum
import json

from . import limits

_PLAIN = frozenset((bool, int, float))


class Json(str):
    """The JSON text of an object or a list as it was when it was noted."""

    __slots__ = ()


def plain(value):
    """The value as it is now, of types that JSON has. Never raises."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is str:
        return value if len(value) <= limits.TEXT_CHARACTERS_MAX else value[: limits.TEXT_CHARACTERS_MAX]
    try:
        return _converted(value)
    except Exception:
        return "<unprintable>"


def _converted(value):
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return _snapshot(value)
    if isinstance(value, (bytes, bytearray)):
        return plain(bytes(value[: limits.TEXT_CHARACTERS_MAX]).decode("utf-8", "replace"))
    if isinstance(value, bool):
        return bool(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return plain(str(value))


def _snapshot(value):
    """Containers change after they are noted: what is kept is their text."""
    try:
        text = json.dumps(_member(value), ensure_ascii=False, default=_member)
    except (TypeError, ValueError, RecursionError):
        return plain(str(value))
    return Json(text) if len(text) <= limits.TEXT_CHARACTERS_MAX else text[: limits.TEXT_CHARACTERS_MAX]


def _member(value):
    """A value within a container, where JSON has no such type."""
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return value if isinstance(value, (dict, list, tuple)) else _converted(value)


def name(text):
    """A field's name as the store takes it: no control characters, not empty, not too long."""
    text = str(text)
    if not text.isprintable():
        text = "".join("_" if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in text)
    if len(text) * 4 > limits.NAME_BYTES_MAX:
        encoded = text.encode("utf-8", "replace")
        text = encoded[: limits.NAME_BYTES_MAX].decode("utf-8", "ignore")
    return text or "_"


def encode(event):
    """The event as one line of JSON. Half of a surrogate pair, which JSON cannot have, becomes U+FFFD."""
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("utf-8")
