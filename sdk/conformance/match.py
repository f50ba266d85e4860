"""Whether events are those that a case expects: exactly their fields, values by pattern, ids by name."""
import re

TRACE, SPAN = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{16}")
NAMED = re.compile(r"<(trace|span)(?: (\w+))?>")
MANY = "<many>"


def difference(expected, arrived, language):
    """None if each expected event is one of those that arrived and the other way round; else what is wrong."""
    if len(expected) != len(arrived):
        names = [event.get("intent.name") for event in arrived]
        return f"{len(arrived)} events arrived, not {len(expected)}: {names}"
    return _assign(expected, list(arrived), {}, language)


def _assign(expected, arrived, bound, language):
    """Tries each event that is left for the first that is expected: names of ids must fit all the way."""
    if not expected:
        return None
    first, rest = expected[0], expected[1:]
    wrongs = []
    for at, event in enumerate(arrived):
        names = dict(bound)
        wrong = _wrong(first, event, names, language)
        wrong = wrong or _assign(rest, arrived[:at] + arrived[at + 1 :], names, language)
        if wrong is None:
            return None
        wrongs.append((event.get("intent.name") != first.get("intent.name"), wrong))
    return min(wrongs)[1]


def _wrong(expected, event, bound, language):
    event = dict(event)
    if MANY in expected:
        many = [name for name in event if re.fullmatch(r"n\.\d+", name)]
        if len(many) != expected[MANY]:
            return f"{len(many)} noted fields, not {expected[MANY]}"
        event = {name: value for name, value in event.items() if name not in many}
    for name, value in expected.items():
        if name == MANY:
            continue
        wrong = _value(value, event.pop(name, None), expected, bound, language)
        if wrong:
            return f"{expected.get('intent.name')}: {name} {wrong}"
    if event:
        return f"{expected.get('intent.name')}: has {event}, which nobody expected"
    return None


def _value(wanted, found, expected, bound, language):
    if isinstance(wanted, dict):
        return None if _number(found) and wanted["from"] <= found <= wanted["to"] else f"is {found!r}, not in {wanted}"
    if isinstance(wanted, str) and wanted.endswith("?>"):
        if found is None:
            return None
        wanted = wanted[:-2] + ">"
    if wanted == "<same as intent.name>":
        wanted = expected["intent.name"]
    named = NAMED.fullmatch(wanted) if isinstance(wanted, str) else None
    if named:
        form = TRACE if named[1] == "trace" else SPAN
        if not isinstance(found, str) or not form.fullmatch(found) or not int(found, 16):
            return f"is {found!r}, no {named[1]} id"
        if named[2] is None:
            return None
        known = bound.setdefault(named[0], found)
        taken = [name for name, value in bound.items() if value == found and name != named[0]]
        return None if known == found and not taken else f"is {found!r}, not {wanted}"
    fits = {
        "<time>": lambda: isinstance(found, str) and re.match(r"20\d\d-\d\d-\d\dT", found),
        "<number>": lambda: _number(found) and found >= 0,
        "<integer>": lambda: type(found) is int,
        "<text>": lambda: isinstance(found, str) and found != "",
        "<language>": lambda: found == language,
    }.get(wanted if isinstance(wanted, str) else None)
    if fits:
        return None if fits() else f"is {found!r}, no {wanted}"
    # A whole number may come as a float and the other way round; a boolean is no number.
    same = found == wanted and isinstance(found, bool) == isinstance(wanted, bool)
    return None if same else f"is {found!r}, not {wanted!r}"


def _number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)
