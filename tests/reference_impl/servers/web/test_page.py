"""What `docs/servers/web.md` shows and says is so."""

import asyncio
import json
import re
import shlex
import subprocess
import sys
from dataclasses import asdict

import pytest
import typer

import touchstone
from reference_impl.servers.web import Limits, make_server
from reference_impl.servers.web.tree import MOST_DEPTH, MOST_TOKENS
from reference_impl.servers.web.urls import LONGEST_URL
from tests.reference_impl.servers.pages import ROOT, blocks, printed
from tests.reference_impl.servers.web.world import PRIVATE, answer, site

pytestmark = pytest.mark.anyio

NAME = "servers/web.md"
PAGE = (ROOT / "docs" / NAME).read_text("utf-8")

SITE = {
    "/robots.txt": answer("User-agent: *\nDisallow: /private", kind="text/plain"),
    "/": answer("<title>Home</title><a href=/tea>Tea</a> <a href=/brewing>Brewing</a>"),
    "/brewing": answer("<title>Brewing</title><p>Hot."),
    "/tea": answer(
        "<html lang=en><title>About tea</title><nav><b>Menu</b></nav><h1>Tea</h1>"
        "<p>From <i>China</i>, mostly. See <a href=brewing>how to brew it</a>."
        "<table><tr><th>Kind<th>Minutes<tr><td>green<td>2<tr><td>black<td>4</table>"
    ),
}


async def test_the_session_prints_what_it_is_said_to_print(tmp_path):
    async with site(SITE, PRIVATE) as here:
        (program,) = blocks(NAME, "python")
        shown = await asyncio.to_thread(printed, program.replace(":8080", f":{here.port}"), tmp_path)
        assert [shown.replace(str(here.port), "8080")] == blocks(NAME, "text")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--allow-network", "10.0.0.1/8"], "'10.0.0.1/8' is no network"),
        (["--only-host", "http://x/"], "'http://x/' is no host: write HOST or HOST:PORT"),
    ],
)
def test_what_makes_no_sense_is_refused_with_one_line(arguments, words):
    command = [sys.executable, "-m", "touchstone", "serve", "web", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True, timeout=60)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_the_table_of_limits_is_that_of_the_settings():
    stated = re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", PAGE, re.MULTILINE)
    assert {name: float(number) for name, number in stated} == asdict(Limits())
    assert f"{LONGEST_URL} characters" in PAGE
    assert f"page {MOST_DEPTH} levels and {MOST_TOKENS} tags" in PAGE


def test_every_command_of_the_page_is_one():
    entries = [json.loads(block)["mcpServers"]["web"]["args"] for block in blocks(NAME, "json")]
    lines = [shlex.split(line)[1:] for block in blocks(NAME, "sh") for line in block.splitlines()]
    for serve, web, *options in (*entries, *lines):
        assert (serve, web) == ("serve", "web")
        _commands()["web"].make_context("web", options)


def _commands():
    return typer.main.get_command(touchstone.app).commands["serve"].commands


def test_every_tool_and_every_option_is_named():
    tools = re.findall(r"^\| `(\w+)` \| [a-z]", PAGE[: PAGE.index("## Whom")], re.MULTILINE)
    assert tools == list(make_server().tools)
    own, shared = ({option.opts[0] for option in _commands()[name].params} for name in ("web", "everything"))
    assert own - shared == set(re.findall(r"^\| `(--[\w-]+)", PAGE, re.MULTILINE))
