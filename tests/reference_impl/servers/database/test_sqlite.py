"""SQLite is read, never written, within bounds of time and size, and statements do not wait for each other."""

import asyncio
import hashlib
import sqlite3

import pytest

from reference_impl.server.errors import ToolError
from reference_impl.servers.database import DatabaseSettings
from reference_impl.servers.database import sqlite as module
from reference_impl.servers.database.sqlite import SqliteEngine

pytestmark = pytest.mark.anyio

ENDLESS = "WITH RECURSIVE a (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a) SELECT count(*) FROM a"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "odd ?#%41 name.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); INSERT INTO t VALUES (1, 'one'), (2, NULL);"
        "CREATE TABLE child (t INTEGER REFERENCES t (a)); CREATE INDEX by_b ON t (b);"
        "CREATE VIRTUAL TABLE words USING fts5 (word); INSERT INTO words VALUES ('hello world');"
        "CREATE VIRTUAL TABLE boxes USING rtree (id, low, high); INSERT INTO boxes VALUES (1, 2, 3);"
        "CREATE VIEW sneaky AS SELECT load_extension('x') AS x;"
    )
    connection.close()
    return path


@pytest.fixture
async def engine(file):
    engine = SqliteEngine(file, DatabaseSettings(timeout=20, connections=2))
    await engine.open()
    yield engine
    await engine.close()


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def test_rows_come_with_names_and_types(engine):
    result = await engine.read("SELECT a, b, 1.5 AS c, x'00' AS d FROM t ORDER BY a", (), 10)
    assert [(column.name, column.type) for column in result.columns] == [
        ("a", "integer"),
        ("b", "text"),
        ("c", "real"),
        ("d", "blob"),
    ]
    assert result.rows == ((1, "one", 1.5, "\\x00"), (2, None, 1.5, "\\x00"))


async def test_parameters_are_bound_in_order_and_by_name(engine):
    evil = "x' OR 1=1; DROP TABLE t --"
    assert (await engine.read("SELECT ? AS x", [evil], 10)).rows == ((evil,),)
    assert (await engine.read("SELECT a FROM t WHERE b = :b", {"b": "one"}, 10)).rows == ((1,),)
    for params, words in (([], "bindings"), ([[1]], "JSON text"), ([2**64], "too large")):
        with pytest.raises(ToolError, match=words):
            await engine.read("SELECT ?", params, 10)


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM t",
        "WITH x AS (SELECT 1) DELETE FROM t",
        "INSERT INTO words (word) VALUES ('x')",
        "DELETE FROM boxes_node",
        "DELETE FROM words_data",
        "CREATE TEMP TABLE x (a)",
        "CREATE VIRTUAL TABLE x USING fts5 (y)",
        "ATTACH ':memory:' AS other",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO 'copy.db'",
        "REINDEX",
        "ANALYZE",
        "BEGIN",
        "SAVEPOINT a",
        "PRAGMA writable_schema = 1",
        "PRAGMA query_only = 0",
        "PRAGMA journal_mode = DELETE",
        "SELECT * FROM pragma_database_list",
        "SELECT * FROM pragma_hard_heap_limit(1)",
        "UPDATE sqlite_master SET sql = ''",
        "SELECT load_extension('x')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT readfile('/etc/passwd')",
        "SELECT writefile('x', 'y')",
        "SELECT * FROM sneaky",
        "SELECT 1; DELETE FROM t",
        "SELECT zeroblob(1000000000)",
    ],
)
async def test_the_engine_itself_denies_what_does_more_than_read(engine, file, query):
    before, listed = digest(file), sorted(file.parent.iterdir())
    with pytest.raises(ToolError, match="SQLite"):
        await engine.read(query, (), 10)
    assert (digest(file), sorted(file.parent.iterdir())) == (before, listed)


