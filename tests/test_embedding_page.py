"""`docs/embedding.md` is run: its modules are written down, imported, served and asked."""

import asyncio
import importlib
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
import uvicorn

from reference_impl.client import AdvancedMCPClient, ServerConfig
from reference_impl.client.settings import ClientSettings
from reference_impl.transports.http_client import HttpClient, request_head
from reference_impl.transports.http_terms import Origin

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).parent.parent / "docs" / "embedding.md").read_text("utf-8")
MODULES = {
    re.match(r"# (\w+)\.py\n", code)[1]: code
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Import a module of the page, afresh."""
    for name, code in MODULES.items():
        (tmp_path / f"{name}.py").write_text(code, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module
    for name in MODULES:
        sys.modules.pop(name, None)


@asynccontextmanager
async def serving(app) -> AsyncIterator[str]:
    """Serve any ASGI application as the page says; yield its address."""
    options = uvicorn.Config(app, port=0, lifespan="on", log_level="warning", timeout_graceful_shutdown=1)
    runner = uvicorn.Server(options)
    with socket.socket() as listener, anyio.fail_after(20):
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        running = asyncio.ensure_future(runner.serve(sockets=[listener]))
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            runner.should_exit = True
            await running


async def get(address: str, path: str) -> tuple[int, str]:
    client = HttpClient(Origin.of(f"http://{address}"))
    try:
        with await client.request(request_head("GET", path, {"host": address})) as reply:
            return reply.status, (await reply.read(1 << 20)).decode()
    finally:
        await client.aclose()


async def test_the_server_answers_inside_starlette_and_the_client_asks_it(load, capsys):
    shop, ask = load("shop"), load("ask_once")
    async with serving(shop.app) as at:
        assert await get(at, "/stock") == (200, '{"apples":12,"pears":0}')
        assert (await get(at, "/ai/health"))[0] == 200
        await ask.main(f"http://{at}/ai/mcp")
    assert capsys.readouterr().out == "shop 12\n"


async def test_the_same_server_answers_inside_fastapi(load, capsys):
    app, ask = load("shop_api").app, load("ask_once")
    async with serving(app) as at:
        assert await get(at, "/stock/apples") == (200, "12")
        await ask.main(f"http://{at}/ai/mcp")
    assert capsys.readouterr().out == "shop 12\n"


async def test_an_application_around_that_stops_ends_the_conversations(load):
    shop = load("shop")
    async with AdvancedMCPClient() as client:
        async with serving(shop.app) as at:
            await client.connect_server(ServerConfig("shop", f"http://{at}/ai/mcp"))
            assert (await client.call_tool("in_stock", {"item": "apples"}))["content"][0]["text"] == "12"
        assert (await client.health_check(timeout=1))["shop"].status == "unhealthy"


async def test_a_web_application_keeps_a_client(load):
    shop, front = load("shop"), load("front")
    async with serving(shop.app) as behind:
        settings = ClientSettings(timeout=5)
        app = front.make_app(ServerConfig("shop", f"http://{behind}/ai/mcp", settings))
        async with serving(app) as at:
            assert await get(at, "/stock/apples") == (200, '{"in_stock":12}')
            assert await get(at, "/health") == (200, '{"shop":"healthy"}')


async def test_both_live_in_one_process(load, capsys):
    with anyio.fail_after(10):
        await load("together").main()
    assert capsys.readouterr().out == "['in_stock']\n"


def test_the_names_of_the_table_exist():
    for name in re.findall(r"client\.(\w+)", PAGE):
        assert name in dir(AdvancedMCPClient()), name
