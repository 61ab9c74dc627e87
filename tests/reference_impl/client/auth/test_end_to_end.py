"""The client with the reference authorization server and a protected reference server, over sockets."""

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import anyio
import pytest
import uvicorn
from joserfc.jwk import ECKey

from reference_impl.client import ClientSettings, HttpRefused, connect
from reference_impl.client.auth import (
    AuthorizationCode,
    Browser,
    ClientCredentials,
    ClientIdentity,
    EnterpriseManaged,
    IdentityProvider,
    MemoryStore,
    OAuth,
)
from reference_impl.client.auth.fetching import Fetcher
from reference_impl.protocol.revisions import Era
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.asgi import HttpOptions, MCPApplication
from reference_impl.server.auth import Authorization, DpopProofs, JwtVerifier, Nonces
from reference_impl.server.uvicorn_runner import configured
from reference_impl.servers.authorization import AuthorizationServer, Client, Features, Settings

pytestmark = pytest.mark.anyio

PATIENCE = 20
SCOPES = ("mcp", "files:read", "files:write", "offline_access")
KEY = ECKey.generate_key("P-256", {"kid": "k1"})


@asynccontextmanager
async def listening():
    """Yield a socket that listens, and its port: addresses have to be known before there are servers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener, listener.getsockname()[1]


@asynccontextmanager
async def running(server: uvicorn.Server, listener: socket.socket):
    task = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, PATIENCE)


@asynccontextmanager
async def authorizing(**settings):
    """Run an authorization server."""
    async with listening() as (listener, port):
        application = AuthorizationServer(Settings(f"http://127.0.0.1:{port}", scopes=SCOPES, **settings))
        config = uvicorn.Config(application, log_level="warning", lifespan="off", ws="none", proxy_headers=False)
        async with running(uvicorn.Server(config), listener):
            yield application


def tools() -> AdvancedMCPServer:
    server = AdvancedMCPServer("guarded")

    @server.tool("who")
    async def who(context) -> str:
        return str(context.principal)

    @server.tool("write", scopes=("files:write",))
    async def write() -> str:
        return "written"

    return server


@asynccontextmanager
async def guarding(issuer: str, path: str = "/mcp", **more):
    """Run a server that wants tokens of an issuer; yield its address without a path."""
    async with listening() as (listener, port):
        resource = f"http://127.0.0.1:{port}{path}"
        authorization = Authorization(resource, (issuer,), JwtVerifier(resource, [issuer]), scopes=("mcp",), **more)
        options = HttpOptions(http_sse=True, websocket=True)
        application = MCPApplication(tools(), options=options, authorization=authorization)
        async with running(configured(application), listener):
            yield f"http://127.0.0.1:{port}"


@dataclass
class Visits:
    """What a user's browser opened; it follows redirects to their end."""

    urls: list[str] = field(default_factory=list)

    def __call__(self, url: str) -> bool:
        self.urls.append(url)
        anyio.from_thread.run(self._follow, url)
        return True

    async def _follow(self, url: str) -> None:
        answer = await Fetcher(private=True).get(url, {})
        assert answer.status in (302, 303), answer.body
        # The port that waits for it serves in the loop that this runs in.
        self.task = asyncio.ensure_future(Fetcher(private=True).get(answer.headers["location"], {}))

    @property
    def scopes(self) -> list[set[str]]:
        from tests.reference_impl.client.auth.world import query

        return [set(query(url)["scope"].split()) for url in self.urls]


@dataclass
class User:
    """A user with a browser, and the client that acts for him."""

    visits: Visits = field(default_factory=Visits)
    store: MemoryStore = field(default_factory=MemoryStore)

    def oauth(self) -> OAuth:
        return OAuth(AuthorizationCode(Browser(show=self.visits)), self.store)


async def call(url: str, oauth: OAuth, *names: str, **settings) -> list[str]:
    with anyio.fail_after(PATIENCE):
        async with connect(url, ClientSettings(authorizer=oauth, **settings)) as client:
            return [(await client.call_tool(name))["content"][0]["text"] for name in names]


@pytest.mark.parametrize("era", [None, Era.LEGACY])
async def test_a_user_agrees_once_and_the_client_is_let_in(era):
    user = User()
    async with authorizing() as issuer, guarding(issuer.settings.issuer) as base:
        assert "demo" in (await call(f"{base}/mcp", user.oauth(), "who", era=era))[0]
        assert "demo" in (await call(f"{base}/mcp", user.oauth(), "who", era=era))[0]  # by the kept token
    assert user.visits.scopes == [{"mcp", "offline_access"}]


@pytest.mark.parametrize("pattern", ["sse+{}/sse", "{}/sse", "ws{}/ws"])
async def test_every_transport_over_http_is_authorized(pattern):
    user = User()
    path = pattern[-4:].lstrip("}")
    async with authorizing() as issuer, guarding(issuer.settings.issuer, path) as base:
        url = pattern.format(base.removeprefix("http") if pattern.startswith("ws") else base)
        assert "demo" in (await call(url, user.oauth(), "who"))[0]
    assert len(user.visits.urls) == 1


@pytest.mark.parametrize("era", [None, Era.LEGACY])
async def test_a_tool_that_needs_more_is_called_after_one_more_question(era):
    user = User()
    async with authorizing() as issuer, guarding(issuer.settings.issuer) as base:
        assert await call(f"{base}/mcp", user.oauth(), "write", "write", era=era) == ["written", "written"]
    assert user.visits.scopes == [{"mcp", "offline_access"}, {"mcp", "files:write", "offline_access"}]


