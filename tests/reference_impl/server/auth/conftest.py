"""An issuer of tokens, a small origin on the network, and protected servers."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import pytest
from joserfc.jwk import ECKey, RSAKey

from reference_impl.protocol.messages import encode_json
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.access import Access
from reference_impl.server.asgi import MCPApplication
from reference_impl.server.auth import Authorization, FixedKeys, JwtRules, JwtVerifier, StaticTokens
from reference_impl.server.auth.jwt import sign

RESOURCE = "https://mcp.example/mcp"
ISSUER = "https://auth.example"
NOW = 1_800_000_000
_KEYS = {
    "ec": ECKey.generate_key("P-256", {"kid": "ec"}),
    "rsa": RSAKey.generate_key(2048, {"kid": "rsa"}),
    "other": ECKey.generate_key("P-256", {"kid": "ec"}),
}


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self, now=float(NOW)):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


class Issuer:
    """Signs what it is told to."""

    name = ISSUER
    keys = _KEYS

    @property
    def document(self):
        return {"keys": [self.keys[name].as_dict(private=False) for name in ("ec", "rsa")]}

    def token(self, key="ec", header=None, **claims):
        """Return a good access token but for what is given; a claim that is None is left out."""
        said = {
            "iss": ISSUER,
            "sub": "ann",
            "aud": RESOURCE,
            "client_id": "cli",
            "scope": "mcp files:read",
            "iat": NOW,
            "exp": NOW + 300,
            "jti": "1",
            **claims,
        }
        algorithm = "RS256" if key == "rsa" else "ES256"
        head = {"typ": "at+jwt", "alg": algorithm, "kid": self.keys[key].get("kid"), **(header or {})}
        said = {name: value for name, value in said.items() if value is not None}
        return sign({name: value for name, value in head.items() if value is not None}, said, self.keys[key])


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
def verifier(issuer, clock):
    return JwtVerifier(RESOURCE, {ISSUER: FixedKeys(issuer.document)}, JwtRules(clock=clock))


@dataclass
class Origin:
    """An HTTP server on 127.0.0.1 that answers each path with what it is given, and counts."""

    url: str = ""
    documents: dict = field(default_factory=dict)
    seen: list = field(default_factory=list)
    bodies: list = field(default_factory=list)
    headers: list = field(default_factory=list)

    tasks: set = field(default_factory=set)

    async def serve(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        try:
            await self._answer(reader, writer)
        finally:
            writer.transport.abort() if asyncio.current_task().cancelling() else writer.close()

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        self.seen.append(path)
        fields = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in head.split("\r\n")[1:]}
        self.headers.append(fields)
        self.bodies.append(await reader.readexactly(int(fields.get("content-length", 0))))
        found = self.documents.get(path)
        if callable(found):
            with contextlib.suppress(ConnectionError):
                await found(writer)
        else:
            status = b"200 OK" if found is not None else b"404 Not Found"
            body = found if isinstance(found, bytes) else encode_json(found)
            writer.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (status, len(body)) + body)
            await writer.drain()


@pytest.fixture
async def origin():
    made = Origin()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)
    await server.wait_closed()


def make_server():
    """Return a server whose parts need different scopes."""
    server = AdvancedMCPServer("protected")

    @server.tool("who")
    async def who(context) -> str:
        return f"{context.principal} | {' '.join(sorted(context.scopes))}"

    @server.tool("write", scopes=("files:read", "files:write"))
    async def write(context) -> str:
        context.server.instructions = "written"
        return "done"

    @server.resource("secret://one", "one", scopes=("secrets",))
    async def one() -> str:
        return "secret"

    @server.resource("secret://of/{name}", "some", scopes=("secrets",))
    async def some(name) -> str:
        return name

    @server.resource("open://one", "open")
    async def opened() -> str:
        return "open"

    @server.prompt("plan", scopes=("plans",))
    async def plan(topic: str) -> str:
        return topic

    @server.completion("plan", "topic")
    async def topics(_typed, _known):
        return ["secret topic"]

    return server


TOKENS = {
    "ann": Access("ann", ISSUER, "cli", frozenset({"mcp", "files:read"})),
    "ann-again": Access("ann", ISSUER, "cli", frozenset({"mcp", "files:read", "files:write"})),
    "ann-elsewhere": Access("ann", ISSUER, "web", frozenset({"mcp"})),
    "eve": Access("eve", ISSUER, "cli", frozenset({"mcp"})),
    "all": Access("root", ISSUER, None, frozenset({"mcp", "admin"})),
    "none": Access("nobody", ISSUER),
}


@pytest.fixture
def guarded(web_of):
    """Return a function that makes an HTTP client of a protected server; keywords are those of `Authorization`."""

    def make(server=None, options=None, **more):
        given = {"verifier": StaticTokens(TOKENS), "scopes": ("mcp",), **more}
        authorization = Authorization(RESOURCE, (ISSUER,), **given)
        return web_of(MCPApplication(server or make_server(), options=options, authorization=authorization))

    return make


@pytest.fixture
def web(guarded):
    return guarded()


@pytest.fixture
def bearer():
    return lambda token: {"authorization": f"Bearer {token}"}
