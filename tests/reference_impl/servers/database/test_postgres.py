"""PostgreSQL, a real one: results, bounds, and what its superuser cannot be brought to do."""

import asyncio
import logging

import pytest

from reference_impl.server.errors import ToolError
from reference_impl.servers.database import DatabaseSettings, make_server
from reference_impl.servers.database.addresses import address_of
from reference_impl.servers.database.postgres import PostgresEngine
from tests.reference_impl.servers.talking import talking

pytestmark = pytest.mark.anyio

SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'touchstone' AND wait_event = 'PgSleep'"


@pytest.fixture
async def engine_of(postgres):
    """Return what makes an open engine, for the superuser or a role."""
    made = []

    async def make(user="owner", **settings):
        engine = PostgresEngine(address_of(postgres.url(user)), DatabaseSettings(**settings))
        await engine.open()
        made.append(engine)
        return engine

    yield make
    for engine in made:
        await engine.close()


@pytest.fixture(scope="module")
def at_first(postgres):
    return postgres.state()


async def until(postgres, question, answer):
    """Ask until the answer is the expected one; each question starts a program, which is wait enough."""
    async with asyncio.timeout(20):
        while await asyncio.to_thread(postgres.sql, question) != answer:
            pass


async def test_values_of_every_kind_come_back(engine_of):
    engine = await engine_of()
    query = """SELECT 1 AS a, 2::bigint ^ 3 AS b, 9007199254740993::bigint AS c, 1.50::numeric AS d,
        'NaN'::numeric AS e, 'infinity'::timestamptz AS f, '0044-03-15 BC'::date AS g, '\\x00ff'::bytea AS h,
        ARRAY[1.5::numeric, NULL] AS i, '{"a": [1]}'::jsonb AS j, '[1,5)'::int4range AS k, ROW(1, 'x') AS l,
        NULL AS m, 'glad'::mood AS n, true AS o, interval '1 day 2 hours' AS p, 'NaN'::float8 AS q,
        '10.0.0.0/8'::cidr AS r, 'x'::name AS s, '12:00+02'::timetz AS t"""
    result = await engine.read(query, (), 10)
    assert result.rows == (
        (
            1,
            8.0,
            "9007199254740993",
            "1.50",
            "NaN",
            "infinity",
            "0044-03-15 BC",
            "\\x00ff",
            ["1.5", None],
            '{"a": [1]}',
            "[1,5)",
            "(1,x)",
            None,
            "glad",
            True,
            "1 day 02:00:00",
            "nan",
            "10.0.0.0/8",
            "x",
            "12:00:00+02",
        ),
    )
    types = {column.name: column.type for column in result.columns}
    assert (types["d"], types["f"], types["i"]) == ("numeric", "timestamptz", "numeric[]")


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("ROW(1, 'x')::pair", "(1,x)"),
        ("ROW(1.5, now() IS NULL)", "(1.5,f)"),
        ("ARRAY[ROW(1, 'x')::pair]", '{"(1,x)"}'),
        ("ARRAY['glad'::mood]", "{glad}"),
        ("numrange(1.5, 2)", "[1.5,2)"),
        ("ARRAY[daterange('2020-01-01', NULL)]", '{"[2020-01-01,)"}'),
        ("int4multirange(int4range(1, 2))", "{[1,2)}"),
        ("'x'::\"char\"", "x"),
        ("'0/1'::pg_lsn", "0/1"),
        ("interval '1 month 1 day'", "1 mon 1 day"),
        ("orders FROM orders WHERE id = 1 ORDER BY id; ", "(1,1,10.50)"),
        ("orders, 7 AS orders FROM orders WHERE id = $1 -- the first", "(1,1,10.50)"),
    ],
)
async def test_values_with_members_come_as_postgresql_writes_them(engine_of, expression, shown):
    engine = await engine_of()
    result = await engine.read(f"SELECT {expression}", [1] if "$1" in expression else [], 10)
    assert result.rows[0][0] == shown
    assert "text" not in result.columns[0].type


async def test_what_cannot_be_shown_or_given_says_what_to_do(engine_of):
    engine = await engine_of()
    for query, params in (
        ("SELECT most_common_vals FROM pg_stats", []),
        ("SELECT $1::tstzrange", ["[2020-01-01,)"]),
    ):
        with pytest.raises(ToolError, match="cast it"):
            await engine.read(query, params, 10)
    given = await engine.read("SELECT $1::text::tstzrange @> '2021-01-01'::timestamptz", ["[2020-01-01,)"], 10)
    assert given.rows == ((True,),)


