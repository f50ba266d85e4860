"""The generated twin of the recorded files: everything that an event may do, from a seed, without any file from elsewhere."""
import json
import random

from files import File

EVENTS = 4000
NOON = 1_790_856_000  # seconds since 1970, in October 2026


def file(seed):
    """What is asked of the twin. In the SQL {field}_kind is b, n, s or null, {field}_text its text, {field}_number the value of a number."""
    mixed = [
        # "A number literal meets numbers only, by exact value (1 = 1.0)."
        ([{"column": "mixed", "op": "=", "value": 1}], "{mixed}_number = 1"),
        # "A string literal meets the text form of every type"; the text form of an integral float is without `.0`.
        ([{"column": "mixed", "op": "=", "value": "1"}], "({mixed}_kind = 's' AND {mixed}_text = '1') OR ({mixed}_number = 1)"),
        ([{"column": "mixed", "op": "=", "value": "true"}], "{mixed}_kind IN ('b', 's') AND {mixed}_text = 'true'"),
        # "A boolean literal meets booleans only."
        ([{"column": "mixed", "op": "=", "value": True}], "{mixed}_kind = 'b' AND {mixed}_text = 'true'"),
        # "Every negative operator is the exact complement of its positive one: an absent field matches `!=`."
        ([{"column": "mixed", "op": "!=", "value": 1}], "NOT coalesce({mixed}_number = 1, false)"),
        ([{"column": "mixed", "op": "does-not-exist"}], "{mixed}_kind IS NULL"),
        # "For < <= > >= strings only, by bytes"; with a number literal numbers only.
        ([{"column": "mixed", "op": ">=", "value": "t"}], "{mixed}_kind = 's' AND {mixed}_text >= 't'"),
        ([{"column": "mixed", "op": "<", "value": 2}], "{mixed}_number < 2"),
        # "Contains meets the text form of every type": true, "true story".
        ([{"column": "mixed", "op": "contains", "value": "tru"}], "{mixed}_kind IN ('b', 's') AND contains({mixed}_text, 'tru')"),
        ([{"column": "mixed", "op": "in", "value": ["", "x"]}], "{mixed}_kind = 's' AND {mixed}_text IN ('', 'x')"),
        # "Large integers are not rounded": 2^53 + 1 is not 2^53.
        ([{"column": "big", "op": "=", "value": 2**53 + 1}], "{big}_kind = 'n' AND {big}_text = '9007199254740993'"),
        ([{"column": "list", "op": "contains", "value": "2"}], "{list}_kind = 's' AND contains({list}_text, '2')"),
    ]
    return File(
        f"twin_{seed}",
        "",
        ["mixed", "nested.a.b", "اسم"],
        "amount" if seed % 2 else "whole",
        ["list", "nested", "nested.a", "wide.17", "sample_rate_note", "_time", "big", "name with space", "twice.x"],
        mixed,
        order={"twice.x": True},
    )


def write(folder, seed):
    path = folder / f"twin_{seed}.ndjson"
    chance = random.Random(seed)
    with open(path, "w", encoding="utf-8") as out:
        for at in range(EVENTS):
            # Escaped and plain text must be the same value.
            line = json.dumps(event(chance, at), ensure_ascii=chance.random() < 0.5, separators=(",", ":"))
            out.write(line + "\n")
    return path


def event(chance, at):
    made = when(chance, at)
    optional = {
        "mixed": [0, 1, 1.0, 1.5, -3, "1", "true", "true story", True, False, "", "x", "1.0", None],
        "amount": [0, 1, 2, 3.0, 0.1, -0.0, 1e-7, -12345.678, 123456789, "12", "", True, None],
        "whole": [0, 7, -3, 2**40 + 1, "7", None],
        "big": [2**53, 2**53 + 1, -(2**63), 2**63 - 1, 123456789012345678901234567890, "9007199254740993"],
        "list": [[], [1, 2], ["a", {"b": [2]}], {}, [None, True], "[1,2]", None],
        "اسم": ["سلام", "שלום", "佐藤", "naïve", "tab\there", "quote\"d", "back\\slash", "👩‍👩‍👧", "\u0001"],
        "name with space": [1, "one"],
        "sample_rate_note": ["the rate is elsewhere"],
    }
    for name, values in optional.items():
        if chance.random() < 0.8:
            made[name] = chance.choice(values)
    made |= nested(chance)
    made |= rate(chance)
    for _ in range(chance.randrange(6)):
        # Three hundred fields of which an event has a few, each with its own mind about types.
        made[f"wide.{chance.randrange(300)}"] = chance.choice([at, str(at), at / 8, at % 2 == 0])
    entries = list(made.items())
    chance.shuffle(entries)
    return dict(entries)


def when(chance, at):
    """The time in every form that is read, under every key."""
    seconds = NOON + at * 3 + chance.randrange(50)
    stamp = f"2026-10-{1 + at % 28:02d}T{at % 24:02d}:{at % 60:02d}:07"
    value = chance.choice(
        [seconds, seconds * 1000 + 5, seconds * 10**6, seconds * 10**9, stamp + "Z", stamp + ".125Z", stamp + ".123456789Z", stamp + "+02:00", stamp]
    )
    made = {chance.choice(["timestamp", "@timestamp", "time", "_time"]): value}
    if chance.random() < 0.2:
        made.setdefault("_time", "second best")  # consumed only where no better key is there
        if list(made) == ["_time"]:
            made["_time"] = value
    return made


def nested(chance):
    """Objects and names with dots: the same field by different ways, and one that comes twice."""
    value = chance.choice([1, 2, "1", "two", False, None])
    made = chance.choice(
        [{}, {"nested": {"a": {"b": value, "c": [1]}}}, {"nested.a": {"b": value}}, {"nested.a.b": value}, {"nested": {"a.b": value}}, {"nested": {}}, {"nested": {"a": {}}}]
    )
    if chance.random() < 0.3:
        made = made | chance.choice([{"twice": {"x": 1}, "twice.x": "one"}, {"twice": {"x": 1}}, {"twice.x": "one"}])
    return made


def rate(chance):
    """Weights, and what is no weight."""
    if chance.random() < 0.5:
        return {}
    return {chance.choice(["sample_rate", "samplerate", "SampleRate"]): chance.choice([1, 2, 3, 10, 1000, 0, -4, "no", 5.0])}
