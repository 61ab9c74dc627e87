"""Serves an authorization server for demos until SIGTERM or SIGINT; its issuer is printed on standard error."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys

import uvicorn

from reference_impl.servers.authorization.app import AuthorizationServer
from reference_impl.servers.authorization.settings import CLIENT_CREDENTIALS, GRANTS, SCOPES, Client, Features, Settings


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="reference_impl.servers.authorization", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 picks a free one")
    parser.add_argument("--issuer", help="the URL under which clients reach this server; the address by default")
    parser.add_argument("--scope", action="append", help="a scope to offer; may be repeated")
    parser.add_argument("--resource", action="append", default=[], help="a resource to give tokens for; any by default")
    parser.add_argument("--client", action="append", default=[], metavar="ID[:SECRET]", help="a registered client")
    parser.add_argument("--redirect-uri", action="append", default=[], help="a redirect URI of the registered clients")
    parser.add_argument("--tokens", choices=("jwt", "opaque"), default="jwt")
    parser.add_argument("--consent", action="store_true", help="show a page where the user agrees")
    parser.add_argument("--loopback-documents", action="store_true", help="take client documents from this machine")
    return parser.parse_args()


def _client(text: str, redirect_uris: tuple[str, ...]) -> Client:
    identifier, colon, secret = text.partition(":")
    if not colon:
        return Client(identifier, redirect_uris)
    grants = GRANTS if redirect_uris else (CLIENT_CREDENTIALS,)
    methods = ("client_secret_basic", "client_secret_post")
    return Client(identifier, redirect_uris, secret, methods=methods, grants=grants, introspects=True)


def main() -> None:
    """Serve. The port is open before the issuer is printed."""
    given = _arguments()
    family = socket.AF_INET6 if ":" in given.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((given.host, given.port))
        listener.listen(128)
        host = f"[{given.host}]" if ":" in given.host else given.host
        settings = Settings(
            given.issuer or f"http://{host}:{listener.getsockname()[1]}",
            tuple(_client(text, tuple(given.redirect_uri)) for text in given.client),
            tuple(given.scope or SCOPES),
            resources=tuple(given.resource),
            tokens=given.tokens,
            features=Features(consent=given.consent, loopback=given.loopback_documents),
        )
        sys.stderr.write(settings.issuer + "\n")
        sys.stderr.flush()
        config = uvicorn.Config(
            AuthorizationServer(settings), access_log=False, log_level="warning", proxy_headers=False, ws="none"
        )
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
