"""What DuckDB says of a file of events, and every mapping from its JSON functions to the meaning of events.

A field is taken out of each line by its path, with the type that the text of the line shows (json_type); nothing is cast to a
common type. Each mapping carries its sentence of the semantics.
"""
import datetime
import itertools
import math
import re

import duckdb

TIME_KEYS = ("timestamp", "@timestamp", "time", "_time")
RATE_KEYS = ("sample_rate", "samplerate", "SampleRate")
SAFE = 2**53 - 1

# "Types: boolean, integer, float, string. null is absent. Arrays and empty objects become JSON text", an object with members
# is flattened: it is no value of its own. "Integers outside 64 bits become strings of their digits": DuckDB calls them DOUBLE
# (beyond 64 bits) or UBIGINT, with all digits kept in their text.
KIND = """CASE json_type({json})
    WHEN 'BOOLEAN' THEN 'b'
    WHEN 'VARCHAR' THEN 's'
    WHEN 'ARRAY' THEN 's'
    WHEN 'OBJECT' THEN CASE WHEN {json}::VARCHAR = '{{}}' THEN 's' END
    WHEN 'NULL' THEN NULL
    WHEN 'DOUBLE' THEN CASE WHEN regexp_full_match({json}::VARCHAR, '-?[0-9]+') THEN 's' ELSE 'n' END
    WHEN 'UBIGINT' THEN CASE WHEN ({json}::VARCHAR)::HUGEINT > 9223372036854775807 THEN 's' ELSE 'n' END
    WHEN 'BIGINT' THEN 'n'
END"""
# A string is its characters; everything else is the JSON text, which for numbers and booleans is the value.
TEXT = "CASE json_type({json}) WHEN 'VARCHAR' THEN {json} ->> '$' ELSE {json}::VARCHAR END"


def quoted(name):
    return "'" + name.replace("'", "''") + "'"


def paths(name):
    """Every way a name with dots can lie in nested objects: `a.b` is the key "a.b" or the key "b" in the object "a"."""
    parts = name.split(".")
    for cuts in itertools.product((".", '"."'), repeat=len(parts) - 1):
        yield '$."' + "".join(part + cut for part, cut in zip(parts, (*cuts, ""))) + '"'


def by_path(path):
    return f"json_extract(line, {quoted(path)})"


def json_of(name, order):
    """The field's JSON in a line."""
    if name in order:
        # "Two paths to one name: the last in document order wins."
        flat, nested = (by_path(path) for path in paths(name))
        outer = name.split(".")[0]
        keys = "list_position(json_keys(line), {})"
        later = f"{keys.format(quoted(name))} > {keys.format(quoted(outer))}"
        return f"CASE WHEN {flat} IS NULL OR {nested} IS NULL THEN coalesce({flat}, {nested}) WHEN {later} THEN {flat} ELSE {nested} END"
    return "coalesce(" + ", ".join([by_path(path) for path in paths(name)] + ["NULL"]) + ")"


def first_of(keys):
    """The first of some top-level keys that has a value; null is absent."""
    told = " ".join(f"WHEN json_type({by_path(path(key))}) <> 'NULL' THEN {quoted(key)}" for key in keys)
    return f"CASE {told} END"


def path(key):
    return f'$."{key}"'


# "Numbers: |x| < 1e11 seconds, < 1e14 milliseconds, < 1e17 microseconds, else nanoseconds. RFC 3339; without an offset UTC.
# Outside 1970 to 2262 or unreadable: receive time", which is now. Whole microseconds are enough to compare whole seconds.
TIME = """CASE
    WHEN time_kind = 'n' THEN make_timestamp((CASE
        WHEN abs(time_text::DOUBLE) < 1e11 THEN floor(time_text::DOUBLE * 1000000)
        WHEN abs(time_text::DOUBLE) < 1e14 THEN floor(time_text::DOUBLE * 1000)
        WHEN abs(time_text::DOUBLE) < 1e17 THEN floor(time_text::DOUBLE)
        ELSE floor(time_text::DOUBLE / 1000) END)::BIGINT)
    WHEN time_kind = 's' THEN TRY_CAST(time_text AS TIMESTAMPTZ)::TIMESTAMP
END"""

