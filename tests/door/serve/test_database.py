"""`touchstone serve database`: where it cannot be, it is refused in one line; a password stands in no line."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import pytest

from door.errors import Refusal
from door.serve.database import DatabaseOptions, database
from door.serve.listening import ServingOptions
from reference_impl.client import StdioCommand, connect

WHERE = "postgresql://ada:hidden-word@127.0.0.1:1/shop"


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("nowhere.db", DatabaseOptions(), "nowhere.db: there is no such file"),
        ("env:NO_SUCH_VARIABLE", DatabaseOptions(), "NO_SUCH_VARIABLE is not set"),
        ("mysql://ada:hidden-word@h/d", DatabaseOptions(), "must be a path"),
        ("postgresql://ada:hidden-word@h:port/d", DatabaseOptions(), "percent-encode"),
        (None, DatabaseOptions(timeout=0), "timeout must be more than 0"),
    ],
)
def test_what_cannot_be_set_up_is_refused_in_one_line(url: str | None, options: DatabaseOptions, said: str) -> None:
    with pytest.raises(Refusal, match=said) as refused:
        database(ServingOptions(), options, url)
    assert "\n" not in str(refused.value)
    assert "hidden-word" not in str(refused.value)


def test_a_database_that_is_away_is_said_to_the_model_and_its_password_to_nobody(tmp_path: Path) -> None:
    log = tmp_path / "log"

    async def asked() -> str:
        program = 'exec "$@" 2>"$LOG"'
        command = (sys.executable, "-m", "touchstone", "serve", "database", "env:WHERE")
        environment = {"WHERE": WHERE, "LOG": str(log)}
        with anyio.fail_after(60):
            async with connect(StdioCommand(("sh", "-c", program, "sh", *command), environment)) as client:
                return str(await client.call_tool("execute_query", {"query": "SELECT 1"}))

    told = anyio.run(asked)
    assert "127.0.0.1:1/shop cannot be reached" in told
    assert "hidden-word" not in told + log.read_text("utf-8")
