"""PostgreSQL over TCP and TLS: its certificate is verified where that is asked for, and bounds hold there too."""

import socket

import pytest
import trustme

from reference_impl.server.errors import ToolError
from reference_impl.servers.database import DatabaseSettings
from reference_impl.servers.database.addresses import address_of
from reference_impl.servers.database.postgres import PostgresEngine
from tests.reference_impl.servers.database.postgres_server import PostgresServer, folder_of_its_own, programs

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def over_tls(port, authority):
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with folder_of_its_own() as folder:
        server = PostgresServer(found, folder, f"listen_addresses = '127.0.0.1'\nport = {port}\nssl = on\n")
        certificate = authority.issue_cert("127.0.0.1")
        server.own("server.crt", b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
        server.own("server.key", certificate.private_key_pem.bytes())
        server.own("pg_hba.conf", b"hostssl all all 127.0.0.1/32 trust\n")
        server.start()
        yield server
        server.stop()


def engine_for(port, ca, tmp_path):
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    url = f"postgresql://owner@127.0.0.1:{port}/postgres?sslmode=verify-full&sslrootcert={tmp_path}/ca.pem"
    return PostgresEngine(address_of(url), DatabaseSettings(connections=1))


async def test_a_certificate_of_the_known_authority_is_taken_and_bounds_hold(over_tls, port, authority, tmp_path):
    engine = engine_for(port, authority, tmp_path)
    await engine.open()
    ssl = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    assert (await engine.read(ssl, (), 1)).rows == ((True,),)
    with pytest.raises(ToolError, match="too large to be fetched"):
        await engine.read("SELECT repeat('x', 100000000)", (), 10)
    assert (await engine.read(ssl, (), 1)).rows == ((True,),)
    await engine.close()


async def test_a_certificate_of_another_authority_is_not(over_tls, port, tmp_path):
    engine = engine_for(port, trustme.CA(), tmp_path)
    await engine.open()
    with pytest.raises(ToolError, match=r"cannot be reached: .*certificate"):
        await engine.read("SELECT 1", (), 1)
    await engine.close()