async def test_modules_for_search_and_places_can_be_read(engine):
    found = await engine.read("SELECT highlight(words, 0, '<', '>') FROM words WHERE words MATCH 'hello'", (), 10)
    assert found.rows == (("<hello> world",),)
    assert (await engine.read("SELECT id FROM boxes WHERE low < 3", (), 10)).rows == ((1,),)
    assert (await engine.read("SELECT name FROM pragma_table_info('t')", (), 10)).rows == (("a",), ("b",))


async def test_an_endless_statement_is_stopped(file):
    engine = SqliteEngine(file, DatabaseSettings(timeout=0.3))
    await engine.open()
    with pytest.raises(ToolError, match=r"stopped after 0\.3 s"):
        await engine.read(ENDLESS, (), 10)
    await engine.close()


async def test_a_file_whose_virtual_tables_open_endlessly_is_given_up_in_time(tmp_path):
    """The configuration of a full-text search is a table of the file's own, which can be a view instead."""
    endless = "WITH RECURSIVE a (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a) SELECT ''x'', x FROM a"
    connection = sqlite3.connect(tmp_path / "hostile.db")
    connection.executescript(
        "CREATE VIRTUAL TABLE words USING fts5 (word); PRAGMA writable_schema = ON;"
        f"UPDATE sqlite_schema SET type = 'view', rootpage = 0, sql = 'CREATE VIEW words_config (k, v) AS {endless}'"
        " WHERE name = 'words_config'"
    )
    connection.close()
    engine = SqliteEngine(tmp_path / "hostile.db", DatabaseSettings(timeout=0.05, connections=1))
    await engine.open()
    for _ in range(3):  # the only connection comes back each time
        with pytest.raises(ToolError, match="stopped after"):
            await engine.read("SELECT count(*) FROM words", (), 10)
    await engine.close()


LARGE = "hex(zeroblob(8000000))"
ONE_INSTRUCTION = {
    "instr": f"instr({LARGE}, hex(zeroblob(4000000)) || '1')",
    "trim": f"trim({LARGE}, replace(hex(zeroblob(500000)), '0', 'a') || '0')",
    "printf": f"printf('{'%.2147483646c' * 500}')",
}
"""What takes hours or days in one instruction of SQLite's machine, which looks at no clock meanwhile."""


@pytest.mark.parametrize("expression", ONE_INSTRUCTION.values(), ids=ONE_INSTRUCTION)
async def test_a_single_instruction_that_takes_days_ends_in_time_and_its_connection_comes_back(
    file, monkeypatch, expression
):
    monkeypatch.setattr(module, "_GRACE", 0.1)
    engine = SqliteEngine(file, DatabaseSettings(timeout=0.1, connections=1, wait=60))
    await engine.open()
    with pytest.raises(ToolError, match=r"stopped after 0\.1 s"):
        await engine.read(f"SELECT {expression}", (), 10)
    with pytest.raises(ToolError, match=r"no such table|stopped after"):  # and not that all connections are busy
        await engine.read("SELECT * FROM missing", (), 10)
    await engine.close()


async def test_a_change_whose_process_is_killed_is_undone_and_can_be_read_around(file, monkeypatch):
    monkeypatch.setattr(module, "_GRACE", 0.1)
    engine = SqliteEngine(file, DatabaseSettings(write=True, timeout=0.1, connections=1, wait=60))
    await engine.open()
    before = digest(file)
    with pytest.raises(ToolError, match="stopped after"):
        await engine.write(f"UPDATE t SET b = iif(a = 1, 'changed', {ONE_INSTRUCTION['instr']})", (), 10)
    await engine.close()
    assert digest(file) == before
    reader = SqliteEngine(file, DatabaseSettings())
    await reader.open()
    assert (await reader.read("SELECT b FROM t ORDER BY a", (), 10)).rows == (("one",), (None,))
    await reader.close()


