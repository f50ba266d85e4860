"""Brings the answers of three engines into one shape and says where they differ."""
import datetime
import math


def shape(question, engine, answer):
    """What must be equal in all engines; see `agree` in questions.json."""
    kind = question["agree"]
    keys = len(question["spec"].get("breakdowns", []))
    ours = engine == "Outcrop"
    rows = answer["rows"] if ours else answer
    if kind in ("series", "series buckets"):
        points = series(answer["series"]) if ours else {epoch(row[0]): row[1] for row in rows}
        return set(points) if kind == "series buckets" else {at: float(number) for at, number in points.items()}
    if kind == "heatmap":
        counted = [count for bucket in answer["heatmaps"][0]["counts"] for count in bucket] if ours else [row[2] for row in rows]
        return float(sum(float(count) for count in counted))
    if kind == "number of rows":
        return len(rows)
    if kind == "numbers in order":
        return [float(row[keys]) for row in rows]
    named = {tuple(str(key) for key in row[:keys]): row[keys] for row in rows}
    return set(named) if kind == "keys" else {key: float(number) for key, number in named.items()}


def series(found):
    """Bucket → number, of the only group; empty buckets are left out, as SQL does."""
    if not found["groups"]:
        return {}
    start, step = epoch(found["start"]), found["step_seconds"]
    numbers = next(iter(found["groups"][0]["values"].values()))
    return {start + at * step: number for at, number in enumerate(numbers) if number}


def epoch(time):
    if isinstance(time, str):
        time = datetime.datetime.fromisoformat(time.replace(" ", "T").replace("Z", ""))
    return int(time.replace(tzinfo=datetime.timezone.utc).timestamp())


def equal(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    return a == b


def difference(a, b):
    """One short sentence about two shapes that differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        apart = [key for key in a.keys() | b.keys() if not equal(a.get(key), b.get(key))]
        first = sorted(apart, key=str)[0]
        return f"{len(apart)} of {len(a.keys() | b.keys())} differ, first {first}: {a.get(first)} and {b.get(first)}"
    if isinstance(a, set) and isinstance(b, set):
        return f"{len(a - b)} only in the first, {len(b - a)} only in the second"
    return f"{str(a)[:90]} and {str(b)[:90]}"
