"""Our client and our server together: every transport over TCP, plain, with TLS and mutual TLS, and sealed."""

from contextlib import asynccontextmanager

import anyio
import pytest
import trustme

from reference_impl.client import CallOptions, ClientSettings, ConnectionClosed, connect
from reference_impl.client.ways import way_to
from reference_impl.protocol.revisions import Era
from reference_impl.security.authority import issue
from reference_impl.security.sealing import SealKeys, new_key
from reference_impl.security.tls import client_context, server_context
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.asgi import HttpOptions, MCPApplication
from reference_impl.server.channels import ServedChannel
from reference_impl.transports.memory import memory_pair
from reference_impl.transports.messages import LineChannel
from reference_impl.transports.sealed import seal
from tests.reference_impl.serving import serving

pytestmark = pytest.mark.anyio
EVERY = ("http://{}/mcp", "http://{}/sse", "sse+http://{}/sse", "ws://{}/ws")
OPTIONS = HttpOptions(http_sse=True, websocket=True)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def issued(tmp_path_factory):
    return issue(tmp_path_factory.mktemp("tls"))


def who():
    server = AdvancedMCPServer("s")

    @server.tool("who")
    async def tool(context) -> str:
        return str(context.principal)

    @server.tool("large")
    async def large(size: int) -> str:
        return "x" * size

    @server.tool("wait")
    async def wait(context) -> None:
        context.progress(1, 2)
        await anyio.sleep_forever()

    return server


@asynccontextmanager
async def served(options=OPTIONS, tls=None):
    """A server under uvicorn; yields its authority, `host:port`."""
    async with serving(MCPApplication(who(), options=options), tls) as at:
        yield at.address


async def asked(url, tool="who", arguments=None, **settings):
    """Connect, call a tool and return its text with the era that was agreed on."""
    async with connect(url, ClientSettings(**settings)) as client:
        result = await client.call_tool(tool, arguments or {})
        return result["content"][0]["text"], client.revision.era


def secure(url):
    return url.replace("http:", "https:").replace("ws:", "wss:")


@pytest.mark.parametrize("pattern", EVERY)
async def test_every_transport_carries_the_eras_that_it_has(pattern):
    async with served() as address:
        url = pattern.format(address)
        only_legacy = "/sse" in url
        assert await asked(url) == ("None", Era.LEGACY if only_legacy else Era.MODERN)
        assert await asked(url, era=Era.LEGACY) == ("None", Era.LEGACY)
        text, _ = await asked(url, "large", {"size": 3_000_000})
        assert len(text) == 3_000_000


@pytest.mark.parametrize("pattern", EVERY)
async def test_every_transport_runs_over_tls(pattern, issued):
    async with served(tls=server_context(issued.certificate, issued.key)) as address:
        url = secure(pattern.format(address))
        assert (await asked(url, ssl_context=client_context(issued.authority)))[0] == "None"


@pytest.mark.parametrize("pattern", EVERY)
async def test_the_subject_of_the_clients_certificate_is_its_principal(pattern, issued):
    async with served(tls=server_context(issued.certificate, issued.key, issued.authority)) as address:
        context = client_context(issued.authority, issued.client_certificate, issued.client_key)
        assert (await asked(secure(pattern.format(address)), ssl_context=context))[0] == "CN=touchstone-client"


@pytest.mark.parametrize("pattern", EVERY)
async def test_a_client_without_a_certificate_is_turned_away(pattern, issued):
    async with served(tls=server_context(issued.certificate, issued.key, issued.authority)) as address:
        with pytest.raises(ConnectionClosed, match="does it demand a client certificate"):
            await asked(secure(pattern.format(address)), ssl_context=client_context(issued.authority))


@pytest.mark.parametrize("pattern", EVERY)
async def test_a_server_that_the_client_does_not_trust_is_not_talked_to(pattern, issued, tmp_path):
    async with served(tls=server_context(issued.certificate, issued.key)) as address:
        url = secure(pattern.format(address))
        for context in (None, client_context(issue(tmp_path).authority)):
            with pytest.raises(ConnectionClosed, match="certificate verify failed"):
                await asked(url, ssl_context=context)


@pytest.mark.parametrize("pattern", EVERY)
async def test_a_certificate_of_another_name_is_refused(pattern, tmp_path):
    other = issue(tmp_path, ["example.com"])
    async with served(tls=server_context(other.certificate, other.key)) as address:
        with pytest.raises(ConnectionClosed, match=r"certificate verify failed: .*127\.0\.0\.1"):
            await asked(secure(pattern.format(address)), ssl_context=client_context(other.authority))


async def test_tls_where_none_is_spoken_is_told_apart():
    async with served() as address:
        for pattern in EVERY:
            with pytest.raises(ConnectionClosed, match="no TLS is spoken there"):
                await asked(secure(pattern.format(address)))


async def test_sealed_messages_over_a_websocket():
    old, new = new_key(), new_key()
    options = HttpOptions(websocket=True, seal=SealKeys([new, old]))
    async with served(options) as address:
        url = f"ws://{address}/ws"
        for era in (None, Era.LEGACY):
            assert (await asked(url, seal=SealKeys([old, new]), era=era))[0] == "None"
        with pytest.raises(ConnectionClosed, match=r"1008.*plain messages"):
            await asked(url)
        with pytest.raises(ConnectionClosed, match=r"cannot be sealed.*1008.*none of the keys"):
            await asked(url, seal=SealKeys([new_key()]))
    async with served() as address:
        with pytest.raises(ConnectionClosed, match="cannot be sealed: the peer sends plain messages"):
            await asked(f"ws://{address}/ws", seal=SealKeys([old]))


@pytest.mark.parametrize("era", [None, Era.LEGACY])
async def test_sealed_messages_in_memory(era):
    near, far = memory_pair()
    key = new_key()

    async def serve():
        channel = await seal(LineChannel(far), SealKeys([key]), "server")
        await ServedChannel(who(), channel).run()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        assert (await asked(near, seal=SealKeys([key]), era=era))[0] == "None"


def test_what_cannot_be_sealed_is_refused_before_anything_is_sent():
    keys = ClientSettings(seal=SealKeys([new_key()]))
    for url in ("http://127.0.0.1/mcp", "https://127.0.0.1/mcp", "sse+http://127.0.0.1/sse"):
        with pytest.raises(ValueError, match="not over HTTP"):
            way_to(url, keys)


async def test_an_expired_certificate_is_refused(tmp_path):
    authority = trustme.CA()
    expired = authority.issue_cert("127.0.0.1", not_after=trustme.datetime.datetime(2020, 1, 1))
    expired.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with served(tls=server_context(tmp_path / "server.pem", tmp_path / "server.pem")) as address:
        for pattern in EVERY:
            with pytest.raises(ConnectionClosed, match="expired"):
                await asked(secure(pattern.format(address)), ssl_context=client_context(tmp_path / "ca.pem"))


@pytest.mark.parametrize("pattern", ["ws://{}/ws", "sse+http://{}/sse"])
async def test_a_server_that_shuts_down_says_so_to_what_is_under_way(pattern):
    said = {"ws": "1001, it is going away", "sse+http": "closed the event stream"}[pattern.partition(":")[0]]
    began = anyio.Event()
    application = MCPApplication(who(), options=OPTIONS)
    async with serving(application) as at, connect(pattern.format(at.address)) as client:

        async def wait():
            options = CallOptions(on_progress=lambda _: began.set())
            with pytest.raises(ConnectionClosed, match=said):
                await client.call_tool("wait", {}, options)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await began.wait()
            at.stop()
    with pytest.raises(ConnectionClosed):
        await client.ping()
