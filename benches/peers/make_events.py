#!/usr/bin/env python3
"""Wide, sparse, seeded events of a parcel carrier, for the side-by-side bench.

    make_events.py OUT_DIR ROWS [--seed N]

Writes OUT_DIR/events.ndjson: 24 hours of spans from 2026-11-02T00:00:00Z in order of time, one JSON object a line, absent
fields left out. 50 common fields and 120 sparse ones; every sparse field belongs to two of the 12 services and is present in
70 % of their events: about 63 fields and 1.3 to 1.4 kB an event. Each value is a hash of the row number, the field and the seed, so
that the same arguments give the same rows.

Planted: from 20:00 on, POST /labels/print on release 8.41 in depot region "north" with flag.batch_labels on takes five times as
long and fails in 12 % of the cases.
"""
import argparse
import json
import pathlib

DAY = "2026-11-02"
SERVICES = ["edge", "booking", "tracking", "labels", "rates", "routing", "depot", "customs", "invoices", "drivers", "notify", "claims"]
ROUTES = ["labels/print", "parcels", "parcels/track", "quotes", "routes/plan", "pickups", "invoices", "claims"]


class Chance:
    """SQL expressions of seeded chance over the row number `i`."""

    def __init__(self, seed):
        self.seed = seed

    def unit(self, tag):
        return f"((hash(i, '{tag}', {self.seed}) >> 11)::DOUBLE / 9007199254740992.0)"

    def even(self, tag, n):
        return f"(floor({self.unit(tag)} * {n}))::INT"

    def heavy(self, tag, n):
        """One of n, where each decade gets the same share."""
        return f"(floor(pow({n}::DOUBLE, {self.unit(tag)})) - 1)::INT"

    def skewed(self, tag, median, width):
        """Log-normal around a median."""
        normal = f"sqrt(-2 * ln({self.unit(tag + '/r')} + 1e-12)) * cos(6.283185307179586 * {self.unit(tag + '/a')})"
        return f"({median} * exp({width} * {normal}))"

    def choice(self, tag, values, heavy=False):
        items = ", ".join(f"'{value}'" for value in values)
        return f"[{items}][{(self.heavy if heavy else self.even)(tag, len(values))} + 1]"

    def yes(self, tag, share):
        return f"({self.unit(tag)} < {share})"

    def hexes(self, tag, digits, over="i"):
        return f"left(md5(({over})::VARCHAR || '{tag}{self.seed}'), {digits})"

    def label(self, prefix, number):
        return f"'{prefix}' || {number}::VARCHAR"


def common_fields(c, rows):
    """The fields that every event has (a parent excepted), as SQL over i."""
    parent = "i - 1 - (i % 4) % (i % 10)"
    return {
        "timestamp": f"strftime(TIMESTAMP '{DAY} 00:00:00' + to_microseconds((i * 86400000000 // {rows})::BIGINT), '%Y-%m-%dT%H:%M:%S.%fZ')",
        "service.name": c.choice("service", SERVICES, heavy=True),
        "trace.trace_id": c.hexes("trace", 32, "i // 10"),
        "trace.span_id": c.hexes("span", 16),
        "trace.parent_id": f"CASE WHEN i % 10 = 0 THEN NULL ELSE {c.hexes('span', 16, parent)} END",
        "shipper.id": c.label("ship-", c.heavy("shipper", 1_000_000)),
        "account.number": c.heavy("account", 40_000),
        "account.tier": c.choice("tier", ["private", "trader", "contract", "network"], heavy=True),
        "parcel.class": c.choice("class", ["letter", "small", "medium", "large", "pallet"]),
        "parcel.weight_kg": f"round({c.skewed('weight', 2.4, 0.9)}, 2)",
        "parcel.count": f"1 + {c.heavy('parcels', 60)}",
        "origin.city": c.label("city-", c.heavy("origin", 1_200)),
        "target.city": c.label("city-", c.heavy("target", 1_200)),
        "target.country": c.label("L", c.heavy("country", 140)),
        "depot.region": c.choice("region", ["north", "south", "east", "west", "islands"]),
        "depot.id": c.label("depot-", c.even("depot", 220)),
        "host.name": c.label("node-", c.even("host", 240)),
        "pod": c.label("pod-", c.even("pod", 1_800)),
        "zone": c.choice("zone", ["z1", "z2", "z3", "z4"]),
        "service.version": f"'8.' || least(42, 10 + i * 32 // {rows} + {c.even('release', 2)})::VARCHAR",
        "flag.batch_labels": c.yes("flag-batch", 0.45),
        "flag.live_map": c.yes("flag-map", 0.2),
        "flag.new_rates": c.yes("flag-rates", 0.06),
        "client.address": f"'10.' || {c.even('ip1', 256)}::VARCHAR || '.' || {c.even('ip2', 256)}::VARCHAR || '.' || {c.even('ip3', 256)}::VARCHAR",
        "client.agent": f"'CarrierApp/' || {c.heavy('agent', 300)}::VARCHAR || ' (scanner)'",
        "client.device": c.label("dev-", c.heavy("device", 700)),
        "session.id": c.label("s-", c.heavy("session", 400_000)),
        "request.id": c.hexes("request", 16),
        "tracking.code": f"'PX' || upper({c.hexes('code', 9)})",
        "bytes.in": f"{c.skewed('in', 160, 1.1)}::BIGINT",
        "bytes.out": f"{c.skewed('out', 2800, 1.4)}::BIGINT",
        "cpu_ms": f"round({c.skewed('cpu', 2.6, 0.9)}, 3)",
        "memory_kb": f"{c.skewed('memory', 420, 1.0)}::BIGINT",
        "db.calls": c.heavy("db-calls", 30),
        "db.rows": c.heavy("db-rows", 5_000),
        "db.duration_ms": f"round({c.skewed('db', 3.1, 1.0)}, 3)",
        "cache.hit": c.yes("cache", 0.8),
        "retry_count": c.heavy("retry", 5),
        "queue.wait_ms": c.heavy("queue", 7_000),
        "queue.partition": c.even("partition", 48),
        "language": c.choice("language", ["en", "de", "fr", "nl", "pl", "ar", "he", "zh"], heavy=True),
        "payment.kind": c.choice("payment", ["account", "card", "cash", "voucher"], heavy=True),
        "span.kind": c.choice("kind", ["server", "client", "internal", "consumer"], heavy=True),
        "sdk.version": c.label("1.", c.heavy("sdk", 30)),
        "team": c.label("team-", c.heavy("team", 24)),
    }