async def test_closing_waits_for_no_statement(file, monkeypatch):
    monkeypatch.setattr(module, "_GRACE", 0.1)
    engine = SqliteEngine(file, DatabaseSettings(timeout=3600))
    await engine.open()
    await engine.read("SELECT 1", (), 10)
    slow = asyncio.ensure_future(engine.read(f"SELECT {ONE_INSTRUCTION['instr']}", (), 10))
    await asyncio.wait((slow,), timeout=0.05)
    await engine.close()
    with pytest.raises(ToolError, match="ended"):
        await slow


async def test_a_row_of_many_large_values_is_refused_before_memory_runs_out(engine):
    many = ", ".join(["zeroblob(16000000)"] * 100)
    with pytest.raises(ToolError, match="more memory than it may have"):
        await engine.read(f"SELECT {many}", (), 10)
    assert (await engine.read("SELECT length(zeroblob(16000000))", (), 10)).rows == ((16_000_000,),)


async def test_an_endless_statement_holds_up_nobody(engine):
    slow = asyncio.ensure_future(engine.read(ENDLESS, (), 10))
    await asyncio.sleep(0)  # so that it comes first
    assert (await engine.read("SELECT count(*) FROM t", (), 10)).rows == ((2,),)
    assert not slow.done()
    slow.cancel()
    await asyncio.wait((slow,))


async def test_a_cancelled_statement_gives_its_connection_back(file):
    engine = SqliteEngine(file, DatabaseSettings(connections=1))
    await engine.open()
    for _attempt in range(2):
        slow = asyncio.ensure_future(engine.read(ENDLESS, (), 10))
        await asyncio.wait((slow,), timeout=0.05)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        assert (await engine.read("SELECT 1", (), 10)).rows == ((1,),)
    await engine.close()


async def test_when_all_connections_are_busy_it_is_said(file):
    engine = SqliteEngine(file, DatabaseSettings(connections=1, wait=0.05, timeout=5))
    await engine.open()
    slow = asyncio.ensure_future(engine.read(ENDLESS, (), 10))
    await asyncio.sleep(0)  # so that it comes first
    with pytest.raises(ToolError, match="All 1 connections have been busy"):
        await engine.read("SELECT 1", (), 10)
    slow.cancel()
    await asyncio.wait((slow,))
    await engine.close()


async def test_another_file_in_its_place_is_noticed_and_a_missing_one_said(engine, file):
    await engine.read("SELECT 1", (), 10)
    aside = file.with_name("aside")
    file.rename(aside)
    with pytest.raises(ToolError, match="cannot be opened now"):
        await engine.read("SELECT 1", (), 10)
    other = sqlite3.connect(file)
    other.executescript("CREATE TABLE other (x); INSERT INTO other VALUES (7)")
    other.close()
    assert (await engine.read("SELECT x FROM other", (), 10)).rows == ((7,),)


async def test_what_others_write_is_seen_and_a_lock_is_waited_for_or_told(engine, file):
    writer = sqlite3.connect(file, isolation_level=None)
    writer.execute("INSERT INTO t VALUES (3, 'three')")
    assert (await engine.read("SELECT count(*) FROM t", (), 10)).rows == ((3,),)
    fresh = SqliteEngine(file, DatabaseSettings(timeout=1))
    await fresh.open()
    writer.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ToolError, match=r"locked|cannot be opened now"):
        await fresh.read("SELECT * FROM t", (), 10)
    writer.execute("ROLLBACK")
    assert len((await engine.read("SELECT * FROM t", (), 10)).rows) == 3
    writer.close()
    await fresh.close()


async def test_a_broken_file_is_told_as_one(tmp_path, file):
    broken = tmp_path / "broken.db"
    content = bytearray(file.read_bytes())
    content[100:4000] = b"\xff" * 3900
    broken.write_bytes(content)
    engine = SqliteEngine(broken, DatabaseSettings())
    await engine.open()
    with pytest.raises(ToolError, match=r"malformed|cannot be opened now"):
        await engine.read("SELECT * FROM t", (), 10)
    await engine.close()


