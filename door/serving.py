"""`serve`: the reference servers by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from door.errors import Exit, Refusal

if TYPE_CHECKING:
    from ssl import SSLContext

    from reference_impl.security.sealing import SealKeys

__all__ = ["SERVERS", "Securing", "serve_named"]

SERVERS: dict[str, str] = {"everything": "reference_impl.servers.everything"}
"""Name to the module whose `make_server` builds it."""


@dataclass(frozen=True, slots=True)
class Securing:
    """How a server is kept from others: certificate and key, or a directory to make them in; whose clients it takes;
    the file of keys that messages are sealed with."""

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


def serve_named(name: str, transport: str, host: str, port: int, securing: Securing) -> int:
    """Serve until the input ends (stdio) or a signal comes (the others, which all listen at one address).

    Raises `Refusal` for an unknown name, a missing library, an address that cannot be listened on, and certificates and
    keys that cannot be used.
    """
    if name not in SERVERS:
        raise Refusal(f"there is no server {name!r}; known: {', '.join(SERVERS)}")
    if not host:
        raise Refusal("--host is empty, which would mean every network: name an address")
    make: Callable[[], Any] = import_module(SERVERS[name]).make_server
    seal, tls = _seal(transport, securing), _tls(transport, host, securing)
    if transport == "stdio":
        from reference_impl.server.run import run_stdio

        run_stdio(make(), seal=seal)
        return Exit.PASSED
    needed = ("uvicorn", "httptools", "websockets")
    if any(find_spec(library) is None for library in needed):
        raise Refusal("serving over HTTP needs uvicorn[standard]: install mcp-touchstone[servers]")
    from reference_impl.server.run import run_http

    try:
        run_http(make(), host, port, transport=transport, tls=tls, seal=seal)
    except OSError as error:
        raise Refusal(f"{host}:{port}: {(error.strerror or 'cannot be listened on').lower()}") from None
    return Exit.PASSED


def _seal(transport: str, securing: Securing) -> SealKeys | None:
    from reference_impl.security.sealing import KeysError, SealKeys

    try:
        keys = SealKeys.from_file(securing.seal_keys) if securing.seal_keys else SealKeys.from_environment()
    except KeysError as error:
        raise Refusal(str(error)) from None
    if keys is not None and transport not in ("stdio", "ws"):
        raise Refusal("messages can be sealed over stdio and ws alone: over HTTP use --tls-cert or --tls-generate")
    return keys


def _tls(transport: str, host: str, securing: Securing) -> SSLContext | None:
    certificate, key, generate = securing.tls_cert, securing.tls_key, securing.tls_generate
    if (certificate is None) is not (key is None):
        raise Refusal("--tls-cert and --tls-key go together")
    if certificate is None and generate is None:
        if securing.tls_client_ca is not None:
            raise Refusal("--tls-client-ca needs --tls-cert and --tls-key, or --tls-generate")
        return None
    if transport == "stdio":
        raise Refusal("TLS is for transports over TCP: add --transport http, sse or ws")
    if certificate is not None and generate is not None:
        raise Refusal("--tls-generate makes a certificate: leave out --tls-cert and --tls-key")
    from reference_impl.security.authority import LOOPBACK_NAMES, issue
    from reference_impl.security.tls import TlsError, demand_current, server_context

    try:
        if generate is not None:
            anywhere = host in ("0.0.0.0", "::")  # noqa: S104 - a comparison
            names = LOOPBACK_NAMES if anywhere else tuple(dict.fromkeys((*LOOPBACK_NAMES, host)))
            issued = issue(generate, names)
            certificate, key = issued.certificate, issued.key
        assert certificate is not None
        assert key is not None
        demand_current(certificate)
        return server_context(certificate, key, securing.tls_client_ca)
    except TlsError as error:
        raise Refusal(str(error)) from None
