"""Servers of an `mcp.json` over every way that it knows: TLS with certificates, sealed WebSockets, HTTP with SSE."""

import json
from contextlib import asynccontextmanager

import pytest

from reference_impl.host import Host, HostError, read_configuration
from reference_impl.security.authority import issue
from reference_impl.security.sealing import SealKeys, new_key
from reference_impl.security.tls import server_context
from reference_impl.server.asgi import HttpOptions, MCPApplication
from reference_impl.servers.everything import make_server
from tests.reference_impl.client.manager_servers import text_of
from tests.reference_impl.serving import serving

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def hosting(folder, entry):
    path = folder / "mcp.json"
    path.write_text(json.dumps({"mcpServers": {"one": {"timeout": 5, **entry}}}), "utf-8")
    async with Host(read_configuration(path)) as host:
        await host.initialize_system()
        yield host


async def echoed(folder, entry) -> str:
    async with hosting(folder, entry) as host:
        return text_of(await host.client.call_tool("echo", {"text": "hello"}))


async def test_mutual_tls_is_spoken_with_the_certificates_of_the_file(tmp_path):
    made = issue(tmp_path / "tls")
    context = server_context(made.certificate, made.key, made.authority)
    async with serving(MCPApplication(make_server()), context) as at:
        url = f"https://localhost:{at.port}/mcp"
        known = {"ca": str(made.authority), "cert": str(made.client_certificate), "key": str(made.client_key)}
        assert await echoed(tmp_path, {"url": url, "tls": known}) == "hello"
        with pytest.raises(HostError, match=r"no server could be started: one: .*certificate"):
            await echoed(tmp_path, {"url": url})


async def test_messages_are_sealed_with_the_keys_of_the_file(tmp_path):
    keys = tmp_path / "keys"
    keys.touch(0o600)
    keys.write_text(new_key(), "utf-8")
    options = HttpOptions(websocket=True, seal=SealKeys.from_file(keys))
    async with serving(MCPApplication(make_server(), options=options)) as at:
        url = f"ws://{at.address}/ws"
        assert await echoed(tmp_path, {"url": url, "sealKeys": str(keys)}) == "hello"
        with pytest.raises(HostError, match="no server could be started"):
            await echoed(tmp_path, {"url": url})


async def test_the_older_transport_is_found_by_its_name(tmp_path):
    async with serving(MCPApplication(make_server(), options=HttpOptions(http_sse=True))) as at:
        assert await echoed(tmp_path, {"url": f"http://{at.address}/sse", "type": "sse"}) == "hello"


async def test_what_cannot_be_sealed_is_a_failure_of_that_server(tmp_path):
    keys = tmp_path / "keys"
    keys.touch(0o600)
    keys.write_text(new_key(), "utf-8")
    with pytest.raises(HostError, match=r"one: .*use TLS there"):
        await echoed(tmp_path, {"url": "http://127.0.0.1:1/mcp", "sealKeys": str(keys)})
