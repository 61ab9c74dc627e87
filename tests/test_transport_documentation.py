"""What `docs/transports.md` says of numbers, paths and programs is so."""

import asyncio
import re
from dataclasses import fields
from pathlib import Path

import pytest

from reference_impl import schema_bounds
from reference_impl.protocol.lines import DEFAULT_LIMIT
from reference_impl.protocol.sealing import _HEADER
from reference_impl.protocol.websocket_frames import LARGEST_MESSAGE, MOST_FRAGMENTS, CloseCode
from reference_impl.security import authority, sealing
from reference_impl.security.authority import issue
from reference_impl.security.sealing import SealKeys, new_key
from reference_impl.security.tls import server_context
from reference_impl.server import uvicorn_protocol
from reference_impl.server.asgi import HttpOptions, MCPApplication
from reference_impl.server.channels import ChannelLimits
from reference_impl.server.conversation import MOST_IN_BATCH
from reference_impl.server.features.lifecycle import LARGEST_INTRODUCTION
from reference_impl.server.http import legacy, streams
from reference_impl.server.stream import MOST_RUNNING, MOST_UNSENT
from reference_impl.server.subscriptions import MOST_SUBSCRIPTIONS
from reference_impl.servers.everything import make_server
from reference_impl.transports.websocket import WebSocketLimits
from tests.reference_impl.serving import serving

PAGE = (Path(__file__).parent.parent / "docs" / "transports.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def anyio_backend():
    return "asyncio"


def value(text):
    number, unit = re.fullmatch(r"(\d+)(?: (MiB|s))?", text).groups()
    return int(number) * (1024 * 1024 if unit == "MiB" else 1)


def test_the_defaults_of_the_options_are_as_the_table_has_them():
    stated = re.findall(r"`(\w+)`, (\d+(?: MiB| s)?)", PAGE[PAGE.index("## Limits") :])
    defaults = {field.name: field.default for field in fields(HttpOptions)}
    assert {name: value(text) for name, text in stated} == {name: defaults[name] for name, _ in stated}
    assert {name for name, _ in stated} >= {name for name in defaults if re.match("most|largest|ping|opening", name)}


def test_other_numbers_are_those_of_the_code():
    limits = ChannelLimits()
    assert DEFAULT_LIMIT == 64 * 2**20
    assert HttpOptions().largest_body == LARGEST_MESSAGE
    assert MOST_RUNNING == 10_000
    assert (legacy.MOST_RUNNING, streams.MOST_UNREAD, MOST_UNSENT) == (1000, 4096, 64 * 2**20)
    assert (schema_bounds.MOST_NESTING, schema_bounds.MOST_NODES, schema_bounds.MOST_STEPS) == (100, 50_000, 10_000)
    assert (MOST_IN_BATCH, LARGEST_INTRODUCTION, MOST_SUBSCRIPTIONS) == (1000, 64 * 2**10, 1000)
    assert WebSocketLimits().largest_message == 64 * 2**20
    assert (limits.unread, limits.most_unread, limits.stalled, limits.opening) == (2**20, 64 * 2**20, 60, 60)
    assert (WebSocketLimits().queue, WebSocketLimits().ping_interval, WebSocketLimits().ping_timeout) == (16, 20, 20)
    assert (uvicorn_protocol.HEAD_LIMIT, uvicorn_protocol.PATIENCE, MOST_FRAGMENTS) == (
        65536,
        30,
        4096,
    )
    assert (authority.LEAF_DAYS, authority.RENEWAL_DAYS, authority.AUTHORITY_DAYS) == (90, 14, 3650)
    assert (sealing.TTL, sealing.ENVIRONMENT, _HEADER.size) == (300, "TOUCHSTONE_SEAL_KEYS", 41)


def test_every_close_code_that_is_listed_exists():
    table = PAGE[PAGE.index("| code |") : PAGE.index("Both sides ping")]
    listed = {int(code) for code in re.findall(r"^\| (\d{4}) \|", table, re.MULTILINE)}
    assert listed <= set(CloseCode)


@pytest.mark.anyio
@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda text: re.search(r'connect\("(\w+)', text)[1])
async def test_the_programs_run(snippet, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    made = issue("certificates")
    keys = tmp_path / "keys.txt"
    keys.touch(0o600)
    keys.write_text(f"# ours\n{new_key()}\n", "utf-8")
    secure = "wss:" in snippet
    options = HttpOptions(websocket=True, seal=None if secure else SealKeys.from_file(keys))
    tls = server_context(made.certificate, made.key, made.authority) if secure else None
    async with serving(MCPApplication(make_server(), options=options), tls) as at:
        body = "".join(
            f"    {line}\n" for line in snippet.replace("localhost:8000", f"localhost:{at.port}").splitlines()
        )
        names = {}
        exec(f"async def program():\n{body}", names)
        await asyncio.wait_for(names["program"](), 20)
    assert "'echo'" in capsys.readouterr().out
