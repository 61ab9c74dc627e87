"""PostgreSQL: a pool of connections, and on each one statement at a time, in a transaction that reads.

A statement that reads is the query of a cursor (`DECLARE ... CURSOR FOR`). So it is the grammar of PostgreSQL that
admits one SELECT, VALUES or TABLE and nothing else: no COPY, DO, CALL, SET, EXPLAIN ANALYZE, no writing WITH, no second
statement. The transaction is read-only, has had its first query before, after which nothing can make it write, and is
always rolled back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from reference_impl.server.errors import SetupError
from reference_impl.servers.database.addresses import PostgresAddress
from reference_impl.servers.database.engine import Parameters, QueryError, UnavailableError
from reference_impl.servers.database.postgres_errors import lost, told
from reference_impl.servers.database.postgres_guard import VOLATILE_FUNCTIONS, refusal
from reference_impl.servers.database.postgres_tables import table_names, table_of
from reference_impl.servers.database.postgres_types import as_text, columns_of, speak_text
from reference_impl.servers.database.results import Column, Gathering, QueryResult
from reference_impl.servers.database.safety import Dialect
from reference_impl.servers.database.settings import DatabaseSettings
from reference_impl.servers.database.tables import Table, TableName
from reference_impl.servers.database.traffic import Lent, counting_connection

__all__ = ["PostgresEngine"]

_logger = logging.getLogger("reference_impl.servers.database")
_DECLARE = "DECLARE touchstone NO SCROLL CURSOR FOR\n"
_BATCH = 50
_FETCH = f"FETCH FORWARD {_BATCH} FROM touchstone"
_PREPARE = "PREPARE touchstone AS\n"
_LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes that the server may send between two rests, of a batch of rows or a single value."""
_CONNECTING = 5.0
_GRACE = 2.0
_BOUNDS = """
SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true),
       set_config('idle_in_transaction_session_timeout', $1, true)
"""
_STRONG_ROLE = """
SELECT r.rolsuper OR EXISTS (SELECT FROM pg_roles m WHERE m.rolname IN ('pg_read_server_files', 'pg_write_server_files',
    'pg_execute_server_program', 'pg_signal_backend') AND pg_has_role(r.oid, m.oid, 'MEMBER'))
FROM pg_roles r WHERE r.rolname = current_user
"""


@dataclass(slots=True)
class _Running:
    """What lives from `open` to `close`."""

    pool: Any
    free: asyncio.Semaphore
    ends: set[asyncio.Task[None]] = field(default_factory=set)


