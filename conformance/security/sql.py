"""Writes through tools that promise to read only: a table of ours that exists afterwards, a file that came back.

Tables are made, never changed: each attempt has a name of its own, and drops what it made. A tool that may write does
nothing wrong by writing; it only helps to lay out a table.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import partial

from conformance.expect import Blocked
from conformance.security.aims import Aim, Role
from conformance.security.evidence import token
from conformance.security.probe import Attempt, Caught, Probe, Scene, aimed, need_near

__all__ = ["PROBE"]

_ABOUT = re.compile(r"\bsql\w*\b|\bdatabase|\bselect\b|\btables?\b|sqlite|postgres|mysql|mariadb|duckdb", re.IGNORECASE)
ROLE = Role(re.compile(r"(^|[_-])(sql|query|statement)$"), about=_ABOUT)
_READING = re.compile(r"\bread.?only\b|\bselect\b")
_WRITING = re.compile(r"\b(insert|update|delete|creat\w+|write|modif\w+|any|arbitrary)\b")

_MAKING = (
    "{}",
    "SELECT 1; {}",
    "SELECT 1;\n{}",
    "COMMIT; {}",
    "COMMIT; {}; BEGIN",
    "END; {}",
    "ROLLBACK; {}; COMMIT",
    "/* a */ {}",
    "-- SELECT 1\n{}",
    "SELECT 1; -- a\n{}; COMMIT",
    "PRAGMA query_only = 0; {}",
    "EXPLAIN ANALYZE {}",
    "WITH a AS (SELECT 1) SELECT * FROM a; {}",
    "SET TRANSACTION READ WRITE; {}",
)
"""How a statement that makes or drops a table is put."""
_MAKING_ITSELF = ("SELECT '{0}' AS word INTO {1}", "WITH a AS (SELECT '{0}' AS word) SELECT word INTO {1} FROM a")
_FILLING = (
    "INSERT INTO {1} VALUES ('{0}')",
    "WITH a AS (SELECT '{0}' AS word) INSERT INTO {1} SELECT word FROM a",
    "WITH a AS (INSERT INTO {1} VALUES ('{0}') RETURNING word) SELECT word FROM a",
    "WITH a AS (SELECT 1) UPDATE {1} SET word = '{0}'",
    "SELECT 1; INSERT INTO {1} VALUES ('{0}')",
    "REPLACE INTO {1} VALUES ('{0}')",
)
"""Writes to a table of ours that another tool, which may write, has made."""
_READING_FILES = ("SELECT readfile('{}')", "SELECT pg_read_file('{}')", "SELECT LOAD_FILE('{}')", "SELECT * FROM '{}'")
_WRITING_FILES = (
    "VACUUM INTO '{}'",
    "SELECT 1 INTO OUTFILE '{}'",
    "SELECT 1 INTO/**/DUMPFILE '{}'",
    "COPY (SELECT 1) TO '{}'",
    "SELECT writefile('{}', 'a')",
    "SELECT 1; VACUUM INTO '{}'",
    "ATTACH DATABASE '{}' AS touched; CREATE TABLE touched.a (b)",
)


async def attempts(scene: Scene) -> Sequence[Attempt]:
    """Attack each argument that takes SQL, of tools that promise to read only."""
    found = aimed(scene, ROLE, "tools/call")
    reading = [aim for aim in found if _promises(aim)]
    if not reading:
        raise Blocked(f"no tool that takes SQL promises to read only: {', '.join(scene.probed)}")
    writing = [aim for aim in found if aim not in reading]
    need_near(scene)
    made: list[Attempt] = []
    for aim in reading:
        place = str(aim)
        made += [Attempt(place, partial(_making, aim, form)) for form in _MAKING]
        made += [Attempt(place, partial(_making_itself, aim, form)) for form in _MAKING_ITSELF]
        made += [Attempt(place, partial(_filling, aim, other, form)) for other in writing[:1] for form in _FILLING]
        made.append(Attempt(place, partial(_attaching, aim)))
        made += [Attempt(place, partial(_reading_file, aim, form)) for form in _READING_FILES]
        made += [Attempt(place, partial(_writing_file, aim, form)) for form in _WRITING_FILES]
    return made


def _promises(aim: Aim) -> bool:
    if aim.read_only or "read-only" in aim.promise:
        return True
    return bool(_READING.search(aim.promise)) and not _WRITING.search(aim.promise)


def _table() -> str:
    return f"touchstone_{secrets.token_hex(4)}"


async def _making(aim: Aim, form: str, scene: Scene) -> None:
    word, table = token(), _table()
    await scene.begin()
    await scene.call(aim, form.format(f"CREATE TABLE {table} AS SELECT '{word}' AS word"))
    await _judge(aim, scene, (word, table), form.format("CREATE TABLE ..."), form.format(f"DROP TABLE {table}"))


async def _making_itself(aim: Aim, form: str, scene: Scene) -> None:
    word, table = token(), _table()
    await scene.begin()
    await scene.call(aim, form.format(word, table))
    await _judge(aim, scene, (word, table), form.format("...", "..."), f"DROP TABLE {table}")


async def _filling(aim: Aim, other: Aim, form: str, scene: Scene) -> None:
    word, table = token(), _table()
    await scene.begin()
    await scene.call(other, f"CREATE TABLE {table} (word VARCHAR(64))")
    await scene.call(other, f"INSERT INTO {table} VALUES ('laid out')")  # noqa: S608 - all ours
    try:
        await scene.call(aim, form.format(word, table))
        await _judge(aim, scene, (word, table), form.format("...", "our own table"), "")
    finally:
        await scene.call(other, f"DROP TABLE {table}")


async def _judge(aim: Aim, scene: Scene, sought: tuple[str, str], name: str, undo: str) -> None:
    """Read the table. The word is not in what asks for it, so that an answer that has it is no echo."""
    word, table = sought
    if word not in await scene.call(aim, f"SELECT word FROM {table}"):  # noqa: S608 - an attack
        return
    caught = scene.caught(
        f"{aim} to write nothing by {name!r}", f"a later SELECT finds the table {table}, with our row"
    )
    if undo and not await _undone(aim, scene, undo, sought):
        scene.notes.append(f"the table {table} could be made, but not dropped: drop it yourself")
    raise caught


async def _undone(aim: Aim, scene: Scene, undo: str, sought: tuple[str, str]) -> bool:
    """Drop a table of ours, in the way in which it was made or in another; whether it has gone."""
    word, table = sought
    for statement in (undo, *(form.format(f"DROP TABLE {table}") for form in _MAKING)):
        await scene.call(aim, statement)
        if word not in await scene.call(aim, f"SELECT word FROM {table}"):  # noqa: S608 - all ours
            return True
    return False


async def _attaching(aim: Aim, scene: Scene) -> None:
    file, word, name = scene.traps.fresh(), token(), _table()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE canary (word)")
        connection.execute("INSERT INTO canary VALUES (?)", (word,))
        connection.commit()
    await scene.begin()
    await scene.call(aim, f"ATTACH DATABASE '{file}' AS {name}")
    if word in await scene.call(aim, f"SELECT word FROM {name}.canary"):  # noqa: S608 - an attack
        caught = scene.caught(
            f"{aim} to attach no other file", f"a later SELECT reads the database {file}", _laid(file, word)
        )
        await scene.call(aim, f"DETACH DATABASE {name}")
        raise caught


def _laid(file: object, word: str) -> str:
    return (
        "import pathlib, sqlite3\n"
        f"file = pathlib.Path({str(file)!r})\nfile.parent.mkdir(parents=True, exist_ok=True)\n"
        "with sqlite3.connect(file) as connection:\n"
        f"    connection.execute('CREATE TABLE IF NOT EXISTS canary AS SELECT ? AS word', ({word!r},))\n"
    )


async def _reading_file(aim: Aim, form: str, scene: Scene) -> None:
    canary = scene.traps.canary()
    await scene.begin()
    if canary.sung(await scene.call(aim, form.format(canary.path))):
        raise _of_file(aim, scene, form, f"its content came back: {canary.path}")


async def _writing_file(aim: Aim, form: str, scene: Scene) -> None:
    file = scene.traps.fresh()
    await scene.begin()
    await scene.call(aim, form.format(file))
    if file.exists():
        raise _of_file(aim, scene, form, f"{file} exists now")


def _of_file(aim: Aim, scene: Scene, form: str, actual: str) -> Caught:
    return scene.caught(f"{aim} to keep to the database, whatever {form.format('FILE')!r} says", actual)


PROBE = Probe(
    "security.sql",
    ("security.inputs.checked",),
    "No SQL makes a tool write that promises to read only, or reach a file beside the database.",
    attempts,
)