async def test_parameters_are_bound_with_the_types_of_the_statement(engine_of):
    engine = await engine_of()
    result = await engine.read(
        "SELECT $1::int + 1, $2::timestamptz < now(), $3::jsonb -> 'a', $4::text, $5::int[], $6::numeric",
        [1, "2020-01-01", {"a": 1}, "'; DROP TABLE orders --", [1, 2], "1.10"],
        10,
    )
    assert result.rows == ((2, True, "1", "'; DROP TABLE orders --", [1, 2], "1.10"),)
    for params, words in (([], "expects 1 argument"), (["x"], "invalid input"), ({"a": 1}, "in order")):
        with pytest.raises(ToolError, match=words):
            await engine.read("SELECT $1::int", params, 10)


async def test_rows_are_fetched_only_as_far_as_they_are_wanted(engine_of):
    engine = await engine_of(max_rows=1000)
    result = await engine.read("SELECT generate_series(1, 1000000000)", (), 120)
    assert (len(result.rows), result.truncated) == (120, "there are more than 120 rows")
    assert (await engine.read("SELECT 1 AS x WHERE false", (), 10)).columns[0].name == "x"


async def test_a_value_too_large_is_cut_off_and_the_next_statement_runs(engine_of):
    engine = await engine_of(connections=1)
    with pytest.raises(ToolError, match="too large to be fetched"):
        await engine.read("SELECT repeat('x', 100000000)", (), 10)
    assert (await engine.read("SELECT 1", (), 10)).rows == ((1,),)
    await engine.close()


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM orders",
        "WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x",
        "SELECT 1; DELETE FROM orders",
        "COMMIT; DELETE FROM orders",
        "COMMIT",
        "SET TRANSACTION READ WRITE",
        "SELECT 1 INTO copied",
        "CREATE TEMP TABLE x AS SELECT 1",
        "COPY (SELECT 1) TO PROGRAM 'touch /tmp/pwned'",
        "COPY orders TO '/tmp/pwned'",
        "DO $$ BEGIN DELETE FROM orders; END $$",
        "CALL something()",
        "EXPLAIN ANALYZE DELETE FROM orders",
        "PREPARE x AS DELETE FROM orders",
        "DECLARE x CURSOR FOR SELECT 1",
        "LISTEN x",
        "LOCK TABLE orders",
        "VACUUM",
        "SELECT * FROM orders FOR UPDATE",
        "SELECT write_it()",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT nextval('customers_id_seq')",
        "SELECT setval('customers_id_seq', 99)",
        "SELECT lo_create(0)",
        "SELECT lo_import('/etc/passwd')",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('/')",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_notify('a', 'b')",
        "SELECT pg_switch_wal()",
        "SELECT pg_reload_conf()",
        "SELECT query_to_xml('SELECT pg_read_file(''/etc/passwd'')', true, true, '')",
        "SELECT * FROM dblink('dbname=postgres', 'DELETE FROM orders RETURNING 1') AS t (x int)",
        "SELECT dblink_exec('dbname=postgres', 'DELETE FROM orders')",
        "SELECT * FROM ts_stat('SELECT pg_read_file(''/etc/passwd'')::tsvector')",
        "SELECT U&\"\\0070g_read_file\"('/etc/passwd')",
        "SELECT 1 AS x$a$, pg_read_file('/etc/passwd'), 2 AS y$a$",
    ],
)
async def test_the_engine_itself_keeps_even_a_superuser_from_acting(engine_of, postgres, at_first, query):
    engine = await engine_of()
    with pytest.raises(ToolError):
        await engine.read(query, (), 10)
    assert postgres.state() == at_first


async def test_nothing_of_a_session_outlives_a_statement(engine_of, postgres):
    engine = await engine_of(connections=1)
    settings = "SELECT name, setting FROM pg_settings WHERE name IN ('role', 'transaction_read_only', 'search_path')"
    before = (await engine.read(settings, (), 10)).rows
    with pytest.raises(ToolError):
        await engine.read("SELECT 1 / 0", (), 10)
    assert (await engine.read(settings, (), 10)).rows == before


async def test_a_role_sees_what_it_may(engine_of):
    engine = await engine_of("reader")
    assert [table.name for table in await engine.tables(10)] == ["customers", "orders"]
    assert await engine.table("hidden.secrets") is None
    with pytest.raises(ToolError, match="permission denied"):
        await engine.read("SELECT * FROM hidden.secrets", (), 10)


