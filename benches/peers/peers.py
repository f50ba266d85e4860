"""The two peers: the same events in DuckDB's own table and in a ClickHouse MergeTree, and their answers in one shape."""
import json
import pathlib
import shutil
import time

import make_events

NULLABLE = ("trace.parent_id", "error.message")
CLICKHOUSE = {"VARCHAR": "String", "INTEGER": "Int32", "BIGINT": "Int64", "DOUBLE": "Float64", "BOOLEAN": "Bool"}


def columns():
    """(field, DuckDB type, may be absent); the time is the first, as text."""
    kinds = make_events.types()
    sparse = set(make_events.sparse_fields(make_events.Chance(1)))
    return [(name, kind, name in sparse or name in NULLABLE) for name, kind in kinds.items()]


class DuckDb:
    name = "DuckDB"

    def __init__(self, work, threads):
        import duckdb

        self.version = duckdb.__version__
        self.file, self.parquet = work / "duckdb.db", work / "duckdb.parquet"
        self.db = duckdb.connect(str(self.file))
        self.db.execute(f"SET threads = {threads}")
        self.db.execute("SET TimeZone = 'UTC'")

    def has(self, rows):
        there = self.db.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'ev'").fetchone()[0]
        return there and self.db.execute("SELECT count(*) FROM ev").fetchone()[0] == rows

    def _read(self, events):
        kinds = ", ".join(f"'{name}': '{'TIMESTAMP' if name == 'timestamp' else kind}'" for name, kind, _ in columns())
        return f"SELECT timestamp AS ts, * EXCLUDE (timestamp) FROM read_json('{events}', format = 'newline_delimited', columns = {{{kinds}}})"

    def load(self, events):
        """Seconds by way of loading."""
        self.db.execute("DROP TABLE IF EXISTS ev")
        begun = time.perf_counter()
        self.db.execute(f"CREATE TABLE ev AS {self._read(events)}")
        self.db.execute("CHECKPOINT")
        table = time.perf_counter() - begun
        begun = time.perf_counter()
        self.db.execute(f"COPY ({self._read(events)}) TO '{self.parquet}' (FORMAT parquet, COMPRESSION zstd)")
        return {"DuckDB, its table": table, "DuckDB, Parquet": time.perf_counter() - begun}

    def sizes(self):
        sizes = {"DuckDB, its table": self.file.stat().st_size}
        if self.parquet.exists():
            sizes["DuckDB, Parquet"] = self.parquet.stat().st_size
        return sizes

    def pick(self, rows):
        """A trace and a shipper of middling frequency."""
        trace = self.db.execute('SELECT "trace.trace_id" FROM ev ORDER BY ts LIMIT 1 OFFSET ?', [rows // 2]).fetchone()[0]
        wanted = max(5, rows // 5000)
        shipper = self.db.execute(
            'SELECT "shipper.id" FROM ev GROUP BY 1 ORDER BY abs(count(*) - ?), 1 LIMIT 1', [wanted]
        ).fetchone()[0]
        return {"trace": trace, "shipper": shipper}

    def ask(self, question, fills):
        begun = time.perf_counter()
        rows = self.db.execute(fill(question["duckdb"], fills)).fetchall()
        return time.perf_counter() - begun, rows

    def close(self):
        self.db.close()


class ClickHouse:
    name = "ClickHouse"

    def __init__(self, work, threads):
        import chdb
        from chdb import session

        self.version = chdb.__version__
        self.dir = work / "clickhouse"
        self.session = session.Session(str(self.dir))
        self.settings = f"max_threads = {threads}"

    def _query(self, sql, form="JSONCompact"):
        return self.session.query(sql, form).bytes()

    def _number(self, sql):
        return float(json.loads(self._query(sql))["data"][0][0])

    def has(self, rows):
        try:
            return self._number("SELECT count() FROM peers.ev") == rows
        except Exception:  # chdb has one error type for everything, "no such table" too
            return False

    def load(self, events):
        kinds = []
        for name, kind, absent in columns():
            type_ = "DateTime64(6, 'UTC')" if name == "timestamp" else CLICKHOUSE[kind]
            kinds.append((name, f"Nullable({type_})" if absent else type_))
        shape = ", ".join(f"`{name}` {kind}" for name, kind in kinds)
        self._query("CREATE DATABASE IF NOT EXISTS peers")
        self._query("DROP TABLE IF EXISTS peers.ev SYNC")
        table = shape.replace("`timestamp`", "`ts`", 1)
        self._query(f"CREATE TABLE peers.ev ({table}) ENGINE = MergeTree ORDER BY ts")
        structure = shape.replace("'", "''")
        begun = time.perf_counter()
        self._query(
            f"INSERT INTO peers.ev SELECT * FROM file('{events}', 'JSONEachRow', '{structure}') "
            f"SETTINGS date_time_input_format = 'best_effort', {self.settings}"
        )
        took = {"ClickHouse": time.perf_counter() - begun}
        # Its queries are asked of merged parts; the time for that is not counted as ingest.
        self._query("OPTIMIZE TABLE peers.ev FINAL")
        return took

    def sizes(self):
        return {"ClickHouse": self._number("SELECT sum(bytes_on_disk) FROM system.parts WHERE database = 'peers' AND table = 'ev' AND active")}

    def ask(self, question, fills):
        sql = fill(question["clickhouse"], fills).replace(" FROM ev ", " FROM peers.ev ")
        begun = time.perf_counter()
        answer = self._query(f"{sql} SETTINGS {self.settings}")
        took = time.perf_counter() - begun
        return took, json.loads(answer)["data"]

    def close(self):
        self.session.close()


def fill(text, fills):
    for name, value in fills.items():
        text = text.replace("{" + name + "}", value)
    return text


def forget(work):
    """Removes what the peers wrote into the work directory."""
    for name in ("duckdb.db", "duckdb.db.wal", "duckdb.parquet"):
        pathlib.Path(work / name).unlink(missing_ok=True)
    shutil.rmtree(work / "clickhouse", ignore_errors=True)
