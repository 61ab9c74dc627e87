"""PostgreSQL that is away, goes away under load, hangs or refuses: it is said, and the next call works again."""

import asyncio
import os
import signal
from dataclasses import replace

import pytest

from reference_impl.server.errors import ToolError
from reference_impl.servers.database import DatabaseSettings, make_server
from reference_impl.servers.database import postgres as module
from reference_impl.servers.database.addresses import address_of
from reference_impl.servers.database.postgres import PostgresEngine
from tests.reference_impl.servers.database.postgres_server import PASSWORD
from tests.reference_impl.servers.talking import talking

pytestmark = pytest.mark.anyio

SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'touchstone' AND wait_event = 'PgSleep'"


async def until(postgres, question, answer):
    """Ask until the answer is the expected one; each question starts a program, which is wait enough."""
    async with asyncio.timeout(20):
        while await asyncio.to_thread(postgres.sql, question) != answer:
            pass


@pytest.mark.parametrize("mode", ["immediate", "fast"])
async def test_a_restart_under_load_fails_what_was_under_way_and_nothing_else(postgres, mode):
    server = make_server(postgres.url("reader"), DatabaseSettings(connections=4))
    async with talking(server) as talk:
        calls = [
            asyncio.ensure_future(talk.fails("execute_query", query="SELECT $1::int, pg_sleep(60)", params=[number]))
            for number in range(3)
        ]
        await talk.call("execute_query", query="SELECT 1")  # leaves a fourth connection behind that will be dead
        await until(postgres, SLEEPING, "3")
        await asyncio.to_thread(postgres.stop, mode)
        for words in await asyncio.gather(*calls):
            assert "lost while the statement ran" in words
        words = await talk.fails("execute_query", query="SELECT 1")
        assert "cannot be reached" in words
        await asyncio.to_thread(postgres.start)
        rows = await asyncio.gather(*[talk.call("execute_query", query="SELECT 7") for _ in range(6)])
        assert [row["rows"] for row in rows] == [[[7]]] * 6


async def test_a_restart_between_two_statements_is_not_noticed(postgres):
    async with talking(make_server(postgres.url("reader"), DatabaseSettings(connections=1))) as talk:
        await talk.call("execute_query", query="SELECT 1")
        await asyncio.to_thread(postgres.stop)
        await asyncio.to_thread(postgres.start)
        assert (await talk.call("execute_query", query="SELECT 2"))["rows"] == [[2]]


async def test_a_change_that_was_under_way_is_not_made(postgres):
    before = postgres.state()
    async with talking(make_server(postgres.url(), DatabaseSettings(write=True))) as talk:
        call = asyncio.ensure_future(
            talk.fails("modify_data", query="UPDATE orders SET total = 0 WHERE pg_sleep(60) IS NOT NULL")
        )
        await until(postgres, SLEEPING, "1")
        await asyncio.to_thread(postgres.stop)
        assert "it changed nothing" in await call
        await asyncio.to_thread(postgres.start)
    assert postgres.state() == before


async def test_a_server_that_starts_before_its_database_serves_it_when_it_comes(postgres):
    await asyncio.to_thread(postgres.stop)
    try:
        async with talking(make_server(postgres.url("reader"))) as talk:
            assert [resource["uri"] for resource in await talk.client.list_resources()] == ["schema://tables"]
            assert "cannot be reached" in await talk.fails("get_schema")
            await asyncio.to_thread(postgres.start)
            assert len((await talk.call("get_schema"))["tables"]) == 2
            assert len(await talk.client.list_resources()) == 3
    finally:
        if not (postgres.folder / "data/postmaster.pid").exists():
            postgres.start()


async def test_a_session_that_hangs_is_given_up_in_time(postgres, monkeypatch):
    monkeypatch.setattr(module, "_GRACE", 0.2)
    patient = DatabaseSettings(connections=1)
    engine = PostgresEngine(address_of(postgres.url()), patient)
    await engine.open()
    ((pid,),) = (await engine.read("SELECT pg_backend_pid()", (), 1)).rows
    os.kill(pid, signal.SIGSTOP)
    try:
        engine._settings = replace(patient, timeout=0.5)
        async with asyncio.timeout(20):
            with pytest.raises(ToolError, match=r"stopped after 0\.5 s"):
                await engine.read("SELECT 1", (), 10)
        engine._settings = patient
        assert (await engine.read("SELECT 1", (), 10)).rows == ((1,),)
    finally:
        os.kill(pid, signal.SIGCONT)
        await engine.close()


async def test_a_session_that_somebody_ends_is_told_and_replaced(postgres):
    async with talking(make_server(postgres.url("reader"), DatabaseSettings(connections=1))) as talk:
        call = asyncio.ensure_future(talk.fails("execute_query", query="SELECT pg_sleep(60)"))
        await until(postgres, SLEEPING, "1")
        postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        assert "lost while the statement ran" in await call
        assert (await talk.call("execute_query", query="SELECT 2"))["rows"] == [[2]]


async def test_a_login_that_is_refused_is_told_without_the_password(postgres):
    for url in (postgres.url("guarded", "wrong-pass"), postgres.url("nobody_there", PASSWORD)):
        async with talking(make_server(url)) as talk:
            words = await talk.fails("execute_query", query="SELECT 1")
        assert "cannot be reached" in words
        assert "pass" not in words.replace("password", "")
    async with talking(make_server(postgres.url("guarded", PASSWORD))) as talk:
        assert (await talk.call("execute_query", query="SELECT 1"))["rows"] == [[1]]


async def test_a_database_that_is_nowhere_is_said_at_once():
    async with talking(make_server("postgresql://ada:hidden-word@127.0.0.1:1/shop")) as talk:
        words = await talk.fails("execute_query", query="SELECT 1")
    assert "127.0.0.1:1/shop cannot be reached" in words
    assert "hidden-word" not in words
