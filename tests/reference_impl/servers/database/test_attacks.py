"""Statements that try to write or to get out, put together by Hypothesis; the databases stay as they are.

Each is given to the server as a client would, and to the engine directly, past the second line. Among the fragments are
those that worked elsewhere: `COMMIT; DROP` after a read-only BEGIN (server-postgres), writing WITH (sqlite-explorer),
functions with side effects (GHSA-65hm-pwj5-73pw), comments between keywords, ATTACH and PRAGMA (mcp-server-sqlite).
"""

import asyncio
import hashlib
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reference_impl.server.errors import ToolError
from reference_impl.servers.database import DatabaseSettings
from reference_impl.servers.database.addresses import address_of
from reference_impl.servers.database.postgres import PostgresEngine
from reference_impl.servers.database.sqlite import SqliteEngine

SECRET = "canary-77d1"
PLACE = "{place}"

READS = [
    "SELECT 1",
    "SELECT * FROM orders",
    "VALUES (1)",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "(SELECT 1)",
    "TABLE orders",
]
WRITES = [
    "DELETE FROM orders",
    "UPDATE orders SET total = 0",
    "INSERT INTO orders VALUES (99, 1, 1)",
    "DROP TABLE orders",
    "TRUNCATE orders",
    "ALTER TABLE orders RENAME TO gone",
    "CREATE TABLE made (a int)",
    "CREATE TEMP TABLE made (a int)",
    "REPLACE INTO orders VALUES (1, 1, 1)",
    "WITH x AS (SELECT 1) DELETE FROM orders",
    "WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x",
    "SELECT * INTO made FROM orders",
]
SESSION = ["COMMIT", "ROLLBACK", "END", "BEGIN", "BEGIN READ WRITE", "SET TRANSACTION READ WRITE", "SAVEPOINT a"]
OF_SQLITE = [
    f"ATTACH '{PLACE}/secret.db' AS other",
    f"ATTACH '{PLACE}/new.db' AS other",
    f"VACUUM INTO '{PLACE}/new.db'",
    "PRAGMA writable_schema = 1",
    "PRAGMA query_only = 0",
    "PRAGMA journal_mode = MEMORY",
    "SELECT * FROM other.words",
    f"SELECT readfile('{PLACE}/secret.txt')",
    f"SELECT writefile('{PLACE}/new.txt', 'x')",
    f"SELECT load_extension('{PLACE}/secret.txt')",
    f"CREATE VIRTUAL TABLE temp.v USING csv (filename = '{PLACE}/secret.txt')",
]
OF_POSTGRES = [
    f"COPY orders TO '{PLACE}/new.txt'",
    f"COPY (SELECT 1) TO PROGRAM 'touch {PLACE}/new.txt'",
    f"COPY orders FROM '{PLACE}/secret.txt'",
    f"SELECT pg_read_file('{PLACE}/secret.txt')",
    f"SELECT ('{PLACE}/secret.txt'::text).pg_read_file",
    f"SELECT f.pg_read_file FROM unnest(ARRAY['{PLACE}/secret.txt']) AS f",
    f"SELECT lo_import('{PLACE}/secret.txt')",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SELECT nextval('customers_id_seq')",
    "SELECT write_it()",
    "SELECT dblink_exec('dbname=postgres', 'DELETE FROM orders')",
    "SELECT query_to_xml('SELECT nextval(''customers_id_seq'')', true, true, '')",
    "DO $$ BEGIN DELETE FROM orders; END $$",
    "SELECT pg_advisory_lock(7)",
    "CREATE ROLE made SUPERUSER",
    "ALTER ROLE reader SUPERUSER",
    "PREPARE p AS DELETE FROM orders",
    "EXECUTE p",
    "LOCK TABLE orders",
]
BETWEEN = [
    ";",
    "; ",
    " ;--\n",
    ";/**/",
    " ",
    "\n",
    "/* ; */",
    "--\n",
    " UNION ALL ",
    "'",
    '"',
    "$$",
    "$a$",
    "/*",
    "*/",
    ")",
    "(",
    "E'\\'",
    "\0",
]
AROUND = [
    ("", ""),
    ("(", ")"),
    ("EXPLAIN ", ""),
    ("EXPLAIN ANALYZE ", ""),
    ("SELECT * FROM (", ") AS y"),
    ("WITH y AS (", ") SELECT * FROM y"),
    ("DECLARE c CURSOR FOR ", ""),
    ("CREATE TABLE made AS ", ""),
    ("PREPARE q AS ", ""),
    ("/*", "*/"),
    ("1 FROM orders; ", " --"),
    ("(ANALYZE) ", ""),
    ("QUERY PLAN SELECT 1; ", ""),
]