async def test_tables_are_described(engine_of):
    engine = await engine_of()
    assert [(table.name, table.comment) for table in await engine.tables(10)] == [
        ("customers", "Who buys"),
        ("hidden.secrets", None),
        ("orders", None),
    ]
    table = await engine.table("customers")
    columns = {column.name: column for column in table.columns}
    assert (columns["id"].primary_key, columns["id"].default) == (True, "nextval('customers_id_seq'::regclass)")
    assert (columns["created_at"].type, columns["created_at"].nullable) == ("timestamp with time zone", False)
    assert (await engine.table("orders")).foreign_keys == ("FOREIGN KEY (customer_id) REFERENCES customers(id)",)
    assert "customers_pkey" in table.indexes[0]


async def test_plans_are_shown_without_running(engine_of, postgres):
    engine = await engine_of()
    assert "orders" in (await engine.explain("SELECT * FROM orders WHERE id = $1", [1]))[0]
    assert await engine.explain("SELECT write_it()", ())
    before = postgres.state()
    with pytest.raises(ToolError):
        await engine.explain("(ANALYZE) DELETE FROM orders", ())
    assert postgres.state() == before


async def test_changes_are_made_whole_or_not_at_all(engine_of, postgres):
    engine = await engine_of(write=True, max_changes=2)
    before = postgres.state()
    for query, words in (
        ("UPDATE orders SET total = 0 WHERE true", "would have changed 3 rows"),
        ("INSERT INTO orders VALUES (9, 1, 1), (1, 1, 1)", "duplicate key"),
        ("WITH x AS (DELETE FROM orders WHERE id = 1 RETURNING *) SELECT * FROM x", "itself must be"),
        ("COPY orders TO PROGRAM 'touch /tmp/pwned'", "syntax error"),
        ("CREATE TABLE x (a int)", "syntax error"),
        ("DO $$ BEGIN END $$", "syntax error"),
        ("DELETE FROM orders; COMMIT", "multiple commands"),
        ("INSERT INTO orders SELECT 9, 1, length(pg_read_file('/etc/passwd'))", "not allowed"),
    ):
        with pytest.raises(ToolError, match=words):
            await engine.write(query, (), 10)
    assert postgres.state() == before
    made = await engine.write("INSERT INTO orders VALUES ($1, 1, 1), ($2, 1, 1) RETURNING id", [8, 9], 1)
    assert (made.rows, made.changed, made.truncated) == (((8,),), 2, "there are more than 1 rows")
    gone = await engine.write("DELETE FROM orders WHERE id > 7", (), 10)
    assert (gone.columns, gone.changed) == ((), 2)


async def test_a_slow_statement_is_stopped(engine_of, postgres):
    engine = await engine_of(timeout=0.5)
    with pytest.raises(ToolError, match=r"stopped after 0\.5 s"):
        await engine.read("SELECT pg_sleep(60)", (), 10)
    await until(postgres, SLEEPING, "0")


async def test_a_slow_statement_holds_up_nobody_and_cancelling_it_cancels_in_the_database_too(engine_of, postgres):
    engine = await engine_of(connections=2)
    slow = asyncio.ensure_future(engine.read("SELECT pg_sleep(60)", (), 10))
    await until(postgres, SLEEPING, "1")
    assert (await engine.read("SELECT 1", (), 10)).rows == ((1,),)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    await until(postgres, SLEEPING, "0")
    assert (await engine.read("SELECT 1", (), 10)).rows == ((1,),)


async def test_when_all_connections_are_busy_it_is_said_in_time(engine_of, postgres):
    engine = await engine_of(connections=1, wait=0.05)
    slow = asyncio.ensure_future(engine.read("SELECT pg_sleep(60)", (), 10))
    await until(postgres, SLEEPING, "1")
    with pytest.raises(ToolError, match="All 1 connections have been busy"):
        await engine.read("SELECT 1", (), 10)
    slow.cancel()
    await asyncio.wait((slow,))


async def test_a_superuser_is_warned_of_and_a_reader_is_not(engine_of, caplog):
    caplog.set_level(logging.WARNING)
    for user, warnings in (("reader", 0), ("owner", 1)):
        engine = await engine_of(user)
        await engine.read("SELECT 1", (), 10)
        assert sum("superuser" in record.message for record in caplog.records) == warnings


async def test_the_server_serves_it(postgres):
    async with talking(make_server(postgres.url("reader"))) as talk:
        rows = await talk.call("execute_query", query='SELECT name, "delete" FROM customers WHERE id = $1', params=[2])
        assert rows["rows"] == [["Grace", False]]
        uris = [resource["uri"] for resource in await talk.client.list_resources()]
        assert uris == ["schema://tables", "schema://tables/customers", "schema://tables/orders"]
        assert 'relation "nope" does not exist' in await talk.fails("execute_query", query="SELECT * FROM nope")
