"""The page about the gateway, and its command, say and do the same."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import typer

import touchstone
from door.serve.gateway import ApiOptions, UpstreamOptions
from reference_impl.servers.gateway import Limits
from tests.reference_impl.servers.gateway.world import document, operation, saved
from tests.reference_impl.servers.pages import ROOT, blocks, printed

PAGE = (ROOT / "docs/servers/gateway.md").read_text("utf-8")


def command() -> typer.core.TyperCommand:
    group = typer.main.get_command(touchstone.app)
    return group.commands["serve"].commands["gateway"]


def test_the_session_prints_what_the_page_shows(tmp_path: Path) -> None:
    assert printed(blocks("servers/gateway.md", "python")[0], tmp_path) == blocks("servers/gateway.md", "text")[0]


def test_every_command_line_of_the_page_parses() -> None:
    lines = [line for block in blocks("servers/gateway.md", "sh") for line in block.splitlines()]
    entry = json.loads(blocks("servers/gateway.md", "json")[0])["mcpServers"]["shop"]
    for words in [*map(shlex.split, lines), [entry["command"], *entry["args"]]]:
        assert words[:3] == ["touchstone", "serve", "gateway"]
        assert command().make_context("gateway", words[3:]).params


def test_the_page_has_every_option_and_the_real_defaults() -> None:
    own = {field.name for group in (ApiOptions, UpstreamOptions) for field in fields(group)}
    options = [parameter for parameter in command().params if parameter.name in own]
    names = {name for option in options for name in (*option.opts, *option.secondary_opts) if name.startswith("--")}
    assert names - set(re.findall(r"`(--[a-z-]+)", PAGE)) == {"--output-schemas"}
    limits = Limits()
    for option, value in (
        ("timeout", f"{limits.timeout:g}"),
        ("attempts", limits.attempts),
        ("concurrency", limits.concurrency),
        ("max-answer", limits.largest_answer),
        ("max-tools", limits.most_tools),
    ):
        assert f"`--{option} {value}`" in PAGE
    assert (limits.failures, limits.rest) == (5, 10)  # five failures, ten seconds


def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "touchstone", "serve", "gateway", *arguments]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, input="")


def test_a_start_says_on_standard_error_what_was_set_up(tmp_path: Path) -> None:
    value = document({"/a": {"get": operation(), "post": operation()}}, servers=[{"url": "http://127.0.0.1:9"}])
    done = serve(saved(tmp_path, value))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "touchstone: gateway to Test: 1 tool, calls go to http://127.0.0.1:9\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.json"], "touchstone: nowhere.json: no such file or directory\n"),
        (["--auth", "a"], "touchstone: --auth takes SCHEME=env:NAME or SCHEME=none\n"),
    ],
)
def test_what_cannot_be_set_up_is_one_line_and_exit_code_2(arguments: list[str], words: str) -> None:
    done = serve(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", words)
