"""How a reference server is served: the options that all of them share, and what comes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from door.errors import Exit, Refusal

if TYPE_CHECKING:
    from ssl import SSLContext

    from reference_impl.security.sealing import SealKeys
    from reference_impl.server import AdvancedMCPServer

__all__ = ["LogForm", "ServingOptions", "Transport", "need", "serve"]


class Transport(str, Enum):  # noqa: UP042 - typer shows the values of a str enum
    """How a reference server is served."""

    stdio = "stdio"
    http = "http"
    sse = "sse"
    ws = "ws"


class LogForm(str, Enum):  # noqa: UP042 - typer shows the values of a str enum
    """How calls are told of."""

    text = "text"
    json = "json"


@dataclass(frozen=True, slots=True)
class ServingOptions:
    """Over which transport and at which address, and how the server is kept from others: certificate and key, or a
    directory to make them in; whose clients it takes; the file of keys that messages are sealed with. The rest is what
    stands around every call (`guarding`)."""

    transport: Annotated[Transport, typer.Option("--transport", help="How to serve it.")] = Transport.stdio
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")] = 8000
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", metavar="FILE", help="Certificate, in PEM.")] = None
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="Its private key.")] = None
    tls_client_ca: Annotated[
        Path | None,
        typer.Option("--tls-client-ca", metavar="FILE", help="Demand client certificates from this authority."),
    ] = None
    tls_generate: Annotated[
        Path | None, typer.Option("--tls-generate", metavar="DIR", help="Make authority and certificates there.")
    ] = None
    seal_keys: Annotated[
        Path | None, typer.Option("--seal-keys", metavar="FILE", help="Take sealed messages alone (stdio, ws).")
    ] = None
    log_calls: Annotated[LogForm | None, typer.Option("--log-calls", help="Tell of each call on standard error.")] = (
        None
    )
    call_rate: Annotated[
        float | None, typer.Option("--call-rate", metavar="N", help="Calls a second, for each client.")
    ] = None
    call_burst: Annotated[
        int | None, typer.Option("--call-burst", metavar="N", help="How many at once (twice --call-rate).")
    ] = None
    call_timeout: Annotated[
        float | None, typer.Option("--call-timeout", metavar="SECONDS", help="Stop calls that take longer.")
    ] = None
    call_cache: Annotated[
        float | None,
        typer.Option("--call-cache", metavar="SECONDS", help="Keep what tools that only read, and resources, say."),
    ] = None
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="Allow what these rules allow, and nothing else.")
    ] = None
    consent: Annotated[
        bool, typer.Option("--consent", help="Ask at this terminal for what no rule allows or denies.")
    ] = False
    audit: Annotated[Path | None, typer.Option("--audit", metavar="FILE", help="Write down who was allowed what.")] = (
        None
    )
    audit_key: Annotated[
        Path | None, typer.Option("--audit-key", metavar="FILE", help="The secret that seals the audit log.")
    ] = None
    metrics: Annotated[bool, typer.Option("--metrics", help="Count calls, and show them at /metrics.")] = False


def need(*libraries: str) -> None:
    """Make sure that a server's libraries are here. Raises `Refusal`."""
    missing = [library for library in libraries if find_spec(library) is None]
    if missing:
        raise Refusal(f"this server needs {', '.join(missing)}: install mcp-touchstone[servers]")


def serve(make: Callable[[], AdvancedMCPServer], serving: ServingOptions) -> int:
    """Serve what `make` makes until the input ends (stdio) or a signal comes (the others, which all listen at one
    address).

    Raises `Refusal` for what the server cannot be set up with (its `SetupError`), a missing library, an address that
    cannot be listened on, and certificates and keys that cannot be used.
    """
    transport = serving.transport.value
    if not serving.host:
        raise Refusal("--host is empty, which would mean every network: name an address")
    seal, tls = _seal(serving), _tls(serving)
    if serving.transport is not Transport.stdio:
        need("uvicorn", "httptools", "websockets")
    from reference_impl.server.errors import SetupError
    from reference_impl.server.run import run_http, run_stdio

    try:
        server = make()
    except SetupError as error:
        raise Refusal(str(error)) from None
    from door.serve.guarding import guarded

    with guarded(server, serving):
        if serving.transport is Transport.stdio:
            run_stdio(server, seal=seal)
            return Exit.PASSED
        try:
            run_http(server, serving.host, serving.port, transport=transport, tls=tls, seal=seal)
        except OSError as error:
            at = f"{serving.host}:{serving.port}"
            raise Refusal(f"{at}: {(error.strerror or 'cannot be listened on').lower()}") from None
    return Exit.PASSED


def _seal(serving: ServingOptions) -> SealKeys | None:
    from reference_impl.security.sealing import KeysError, SealKeys

    try:
        keys = SealKeys.from_file(serving.seal_keys) if serving.seal_keys else SealKeys.from_environment()
    except KeysError as error:
        raise Refusal(str(error)) from None
    if keys is not None and serving.transport not in (Transport.stdio, Transport.ws):
        raise Refusal("messages can be sealed over stdio and ws alone: over HTTP use --tls-cert or --tls-generate")
    return keys


def _tls(serving: ServingOptions) -> SSLContext | None:
    certificate, key, generate = serving.tls_cert, serving.tls_key, serving.tls_generate
    if (certificate is None) is not (key is None):
        raise Refusal("--tls-cert and --tls-key go together")
    if certificate is None and generate is None:
        if serving.tls_client_ca is not None:
            raise Refusal("--tls-client-ca needs --tls-cert and --tls-key, or --tls-generate")
        return None
    if serving.transport is Transport.stdio:
        raise Refusal("TLS is for transports over TCP: add --transport http, sse or ws")
    if certificate is not None and generate is not None:
        raise Refusal("--tls-generate makes a certificate: leave out --tls-cert and --tls-key")
    from reference_impl.security.authority import LOOPBACK_NAMES, issue
    from reference_impl.security.tls import TlsError, demand_current, server_context

    try:
        if generate is not None:
            anywhere = serving.host in ("0.0.0.0", "::")  # noqa: S104 - a comparison
            names = LOOPBACK_NAMES if anywhere else tuple(dict.fromkeys((*LOOPBACK_NAMES, serving.host)))
            issued = issue(generate, names)
            certificate, key = issued.certificate, issued.key
        assert certificate is not None
        assert key is not None
        demand_current(certificate)
        return server_context(certificate, key, serving.tls_client_ca)
    except TlsError as error:
        raise Refusal(str(error)) from None