class PostgresEngine:
    """One database. Raises `SetupError` where asyncpg is not installed."""

    dialect: Dialect = "postgres"
    placeholders = "$1, $2, ... in order"

    def __init__(self, address: PostgresAddress, settings: DatabaseSettings) -> None:
        try:
            import asyncpg  # noqa: F401 - to learn whether it is there
        except ImportError:
            raise SetupError("PostgreSQL needs asyncpg: install mcp-touchstone[servers]") from None
        self._address = address
        self._settings = settings
        self._now: _Running | None = None
        self._volatile: frozenset[str] = frozenset()
        self._warned = False

    async def open(self) -> None:
        """Make the pool, which connects when it is first used."""
        import asyncpg

        pool = await asyncpg.create_pool(
            self._address.dsn,
            min_size=0,
            max_size=self._settings.connections,
            timeout=_CONNECTING,
            statement_cache_size=0,
            connection_class=counting_connection(_LARGEST_ANSWER),
            server_settings={"application_name": "touchstone", "standard_conforming_strings": "on"},
            init=self._prepared,
        )
        self._now = _Running(pool, asyncio.Semaphore(self._settings.connections))

    async def close(self) -> None:
        """Close all connections; those that do not end in time are cut."""
        now, self._now = self._now, None
        if now is None:
            return
        try:
            async with asyncio.timeout(_GRACE):
                await now.pool.close()
        except TimeoutError:
            now.pool.terminate()

    async def read(self, query: str, params: Parameters, limit: int) -> QueryResult:
        """Run one query in a cursor."""
        gathering = Gathering(self._settings, limit)
        async with self._transaction() as lent:
            connection = lent.connection
            self._check(query)
            values = _bound(params)
            await _declare(connection, query, values)
            columns = await columns_of(connection, _FETCH)
            if any(column.needs_text for column in columns):
                await connection.execute("CLOSE touchstone")  # no row of which was computed
                await _declare(connection, as_text(query, columns), values)
            fetch = await connection.prepare(_FETCH)
            while True:
                lent.counter.restart()
                rows = await fetch.fetch()
                if not all(gathering.take(tuple(row)) for row in rows) or len(rows) < _BATCH:
                    break
            seen = tuple(Column(column.name, column.type) for column in columns)
            return QueryResult(seen, tuple(gathering.rows), gathering.truncated)

    async def write(self, query: str, params: Parameters, limit: int) -> QueryResult:
        """Run one INSERT, UPDATE, DELETE or MERGE: what can be prepared and reports a number of changed rows."""
        gathering = Gathering(self._settings, limit)
        async with self._transaction("BEGIN READ WRITE") as lent:
            connection = lent.connection
            self._check(query, write=True)
            await (await connection.prepare(_PREPARE + query)).fetch()
            await connection.execute("DEALLOCATE touchstone")
            statement = await connection.prepare(query)
            for row in await statement.fetch(*_bound(params)):
                if not gathering.take(tuple(row)):
                    break
            changed = _changed(statement.get_statusmsg(), self._settings.max_changes)
            columns = tuple(Column(found.name, found.type.name) for found in statement.get_attributes())
            await _commit(lent)
            return QueryResult(columns, tuple(gathering.rows), gathering.truncated, changed)

    async def explain(self, query: str, params: Parameters) -> list[str]:
        """Return the plan; nothing is run."""
        async with self._transaction() as lent:
            self._check(query)
            statement = await lent.connection.prepare(f"EXPLAIN {query}")
            return [str(row[0]) for row in await statement.fetch(*_bound(params))]

    async def tables(self, most: int) -> list[TableName]:
        """Return what the role may read."""
        async with self._transaction() as lent:
            return await table_names(lent.connection, most)

    async def table(self, name: str) -> Table | None:
        """Return one of them."""
        async with self._transaction() as lent:
            return await table_of(lent.connection, name)

    def _check(self, query: str, *, write: bool = False) -> None:
        """Look at the functions that are called, once connected: the server has told then which are volatile."""
        reason = refusal(query, self._volatile, write=write)
        if reason is not None:
            raise QueryError(reason)

    @asynccontextmanager
    async def _transaction(self, begin: str = "BEGIN READ ONLY") -> AsyncGenerator[Lent, None]:
        """Lend a connection in a transaction; roll back at the end. Raises `QueryError`, `UnavailableError`."""
        now = self._now
        if now is None:
            raise UnavailableError("The database is not open")
        await self._slot(now)
        try:
            async with asyncio.timeout(self._settings.timeout):
                lent = await self._begun(now, begin)
                try:
                    yield lent
                except Exception as error:
                    failure = told(error, lent, self._address)
                    if failure is None:
                        raise
                    raise failure from None
                finally:
                    await self._end(now, lent)
        except TimeoutError:
            seconds = self._settings.timeout
            message = f"The statement was stopped after {seconds:g} s: ask for less, or use explain_query to see why"
            raise QueryError(message) from None
        finally:
            now.free.release()

    async def _slot(self, now: _Running) -> None:
        try:
            async with asyncio.timeout(self._settings.wait):
                await now.free.acquire()
        except TimeoutError:
            count, wait = self._settings.connections, self._settings.wait
            raise UnavailableError(f"All {count} connections have been busy for {wait:g} s: try again later") from None

    async def _begun(self, now: _Running, begin: str) -> Lent:
        """Return a connection in a new transaction. One that died while it lay in the pool is replaced once."""
        for attempt in range(2):
            lent = await self._acquired(now)
            try:
                lent.counter.restart()
                await lent.connection.execute(begin)
                await lent.connection.fetch(_BOUNDS, f"{int((self._settings.timeout + _GRACE) * 1000)}ms")
            except BaseException as error:
                await self._end(now, lent)
                if not isinstance(error, Exception):
                    raise
                if attempt or not lost(error, lent):
                    raise told(error, lent, self._address) or error from None
            else:
                return lent
        raise AssertionError  # the second attempt has ended this

    async def _acquired(self, now: _Running) -> Lent:
        try:
            connection = await now.pool.acquire(timeout=_CONNECTING + 1)
            return Lent(connection, connection.counter)
        except Exception as error:
            failure = told(error, None, self._address)
            if failure is None:
                raise
            raise failure from None

    async def _end(self, now: _Running, lent: Lent) -> None:
        """Roll back and give the connection back, even while this task is being cancelled again and again."""
        task = asyncio.create_task(_ended(now.pool, lent))
        now.ends.add(task)
        task.add_done_callback(now.ends.discard)
        await asyncio.shield(task)

    async def _prepared(self, connection: Any) -> None:
        """Make a new connection ready: types as text, what is volatile, what the role may do."""
        await speak_text(connection)
        self._volatile = frozenset(row[0] for row in await connection.fetch(VOLATILE_FUNCTIONS))
        if not self._warned and await connection.fetchval(_STRONG_ROLE):
            self._warned = True
            _logger.warning(
                "the role at %s is a superuser, or may use files, programs or other sessions of the server: "
                "give this server a role that may read its tables and nothing else",
                self._address.shown,
            )


async def _declare(connection: Any, query: str, params: list[Any]) -> None:
    await (await connection.prepare(_DECLARE + query)).fetch(*params)


async def _ended(pool: Any, lent: Lent) -> None:
    try:
        if not lent.closed:
            async with asyncio.timeout(_GRACE):
                await lent.connection.execute("ROLLBACK")
    except Exception:  # noqa: BLE001 - whatever is wrong with the connection, it is not used again
        if not lent.closed:
            lent.connection.terminate()
    finally:
        await pool.release(lent.connection, timeout=_GRACE)


async def _commit(lent: Lent) -> None:
    try:
        await lent.connection.execute("COMMIT")
    except Exception as error:
        if not lost(error, lent):
            raise
        raise UnavailableError("The connection was lost during COMMIT: look whether the change was made") from None


def _bound(params: Parameters) -> list[Any]:
    if isinstance(params, Mapping):
        raise QueryError("PostgreSQL takes parameters in order: write $1, $2, ... and give a list")
    return list(params)


def _changed(status: str, most: int) -> int:
    """Return the number of changed rows that a status such as `INSERT 0 3` tells. Raises `QueryError`."""
    verb, *_, count = status.split()
    if verb not in ("INSERT", "UPDATE", "DELETE", "MERGE"):
        raise QueryError("The statement itself must be INSERT, UPDATE, DELETE or MERGE; RETURNING shows what it did")
    if int(count) > most:
        raise QueryError(f"The statement would have changed {count} rows; more than {most} are not allowed at once")
    return int(count)
