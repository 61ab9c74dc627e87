"""A browser and a client for authorization servers, without sockets."""

import base64
import hashlib
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from reference_impl.protocol.messages import decode_json, encode_json
from reference_impl.servers.authorization import AuthorizationServer, Client, Settings

ISSUER = "http://127.0.0.1:9000"
RESOURCE = "https://mcp.example/mcp"
REDIRECT = "https://client.example/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self, now=1_800_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


@dataclass
class Answer:
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return decode_json(self.body)

    @property
    def location(self):
        return self.headers["location"].partition("?")[0]

    @property
    def answer(self):
        """The parameters that a redirect carries."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.headers["location"]).query).items()}


@dataclass
class Visitor:
    """Calls an ASGI application itself."""

    application: AuthorizationServer

    async def send(self, method, path, body=b"", headers=None, query=""):
        pairs = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        scope = {"type": "http", "method": method, "path": path, "headers": pairs, "query_string": query.encode()}
        sent = []

        async def receive():
            return {"type": "http.request", "body": body}

        async def send(message):
            sent.append(message)

        await self.application(scope, receive, send)
        head = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], head, b"".join(part.get("body", b"") for part in sent[1:]))

    async def get(self, path, headers=None, **query):
        return await self.send("GET", path, headers=headers, query=urlencode(query, doseq=True))

    async def post(self, path, headers=None, **form):
        given = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
        return await self.send("POST", path, urlencode(form, doseq=True).encode(), given)

    async def post_json(self, path, value):
        return await self.send("POST", path, encode_json(value), {"content-type": "application/json"})

    async def authorize(self, **more):
        """Ask for a code, rightly but for what is given; None leaves a parameter out."""
        asked = {
            "response_type": "code",
            "client_id": "public",
            "redirect_uri": REDIRECT,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "state": "s1",
            "resource": RESOURCE,
            **more,
        }
        return await self.get("/authorize", **{name: value for name, value in asked.items() if value is not None})

    async def code(self, **more):
        return (await self.authorize(**more)).answer["code"]

    async def redeem(self, code, headers=None, /, **more):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": "public",
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
            "resource": RESOURCE,
            **more,
        }
        return await self.post("/token", headers, **{key: value for key, value in form.items() if value is not None})

    async def refresh(self, token, **more):
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "public", **more}
        return await self.post("/token", **form)


PUBLIC = Client("public", (REDIRECT, "http://127.0.0.1/callback"), name="A client")
SECRET = Client(
    "secret",
    (REDIRECT,),
    "s3cret:%",
    methods=("client_secret_basic", "client_secret_post"),
    grants=("authorization_code", "refresh_token", "client_credentials"),
    introspects=True,
)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def visitor(clock):
    """Return a function that makes an authorization server and a visitor of it."""

    def make(clients=(PUBLIC, SECRET), **settings):
        return Visitor(AuthorizationServer(Settings(ISSUER, tuple(clients), **settings), clock))

    return make


@pytest.fixture
def server(visitor):
    return visitor()