async def test_text_that_is_no_utf8_is_shown_with_marks(tmp_path):
    path = tmp_path / "latin.db"
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE t (a TEXT); INSERT INTO t VALUES (CAST(x'ff41' AS TEXT))")
    connection.close()
    engine = SqliteEngine(path, DatabaseSettings())
    await engine.open()
    assert (await engine.read("SELECT a FROM t", (), 10)).rows == (("\ufffdA",),)
    await engine.close()


async def test_tables_are_described(engine):
    assert [(table.name, table.kind) for table in await engine.tables(10)] == [
        ("boxes", "table"),
        ("child", "table"),
        ("sneaky", "view"),
        ("t", "table"),
        ("words", "table"),
    ]
    assert len(await engine.tables(2)) == 2
    table = await engine.table("T")
    assert [(column.name, column.type, column.primary_key) for column in table.columns] == [
        ("a", "INTEGER", True),
        ("b", "TEXT", False),
    ]
    assert table.indexes == ("by_b (b)",)
    assert (await engine.table("child")).foreign_keys == ("(t) references t (a)",)
    assert await engine.table("t'; DROP TABLE t") is None


async def test_plans_are_shown_without_running(engine):
    assert "by_b" in "".join(await engine.explain("SELECT * FROM t WHERE b = ?", ["x"]))
    assert await engine.explain(ENDLESS, ())


async def test_changes_are_made_whole_or_not_at_all(file):
    engine = SqliteEngine(file, DatabaseSettings(write=True, max_changes=2))
    await engine.open()
    made = await engine.write("INSERT INTO t VALUES (?, 'x'), (?, 'y') RETURNING a", [5, 6], 1)
    assert (made.rows, made.changed, made.truncated) == (((5,),), 2, "there are more than 1 rows")
    for query, words in (
        ("UPDATE t SET b = 'z' WHERE true", "would have changed 4 rows"),
        ("INSERT INTO t VALUES (7, 'x'), (1, 'y')", "UNIQUE"),
        ("INSERT INTO child VALUES (99)", "FOREIGN KEY"),
        ("UPDATE sqlite_sequence SET seq = 1", "SQLite"),
        ("DROP TABLE t", "denied"),
        ("CREATE TABLE x (a)", "denied"),
        ("ATTACH 'x' AS y", "ATTACH"),
        ("PRAGMA foreign_keys = OFF", "PRAGMA"),
        ("COMMIT", "SQLite"),
    ):
        with pytest.raises(ToolError, match=words):
            await engine.write(query, (), 10)
    assert (await engine.read("SELECT a, b FROM t", (), 10)).rows == ((1, "one"), (2, None), (5, "x"), (6, "y"))
    await engine.close()


async def test_a_full_disk_is_told_and_the_change_undone(file):
    resource = pytest.importorskip("resource", reason="needs limits of a process")
    if not hasattr(resource, "prlimit"):
        pytest.skip("limits of another process cannot be set here")
    engine = SqliteEngine(file, DatabaseSettings(write=True))
    await engine.open()
    most = file.stat().st_size + 4096
    for worker in engine._now.idle:
        resource.prlimit(worker._process.pid, resource.RLIMIT_FSIZE, (most, most))
    before = digest(file)
    with pytest.raises(ToolError, match="disk"):
        await engine.write("INSERT INTO t SELECT a + 10, zeroblob(100000) FROM t", (), 10)
    assert digest(file) == before
    assert (await engine.write("UPDATE t SET b = 'x' WHERE a = 1", (), 10)).changed == 1
    await engine.close()


async def test_the_sample_is_there_while_it_is_open_and_gone_afterwards():
    engine = SqliteEngine(None, DatabaseSettings())
    for _time in range(2):
        await engine.open()
        assert [table.name for table in await engine.tables(10)] == [
            "books",
            "customers",
            "order_items",
            "order_totals",
            "orders",
        ]
        path = engine._now.path
        assert path.exists()
        await engine.close()
        assert not path.parent.exists()
    with pytest.raises(ToolError, match="not open"):
        await engine.read("SELECT 1", (), 10)