# "Sample rate: integer 1 to 2^31-1; 0, negative or unreadable: 1." (Fractions are decided by a hash and not compared here.)
WEIGHT = """CASE WHEN rate_kind = 'n' AND rate_text::DOUBLE BETWEEN 1 AND 2147483647 THEN floor(rate_text::DOUBLE)::BIGINT ELSE 1 END"""


class Oracle:
    """One file as a table: weight, time, and of each field its kind (b, n, s or null) and text."""

    def __init__(self, file_path, file):
        self.db = duckdb.connect()
        self.db.execute("SET threads = 2")
        self.db.execute("SET TimeZone = 'UTC'")
        names = dict.fromkeys(file.groups + ([file.number] if file.number else []) + file.present + file.fields)
        self.columns = {name: f"f{at}" for at, name in enumerate(names)}
        self.db.execute("CREATE TABLE lines AS SELECT json AS line FROM read_json_objects(?, format = 'newline_delimited')", [str(file_path)])
        self.db.execute(
            f"""CREATE TABLE keyed AS SELECT line,
                {first_of(TIME_KEYS)} AS time_key, {first_of(RATE_KEYS)} AS rate_key FROM lines"""
        )
        told = ", ".join(self.column(name, column, file.order) for name, column in self.columns.items())
        self.db.execute(
            f"""CREATE TABLE told AS SELECT {self.pair(self.at_key('time_key', TIME_KEYS), 'time')},
                {self.pair(self.at_key('rate_key', RATE_KEYS), 'rate')}, {told} FROM keyed"""
        )
        self.db.execute(
            f"CREATE TABLE events AS SELECT *, {WEIGHT} AS weight, coalesce({TIME}, now()::TIMESTAMP) AS moment FROM told"
        )

    @staticmethod
    def at_key(column, keys):
        told = " ".join(f"WHEN {quoted(key)} THEN {by_path(path(key))}" for key in keys)
        return f"(CASE {column} {told} END)"

    @staticmethod
    def pair(json, name):
        return f"{KIND.format(json=json)} AS {name}_kind, {TEXT.format(json=json)} AS {name}_text"

    def column(self, name, column, order):
        json = f"({json_of(name, order)})"
        if name in TIME_KEYS or name in RATE_KEYS:
            # "The key used is consumed; the others stay ordinary fields."
            key = "time_key" if name in TIME_KEYS else "rate_key"
            json = f"(CASE WHEN {key} IS DISTINCT FROM {quoted(name)} THEN {json} END)"
        return self.pair(json, column)

    def rows(self, sql):
        return self.db.execute(sql).fetchall()

    def events(self):
        """(events, summed weights): "COUNT is weighted by sample_rate"; `usage_mode` switches that off."""
        return self.rows("SELECT count(*), sum(weight)::BIGINT FROM events")[0]

    def groups(self, names):
        """Typed key → weight. "A group's key is its typed value, numbers by value: 1, "1" and true are three groups; absent is
        the group null." DuckDB groups by type and text; texts of one number (1, 1.0) are put together here, exactly."""
        columns = [part for name in names for part in (f"{self.columns[name]}_kind", self.text(name))]
        sql = ", ".join(columns)
        found = {}
        for *parts, weight in self.rows(f"SELECT {sql}, sum(weight)::BIGINT FROM events GROUP BY ALL"):
            typed = tuple(typed_key(kind, text) for kind, text in zip(parts[::2], parts[1::2]))
            found[typed] = found.get(typed, 0) + weight
        return found

    def text(self, name):
        column = self.columns[name]
        return f"CASE WHEN {column}_kind IS NOT NULL THEN {column}_text END"

    def distinct(self, name):
        """Distinct typed values. "COUNT_DISTINCT is not weighted"; absent is no value."""
        return len([key for key in self.groups([name]) if key != (("absent",),)])

    def present(self, name):
        return self.rows(f"SELECT coalesce(sum(weight), 0)::BIGINT FROM events WHERE {self.columns[name]}_kind IS NOT NULL")[0][0]

    def least_greatest_sum(self, name):
        """"SUM, MIN, MAX use a field's numbers only; none: null (SUM: 0)." SUM is weighted, MIN and MAX are not. "SUM of integers
        is an integer, 128 bit inside, float if it leaves 64 bit": exact here while only integers were summed."""
        column = self.columns[name]
        texts = self.rows(f"SELECT {column}_text, sum(weight)::BIGINT FROM events WHERE {column}_kind = 'n' GROUP BY 1")
        values = [(parse(text), weight) for text, weight in texts]
        if not values:
            return [None, None, 0]
        if all(isinstance(value, int) for value, _ in values):
            total = sum(value * weight for value, weight in values)
            total = total if -(2**63) <= total < 2**63 else float(total)
        else:
            total = math.fsum(value * weight for value, weight in values)
        return [min(value for value, _ in values), max(value for value, _ in values), total]

    def where(self, sql):
        """The weight of the events that an SQL condition holds for; {field} stands for its columns."""
        for name, column in self.columns.items():
            number = f"(CASE WHEN {column}_kind = 'n' THEN TRY_CAST({column}_text AS DOUBLE) END)"
            sql = sql.replace("{" + name + "}_number", number).replace("{" + name + "}", column)
        return self.rows(f"SELECT coalesce(sum(weight), 0)::BIGINT FROM events WHERE {sql}")[0][0]

    def middle_second(self):
        """A second that about half of the events lie before, if the events bring times of their own."""
        found = self.rows("SELECT quantile_disc(moment, 0.5) FROM events WHERE time_kind IS NOT NULL")[0][0]
        return found.replace(microsecond=0).isoformat() + "Z" if found else None

    def halves(self, middle):
        """"start_time <= t < end_time"."""
        second = datetime.datetime.fromisoformat(middle[:-1])
        sql = "SELECT coalesce(sum(weight) FILTER (moment < ?), 0)::BIGINT, coalesce(sum(weight) FILTER (moment >= ?), 0)::BIGINT FROM events"
        return list(self.db.execute(sql, [second, second]).fetchone())

    def close(self):
        self.db.close()


