"""Handshakes of TLS in memory, and an authority for all tests of a run."""

import ssl

import pytest

from reference_impl.security.authority import Issued, issue


@pytest.fixture(scope="session")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    return issue(tmp_path_factory.mktemp("tls"))


class Handshake:
    """A client and a server that shake hands over memory. `server` and `client` are their ends afterwards."""

    def __init__(self, server: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost") -> None:
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(down, up, server_hostname=name)
        self.server = server.wrap_bio(up, down, server_side=True)
        for _ in range(4):
            for end in (self.client, self.server):
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        self.client.write(b"x")
        assert self.server.read() == b"x"


@pytest.fixture
def shake() -> type[Handshake]:
    return Handshake


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