def statements(special):
    """Fragments one after the other, with what may end the first and begin another between them, spelled in odd
    ways."""
    wrapped = st.builds(
        lambda fragment, around: around[0] + fragment + around[1],
        st.one_of(st.sampled_from(WRITES), st.sampled_from(special), st.sampled_from(SESSION), st.sampled_from(READS)),
        st.sampled_from(AROUND),
    )
    joined = st.builds(
        lambda parts, gaps: "".join(gap + part for gap, part in zip(("", *gaps), parts, strict=False)),
        st.lists(wrapped, min_size=1, max_size=3),
        st.tuples(st.sampled_from(BETWEEN), st.sampled_from(BETWEEN)),
    )
    spelled = [
        lambda text: text,
        str.lower,
        lambda text: text.replace(" ", "/**/"),
        lambda text: text.replace(" ", "\t\n"),
    ]
    return st.builds(lambda text, spell: spell(text), joined, st.sampled_from(spelled))


SETTINGS = settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Sandbox:
    """A folder with a database, and beside it what nobody may touch."""

    def __init__(self, place):
        self.place = place
        self.database = place / "shop.db"
        connection = sqlite3.connect(self.database)
        connection.executescript(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id, total); INSERT INTO orders VALUES (1, 1, 10)"
        )
        connection.close()
        other = sqlite3.connect(place / "secret.db")
        other.executescript(f"CREATE TABLE words (word); INSERT INTO words VALUES ('{SECRET}')")
        other.close()
        (place / "secret.txt").write_text(SECRET)

    def state(self):
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.place.iterdir()}


def attempts(engine, query, place):
    """Try one statement in every way that a caller has, past the second line; return what was told."""
    query = query.replace(PLACE, str(place))

    async def each():
        told = []
        for attempt in (engine.read(query, (), 10), engine.explain(query, ())):
            try:
                told.append(await attempt)
            except ToolError as refused:
                told.append(str(refused))
        return told

    return each()


@pytest.fixture(scope="module")
def loop():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def sqlite_engine(loop):
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Path(folder))
        engine = SqliteEngine(sandbox.database, DatabaseSettings(timeout=2))
        loop.run(engine.open())
        yield sandbox, engine
        loop.run(engine.close())


@pytest.fixture(scope="module")
def postgres_engine(loop, postgres):
    engine = PostgresEngine(address_of(postgres.url()), DatabaseSettings(timeout=2))
    loop.run(engine.open())
    yield engine
    loop.run(engine.close())


@settings(SETTINGS, max_examples=400)
@given(query=statements(OF_SQLITE))
def test_no_statement_changes_a_file_of_sqlite_or_reads_another(query, loop, sqlite_engine):
    sandbox, engine = sqlite_engine
    before = sandbox.state()
    told = loop.run(attempts(engine, query, sandbox.place))
    assert SECRET not in repr(told)
    assert sandbox.state() == before


@pytest.fixture(scope="module")
def unchanged(postgres, tmp_path_factory):
    """Compare once for all examples, as asking PostgreSQL everything takes longer than an attempt."""
    place = postgres.folder / "outside"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    (place / "secret.txt").write_text(SECRET)
    before = postgres.state()
    yield place
    assert postgres.state() == before
    assert [path.name for path in place.iterdir()] == ["secret.txt"]


@settings(SETTINGS, max_examples=250)
@given(query=statements(OF_POSTGRES))
def test_no_statement_changes_anything_in_postgresql_or_reads_a_file(query, loop, postgres_engine, unchanged):
    told = loop.run(attempts(postgres_engine, query, unchanged))
    assert SECRET not in repr(told)


def test_what_is_attempted_would_work_elsewhere(tmp_path):
    """The statements are no straw men: on a plain connection most of those that write do."""
    sandbox = Sandbox(tmp_path)
    worked = 0
    for query in (*WRITES, *OF_SQLITE):
        connection = sqlite3.connect(sandbox.database, isolation_level=None)
        try:
            connection.execute("BEGIN")
            connection.execute(query.replace(PLACE, str(tmp_path)))
            worked += 1
        except sqlite3.Error:
            pass
        finally:
            connection.close()
    assert worked >= 9
