"""Asks with psycopg, and prints what it was told: HOST PORT KEY STATEMENT."""

import json
import sys
import threading

import psycopg

host, port, key, statement = sys.argv[1:]
told = {}
with psycopg.connect(host=host, port=port, user="anybody", password=key, dbname="outcrop") as connection:
    cursor = connection.cursor()
    told["counts"] = [cursor.execute("SELECT count(*) FROM sql WHERE n >= %s", (4 * n,)).fetchone()[0] for n in range(10)]
    binary = connection.cursor(binary=True)
    row = binary.execute("SELECT timestamp, route, ms, n, ok FROM sql ORDER BY n LIMIT 1").fetchone()
    told["row"] = [row[0].isoformat(), *row[1:]]
    told["plot"] = [[metric, value] for _, metric, value, _ in cursor.execute(statement).fetchall()]
    try:
        cursor.execute("SELECT nothing FROM sql")
    except psycopg.Error as error:
        told["mistake"] = type(error).__name__
    connection.rollback()
    threading.Timer(1, connection.cancel).start()
    try:
        cursor.execute("SELECT count(*) FROM generate_series(1, 1000000000000)")
    except psycopg.Error as error:
        told["cancelled"] = type(error).__name__
    connection.rollback()
print(json.dumps(told))