async def test_an_expired_token_is_refreshed_and_the_refresh_token_rotates():
    user = User()
    async with authorizing() as issuer, guarding(issuer.settings.issuer) as base:
        name = f"tokens {base}/mcp"
        await call(f"{base}/mcp", user.oauth(), "who")
        seen = [user.store.read(name)]
        for _ in range(2):
            user.store.write(name, {**seen[-1], "expires_at": 1.0})
            assert "demo" in (await call(f"{base}/mcp", user.oauth(), "who"))[0]
            seen.append(user.store.read(name))
    assert len({tokens["refresh_token"] for tokens in seen}) == 3
    assert len({tokens["access_token"] for tokens in seen}) == 3
    assert len(user.visits.urls) == 1


async def test_calls_at_once_share_what_the_user_says():
    user = User()
    async with authorizing() as issuer, guarding(issuer.settings.issuer) as base:
        settings = ClientSettings(authorizer=user.oauth())
        with anyio.fail_after(PATIENCE):
            async with connect(f"{base}/mcp", settings) as client, anyio.create_task_group() as tasks:
                for _ in range(12):
                    tasks.start_soon(client.call_tool, "write")
    assert len(user.visits.urls) == 2


async def test_a_token_for_another_server_is_of_no_use():
    user = User()
    async with (
        authorizing() as issuer,
        guarding(issuer.settings.issuer) as one,
        guarding(issuer.settings.issuer) as two,
    ):
        await call(f"{one}/mcp", user.oauth(), "who")
        stolen = user.store.read(f"tokens {one}/mcp")["access_token"]
        with pytest.raises(HttpRefused, match="401"):
            async with connect(f"{two}/mcp", ClientSettings(headers={"authorization": f"Bearer {stolen}"})):
                pass


MACHINES = {
    "client_secret_basic": (
        Client("robot", secret="s", methods=("client_secret_basic",), grants=("client_credentials",)),
        ClientIdentity("robot", client_secret="s"),
    ),
    "client_secret_post": (
        Client("robot", secret="s", methods=("client_secret_post",), grants=("client_credentials",)),
        ClientIdentity("robot", client_secret="s", auth_method="client_secret_post"),
    ),
    "private_key_jwt": (
        Client(
            "robot",
            methods=("private_key_jwt",),
            grants=("client_credentials",),
            keys={"keys": [KEY.as_dict(private=False)]},
        ),
        ClientIdentity("robot", private_key=KEY.as_pem(private=True).decode()),
    ),
}


@pytest.mark.parametrize("method", MACHINES)
async def test_a_machine_acts_for_itself(method):
    client, identity = MACHINES[method]
    async with authorizing(clients=(client,)) as issuer, guarding(issuer.settings.issuer) as base:
        oauth = OAuth(ClientCredentials(replace(identity, issuer=issuer.settings.issuer)))
        assert "robot" in (await call(f"{base}/mcp", oauth, "who"))[0]


@pytest.mark.parametrize("nonces", [False, True])
async def test_bound_tokens_with_and_without_nonces(nonces):
    user = User()
    features = Features(dpop_nonces=nonces)
    async with authorizing(features=features) as issuer:
        proofs = DpopProofs(nonces=Nonces() if nonces else None, required=True)
        async with guarding(issuer.settings.issuer, dpop=proofs) as base:
            assert len(await call(f"{base}/mcp", user.oauth(), "who", "write")) == 2
            name = f"tokens {base}/mcp"
            user.store.write(name, {**user.store.read(name), "expires_at": 1.0})
            assert len(await call(f"{base}/mcp", user.oauth(), "who")) == 1  # refreshed, with a proof by the kept key
    assert len(user.visits.urls) == 2


async def test_an_enterprise_decides_in_place_of_the_user():
    robot = Client(
        "robot",
        redirect_uris=("http://127.0.0.1/x",),
        grants=("authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange"),
    )
    async with listening() as (listener, port):
        issuer = f"http://127.0.0.1:{port}"
        async with authorizing(clients=(robot,), chains=(issuer,)) as idp:
            member = Client(
                "robot",
                secret="s",
                methods=("client_secret_basic",),
                grants=("urn:ietf:params:oauth:grant-type:jwt-bearer",),
            )
            settings = Settings(issuer, (member,), SCOPES, trusted={idp.settings.issuer: None})
            config = uvicorn.Config(AuthorizationServer(settings), log_level="warning", lifespan="off", ws="none")
            async with running(uvicorn.Server(config), listener), guarding(issuer) as base:
                provider = IdentityProvider(
                    idp.settings.issuer,
                    f"{idp.settings.issuer}/token",
                    ClientIdentity("robot", idp.settings.issuer),
                )

                async def subject() -> str:
                    now = int(idp.clock())
                    claims = {
                        "iss": idp.settings.issuer,
                        "sub": "ann",
                        "aud": "robot",
                        "iat": now,
                        "exp": now + 60,
                    }
                    return idp.keys.sign("JWT", claims)

                grant = EnterpriseManaged(ClientIdentity("robot", issuer, "s"), provider, subject)
                assert "ann" in (await call(f"{base}/mcp", OAuth(grant), "who"))[0]
