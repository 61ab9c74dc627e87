"""Another uvicorn than ours was built for."""

import sys

import pytest
import uvicorn

from reference_impl.server import AdvancedMCPServer
from reference_impl.server.asgi import MCPApplication
from reference_impl.server.http.certificate import CERTIFICATE, certified
from reference_impl.server.uvicorn_choice import choose, fits
from reference_impl.server.uvicorn_protocol import GuardedHttp, GuardedWebSocket
from tests.reference_impl.server.test_uvicorn_http import talk
from tests.reference_impl.serving import serving

pytestmark = pytest.mark.anyio
HEALTH = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


def loaded(**settings):
    config = uvicorn.Config(None, **settings)
    config.load()
    return config


async def test_our_protocols_fit_this_version_and_so_does_its_own():
    chosen = choose(websocket=True)
    assert chosen == {"http": GuardedHttp, "ws": GuardedWebSocket}
    assert await fits(loaded(**chosen))
    assert await fits(loaded(http="auto", ws="none"))


def test_without_the_classes_ours_build_on_uvicorns_own_serve(monkeypatch, caplog):
    monkeypatch.delitem(sys.modules, "reference_impl.server.uvicorn_protocol", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn.protocols.websockets.websockets_sansio_impl", None)
    assert choose(websocket=True) == {"http": "auto", "ws": "auto"}
    assert choose(websocket=False) == {"http": "auto", "ws": "none"}
    assert "its own serves" in caplog.text


@pytest.mark.parametrize("missing", ["pipeline", "headers", "timeout_keep_alive"])
async def test_a_protocol_that_misses_what_it_builds_on_is_replaced_before_anybody_comes(monkeypatch, caplog, missing):
    # `__init__` cannot set it, and nobody can read it: as if it had another name.
    monkeypatch.setattr(GuardedHttp, missing, property(None, lambda _self, _value: None), raising=False)
    async with serving(MCPApplication(AdvancedMCPServer("s"))) as at:
        assert (await talk(at.port, HEALTH)).startswith(b"HTTP/1.1 200 OK")
    assert "its own serves" in caplog.text


async def test_clients_whose_certificates_cannot_be_known_are_not_served():
    async def application(scope, _receive, _send):
        seen.append(scope)

    seen = []
    guarded = certified(application, demanded=True)
    with pytest.raises(RuntimeError, match="certificate"):
        await guarded({"type": "http", "state": {}}, None, None)
    await guarded({"type": "lifespan"}, None, None)
    await guarded({"type": "http", "state": {CERTIFICATE: "ann"}}, None, None)
    await certified(application, demanded=False)({"type": "http"}, None, None)
    assert [scope.get("extensions") for scope in seen] == [None, {"tls": {"client_cert_name": "ann"}}, None]