def parse(text):
    """The number that a JSON text is. "-0.0 is 0"."""
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text) + 0.0


def typed_key(kind, text):
    if kind is None:
        return ("absent",)
    if kind == "b":
        return ("boolean", text == "true")
    if kind == "n":
        value = parse(text)
        # "Integers beyond ±(2^53−1) are JSON strings in answers": the answer cannot be told from a string of these digits.
        return ("string", str(value)) if isinstance(value, int) and abs(value) > SAFE else ("number", value)
    return ("string", text)


def key(value):
    """A key of an answer in the same shape; 1 and 1.0 are equal in Python too, True is kept apart."""
    if value is None:
        return ("absent",)
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, (int, float)):
        return ("number", value)
    return ("string", value)


def number(value):
    """A number of an answer: "integers beyond ±(2^53−1) are JSON strings"."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d+", value) else value


def same(ours, theirs):
    """Integers are equal; "float sums may differ in the last digits: tests compare to 1e-9 relative"."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours == theirs
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float) or isinstance(theirs, float):
        return None not in (ours, theirs) and math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12)
    return ours == theirs


def difference(ours, theirs):
    if isinstance(ours, dict):
        apart = sorted((key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)), key=str)
        first = "; ".join(f"{str(key)[:120]}: {ours.get(key)}, DuckDB {theirs.get(key)}" for key in apart[:3])
        return f"{len(apart)} of {len(ours.keys() | theirs.keys())} groups differ: {first}"
    return f"{ours}, DuckDB {theirs}"
