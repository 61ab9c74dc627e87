"""`touchstone serve`: TLS and sealed messages from the command line, and what is refused before anything is served."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from door.errors import Refusal
from door.serve.everything import everything
from door.serve.listening import ServingOptions, Transport
from reference_impl.client import ClientSettings, ConnectionClosed, StdioCommand, connect
from reference_impl.security.authority import issue
from reference_impl.security.sealing import SealKeys, new_key
from reference_impl.security.tls import client_context

SERVE = (sys.executable, "-m", "touchstone", "serve", "everything")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.touch(0o600)
    path.write_text(new_key() + "\n", "utf-8")
    return path


@pytest.mark.parametrize(
    ("transport", "serving", "said"),
    [
        (Transport.http, ServingOptions(tls_cert=Path("a.pem")), "--tls-cert and --tls-key go together"),
        (Transport.http, ServingOptions(tls_key=Path("a.key")), "--tls-cert and --tls-key go together"),
        (Transport.http, ServingOptions(tls_client_ca=Path("ca.pem")), "--tls-client-ca needs"),
        (Transport.stdio, ServingOptions(tls_generate=Path("tls")), "TLS is for transports over TCP"),
        (
            Transport.http,
            ServingOptions(tls_cert=Path("a.pem"), tls_key=Path("a.key"), tls_generate=Path("tls")),
            "leave out --tls-cert",
        ),
        (
            Transport.http,
            ServingOptions(tls_cert=Path("none.pem"), tls_key=Path("none.key")),
            "none.pem: no such file or directory",
        ),
        (Transport.stdio, ServingOptions(seal_keys=Path("none")), "none: no such file or directory"),
    ],
)
def test_options_that_do_not_go_together_are_refused(transport: Transport, serving: ServingOptions, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        everything(replace(serving, transport=transport, port=0))


def test_no_host_is_not_every_host() -> None:
    with pytest.raises(Refusal, match="--host is empty"):
        everything(ServingOptions(Transport.http, host=""))


@pytest.mark.parametrize("transport", [Transport.http, Transport.sse])
def test_what_cannot_be_sealed_is_refused(transport: Transport, keys: Path) -> None:
    with pytest.raises(Refusal, match="over stdio and ws alone"):
        everything(ServingOptions(transport, port=0, seal_keys=keys))


def test_keys_in_the_environment_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHSTONE_SEAL_KEYS", "no key")
    with pytest.raises(Refusal, match="32 bytes in URL-safe base64"):
        everything(ServingOptions())


@contextmanager
def served(*options: str) -> Iterator[str]:
    process = subprocess.Popen((*SERVE, "--port", "0", *options), stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        yield process.stderr.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


def test_certificates_are_made_and_demanded(tmp_path: Path) -> None:
    authority = str(tmp_path / "ca.pem")
    with served("--transport", "ws", "--tls-generate", str(tmp_path), "--tls-client-ca", authority) as url:
        assert url.startswith("wss://127.0.0.1:")
        made = issue(tmp_path)
        context = client_context(made.authority, made.client_certificate, made.client_key)
        assert _tools(url, ClientSettings(ssl_context=context)) > 0
        with pytest.raises(ConnectionClosed):
            _tools(url, ClientSettings(ssl_context=client_context(made.authority)))


def test_messages_on_standard_streams_are_sealed(keys: Path) -> None:
    command = StdioCommand((*SERVE, "--seal-keys", str(keys)))
    assert _tools(command, ClientSettings(seal=SealKeys.from_file(keys))) > 0
    with pytest.raises(ConnectionClosed, match="the client was refused: the peer sends plain messages"):
        _tools(command, ClientSettings())


def test_a_sealed_client_takes_no_plain_server(keys: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TOUCHSTONE_SEAL_KEYS"}
    with pytest.raises(ConnectionClosed, match="cannot be sealed: the peer sends plain messages"):
        _tools(StdioCommand(SERVE, environment), ClientSettings(seal=SealKeys.from_file(keys)))


def _tools(target: StdioCommand | str, settings: ClientSettings) -> int:
    async def count() -> int:
        with anyio.fail_after(30):
            async with connect(target, settings) as client:
                return len(await client.list_tools())

    return anyio.run(count)