def sparse_fields(c):
    """120 fields, each owned by two services."""
    fields = {}
    for k in range(120):
        first, second = SERVICES[k % 12], SERVICES[(k + 1 + k // 12) % 12]
        tag = f"sparse-{k}"
        value = [
            c.heavy(tag, 2_000),
            c.label("value-", c.heavy(tag, 10 ** (1 + k % 5))),
            f"round({c.skewed(tag, 9, 1.0)}, 2)",
            c.yes(tag, 0.25),
        ][k % 4]
        name = f"{first}.f{k:03d}"
        fields[name] = f"CASE WHEN \"service.name\" IN ('{first}', '{second}') AND {c.yes(tag + '/here', 0.7)} THEN {value} END"
    return fields


def outcome_fields(c):
    """What follows from the planted incident; `op` is the kind of request, `bad` whether the incident meets it."""
    broken = f"(bad AND {c.yes('broken', 0.12)})"
    failed = c.yes("failed", 0.002)
    routes = ", ".join(f"'{route}'" for route in ROUTES)
    return {
        "name": f"['POST', 'GET', 'PUT'][op % 3 + 1] || ' /' || [{routes}][op % 8 + 1] || CASE WHEN op < 8 THEN '' ELSE '/' || op::VARCHAR END",
        "http.status_code": f"CASE WHEN {broken} THEN 503 WHEN {failed} THEN 500 WHEN {c.yes('missing', 0.025)} THEN 404 ELSE 200 END",
        "duration_ms": f"round({c.skewed('duration', 12, 1.0)} * CASE WHEN bad THEN 5 ELSE 1 END, 3)",
        "error": f"{broken} OR {failed}",
        "error.message": f"""CASE WHEN {broken} THEN 'printer queue ' || {c.even('printer', 12)}::VARCHAR || ' is full'
            WHEN {failed} THEN 'unexpected end of answer from peer ' || {c.even('peer', 60)}::VARCHAR END""",
    }


def query(rows, seed):
    c = Chance(seed)
    named = lambda fields: ",\n".join(f'{sql} AS "{name}"' for name, sql in fields.items())
    bad = """(i >= {rows} * 20 // 24 AND op = 0 AND "service.version" = '8.41' AND "depot.region" = 'north' AND "flag.batch_labels")"""
    # From 20:00 on the rollout is held: releases 8.40 and 8.41 share the load.
    common = common_fields(c, rows)
    common["service.version"] = f"CASE WHEN i >= {rows} * 20 // 24 THEN '8.' || (40 + {c.even('release', 2)})::VARCHAR ELSE {common['service.version']} END"
    return f"""
        WITH base AS (SELECT i, {c.heavy('op', 96)} AS op, {named(common)} FROM range({rows}) t(i)),
             told AS (SELECT *, {bad.format(rows=rows)} AS bad FROM base)
        SELECT * EXCLUDE (i, op, bad), {named(outcome_fields(c))}, {named(sparse_fields(c))} FROM told"""


def types(rows=1000):
    """Field → DuckDB type, in order: what every engine's table is made from."""
    import duckdb

    described = duckdb.connect().execute(f"DESCRIBE {query(rows, 1)}").fetchall()
    return {name: kind for name, kind, *_ in described}


def make(out_dir, rows, seed=1):
    """Writes the events and gives back (path, rows, bytes); kept when they are there already."""
    import duckdb

    out = pathlib.Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    path, note = out / "events.ndjson", out / "events.json"
    wanted = {"rows": rows, "seed": seed, "version": 1}
    if path.exists() and note.exists() and json.loads(note.read_text()) == wanted:
        return path, rows, path.stat().st_size
    db = duckdb.connect()
    db.execute("SET preserve_insertion_order = true")
    # json_merge_patch with an empty object drops what is null: absent fields are left out.
    db.execute(
        f"""COPY (SELECT json_merge_patch('{{}}', to_json(t))::VARCHAR AS line FROM ({query(rows, seed)}) t)
            TO '{path}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"""
    )
    note.write_text(json.dumps(wanted))
    return path, rows, path.stat().st_size


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("out_dir")
    options.add_argument("rows", type=int)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    made, count, size = make(given.out_dir, given.rows, given.seed)
    print(f"{made}: {count} events, {size / count:.0f} bytes each")
