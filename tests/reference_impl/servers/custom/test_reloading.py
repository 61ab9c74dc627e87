"""A module that is edited while it is served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from reference_impl.client import ClientSettings, Filter
from reference_impl.protocol.revisions import REVISIONS
from reference_impl.servers.custom import make_server
from tests.reference_impl.servers.custom.test_custom import written  # noqa: F401 - a fixture
from tests.reference_impl.servers.talking import Talk, talking

pytestmark = pytest.mark.anyio
INTERVAL = 0.005
FIRST = "def a() -> str: return 'one'\ndef b() -> str: return 'b'\n"
SECOND = "def a() -> str: return 'two'\ndef c(x: int = 1) -> str: return 'c'\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def module(written) -> Iterator[Path]:  # type: ignore[no-untyped-def] # noqa: F811 - the fixture
    return written(FIRST)


async def text_of(talk: Talk, tool: str) -> str:
    return str((await talk.call(tool))[0]["text"])


def replace(path: Path, source: str) -> None:
    """Put a new version in place as editors do: whole, under another inode."""
    fresh = path.with_suffix(".new")
    fresh.write_text(source, "utf-8")
    fresh.replace(path)


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("revisions", [REVISIONS, REVISIONS[:-1]], ids=["modern", "legacy"])
async def test_what_came_went_and_changed_is_announced(module: Path, revisions: tuple[object, ...]) -> None:
    settings = ClientSettings(revisions=revisions)  # type: ignore[arg-type] # a slice of REVISIONS
    server = make_server(module, reload=True, interval=INTERVAL)
    async with talking(server, settings) as talk, talk.client.listen(Filter(tools=True)) as news:
        assert await text_of(talk, "a") == "one"
        replace(module, SECOND)
        async for notification in news:
            assert notification.method == "notifications/tools/list_changed"
            break
        assert [tool["name"] for tool in await talk.client.list_tools()] == ["a", "c"]
        assert await text_of(talk, "a") == "two"


async def test_a_change_within_a_function_needs_no_announcement(
    module: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with talking(make_server(module, reload=True, interval=INTERVAL)) as talk:
        replace(module, FIRST.replace("one", "1st"))
        while await text_of(talk, "a") != "1st":
            await anyio.lowlevel.checkpoint()
    assert capsys.readouterr().err == f"{module}: loaded again\n"


async def test_a_broken_version_keeps_the_one_before_and_is_told(
    module: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ""
    async with talking(make_server(module, reload=True, interval=INTERVAL)) as talk:
        replace(module, "def a(:\n")
        while "SyntaxError" not in said:
            assert await text_of(talk, "a") == "one"
            said += capsys.readouterr().err
        assert said.startswith(f"{module}:1: SyntaxError: ")
        assert said.endswith("; the version before it goes on\n")
        remove(module)
        replace(module, SECOND)
        while await text_of(talk, "a") != "two":
            await anyio.lowlevel.checkpoint()
    assert "loaded again (other than before: tools) +c -b" in capsys.readouterr().err


async def test_a_server_of_the_modules_own_is_renewed_and_its_news_still_arrive(module: Path) -> None:
    source = """
from reference_impl.server import AdvancedMCPServer
server = AdvancedMCPServer("own")
@server.resource("own://x")
async def x() -> str: return "VERSION"
@server.tool()
async def touch() -> str:
    server.resource_updated("own://x")
    return "VERSION"
"""
    replace(module, source.replace("VERSION", "one"))
    async with talking(make_server(module, reload=True, interval=INTERVAL)) as talk:
        replace(module, source.replace("VERSION", "two"))
        while await text_of(talk, "touch") != "two":
            await anyio.lowlevel.checkpoint()
        async with talk.client.listen(Filter(uris=("own://x",))) as news:
            await talk.call("touch")
            async for notification in news:
                assert notification.params is not None
                assert notification.params["uri"] == "own://x"
                break


async def test_without_reload_nothing_is_looked_at(module: Path) -> None:
    async with talking(make_server(module)) as talk:
        replace(module, SECOND)
        assert await text_of(talk, "a") == "one"
