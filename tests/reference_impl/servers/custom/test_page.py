"""The page about the custom server says what it does."""

from __future__ import annotations

import shutil
from pathlib import Path

import anyio

from reference_impl.servers.custom import make_server
from tests.reference_impl.servers.pages import ROOT, blocks, printed
from tests.reference_impl.servers.talking import talking

PAGE = "servers/custom.md"


def test_the_session_prints_what_the_page_shows(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docs/examples/custom/my_tools.py", tmp_path)
    assert printed(blocks(PAGE, "python")[1], tmp_path) == blocks(PAGE, "text")[0]


def test_the_first_function_of_the_page_is_a_tool(tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text(blocks(PAGE, "python")[0], "utf-8")

    async def asked() -> object:
        async with talking(make_server(tmp_path / "page.py")) as talk:
            return await talk.call("distance", x=3, y=4)

    assert anyio.run(asked) == [{"type": "text", "text": "5 m"}]
