"""Secure transports switched on by `mcp.json`, and nothing less than secure where they are."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from reference_impl.client import ConnectionClosed, connect
from reference_impl.host.configuration import read_configuration
from reference_impl.security.authority import Issued, issue
from reference_impl.security.sealing import SealKeys, new_key
from reference_impl.security.tls import server_context
from reference_impl.server.asgi import HttpOptions, MCPApplication
from reference_impl.servers.everything import make_server
from tests.reference_impl.serving import serving

pytestmark = pytest.mark.anyio


async def tools(folder: Path, entry: dict[str, object]) -> int:
    file = folder / "mcp.json"
    file.write_text(json.dumps({"mcpServers": {"it": entry}}), "utf-8")
    (server,) = read_configuration(file).servers
    with anyio.fail_after(20):
        async with connect(server.target, server.settings) as client:
            return len(await client.list_tools())


def mutual(made: Issued) -> dict[str, str]:
    return {"ca": str(made.authority), "cert": str(made.client_certificate), "key": str(made.client_key)}


@pytest.mark.parametrize(("scheme", "path"), [("https", "mcp"), ("wss", "ws")])
async def test_mutual_tls_is_three_files(issued: Issued, tmp_path: Path, scheme: str, path: str) -> None:
    tls = server_context(issued.certificate, issued.key, issued.authority)
    application = MCPApplication(make_server(), options=HttpOptions(websocket=True))
    async with serving(application, tls) as at:
        url = f"{scheme}://localhost:{at.port}/{path}"
        assert await tools(tmp_path, {"url": url, "tls": mutual(issued)}) > 0
        other = issue(tmp_path / "other")
        for wrong in (None, {"ca": str(issued.authority)}, {"ca": str(other.authority)}, mutual(other)):
            with pytest.raises(ConnectionClosed):
                await tools(tmp_path, {"url": url, **({} if wrong is None else {"tls": wrong})})


async def test_a_server_of_another_name_is_refused(tmp_path: Path) -> None:
    made = issue(tmp_path / "tls", ["elsewhere.example"])
    async with serving(MCPApplication(make_server()), server_context(made.certificate, made.key)) as at:
        with pytest.raises(ConnectionClosed):
            await tools(tmp_path, {"url": f"https://localhost:{at.port}/mcp", "tls": {"ca": str(made.authority)}})


async def test_sealed_messages_are_one_file_and_keys_go_on_while_they_are_replaced(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    for file, keys in ((theirs, [new, old]), (ours, [old])):
        file.touch(0o600)
        file.write_text("\n".join(keys), "utf-8")
    options = HttpOptions(websocket=True, seal=SealKeys.from_file(theirs))
    async with serving(MCPApplication(make_server(), options=options)) as at:
        url = f"ws://localhost:{at.port}/ws"
        with pytest.raises(ConnectionClosed, match="cannot be sealed"):  # it cannot read what the first key encrypts
            await tools(tmp_path, {"url": url, "sealKeys": str(ours)})
        ours.write_text(f"{old}\n{new}", "utf-8")
        assert await tools(tmp_path, {"url": url, "sealKeys": str(ours)}) > 0
        with pytest.raises(ConnectionClosed):
            await tools(tmp_path, {"url": url})
