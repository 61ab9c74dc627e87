"""How the client finds out what it talks to."""

import anyio
import pytest

from reference_impl.client import ConnectionClosed, NoCommonRevision, RequestFailed
from reference_impl.client.settings import ClientSettings
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION
from reference_impl.protocol.methods import TASKS
from reference_impl.protocol.revisions import R2024_11_05, R2025_06_18, R2025_11_25, R2026_07_28, Era

pytestmark = pytest.mark.anyio


async def test_a_discovery_result_means_a_modern_server(talk):
    async def server(peer):
        await peer.open_modern()
        meta = peer.seen[0]["params"]["_meta"]
        assert meta[PROTOCOL_VERSION] == "2026-07-28"
        assert meta[CLIENT_CAPABILITIES] == {"extensions": {TASKS: {}}}
        assert meta[CLIENT_INFO]["name"] == "touchstone-client"

    async with talk(server) as client:
        assert client.revision is R2026_07_28
        assert client.agreement.server_info == {"name": "scripted", "version": "1"}
        assert client.agreement.instructions == "be kind"


@pytest.mark.parametrize("code", [-32601, -32602, -32600, -32000, 0])
async def test_any_other_error_means_a_legacy_server_whatever_its_code(talk, code):
    async def server(peer):
        await peer.refuse(await peer.expect("server/discover"), code)
        await peer.open_legacy()

    async with talk(server) as client:
        assert client.revision is R2025_11_25


async def test_an_error_without_an_id_answers_the_probe_too(talk):
    async def server(peer):
        await peer.expect("server/discover")
        await peer.send({"error": {"code": -32600, "message": "what?"}})
        await peer.open_legacy()

    async with talk(server) as client:
        assert client.era is Era.LEGACY


async def test_a_result_that_discovers_nothing_means_a_legacy_server(talk):
    async def server(peer):
        await peer.answer(await peer.expect("server/discover"), {})
        await peer.open_legacy()

    async with talk(server) as client:
        assert client.era is Era.LEGACY


async def test_silence_means_a_legacy_server_and_the_probe_is_not_cancelled(talk):
    async def server(peer):
        await peer.expect("server/discover")
        await peer.open_legacy()
        await peer.answer(await peer.expect("ping"), {})

    async with talk(server, probe_timeout=0.01) as client:
        assert client.era is Era.LEGACY
        await client.ping()


async def test_a_modern_server_that_is_slow_to_start_is_still_recognised(talk):
    async def server(peer):
        probe = await peer.expect("server/discover")
        offer = await peer.expect("initialize")
        await peer.complete(probe, supportedVersions=["2026-07-28"], capabilities={})
        await peer.refuse(offer, -32601)

    async with talk(server, probe_timeout=0.01) as client:
        assert client.era is Era.MODERN


async def test_a_refused_version_is_retried_with_one_that_the_server_names(talk):
    async def server(peer):
        probe = await peer.expect("server/discover")
        await peer.refuse(probe, -32022, data={"supported": ["2026-07-28", "2099-01-01"], "requested": "x"})
        await peer.open_modern()

    async with talk(server) as client:
        assert client.revision is R2026_07_28


async def test_a_modern_server_that_prefers_a_legacy_revision_is_greeted(talk):
    async def server(peer):
        probe = await peer.expect("server/discover")
        await peer.refuse(probe, -32022, data={"supported": ["2025-11-25"], "requested": "2026-07-28"})
        await peer.open_legacy()

    async with talk(server) as client:
        assert client.revision is R2025_11_25


async def test_a_modern_server_without_a_common_revision_is_an_error(talk):
    async def server(peer):
        probe = await peer.expect("server/discover")
        await peer.complete(probe, supportedVersions=["2099-01-01"], capabilities={})

    with pytest.raises(NoCommonRevision):
        async with talk(server):
            pass


async def test_the_handshake_offers_the_newest_legacy_revision_and_takes_the_counter_offer(talk):
    async def server(peer):
        offer = await peer.open_legacy("2024-11-05")
        assert offer["params"]["protocolVersion"] == "2025-11-25"
        assert offer["params"]["clientInfo"]["name"] == "touchstone-client"

    async with talk(server) as client:
        assert client.revision is R2024_11_05


async def test_a_counter_offer_that_the_client_does_not_speak_ends_the_conversation(talk):
    async def server(peer):
        await peer.refuse(await peer.expect("server/discover"), -32601)
        offer = await peer.expect("initialize")
        await peer.answer(offer, {"protocolVersion": "1999-01-01", "capabilities": {}, "serverInfo": {}})
        with pytest.raises(anyio.EndOfStream):
            await peer.receive()

    with pytest.raises(NoCommonRevision, match="1999-01-01"):
        async with talk(server):
            pass


async def test_a_refused_handshake_is_the_servers_error(talk):
    async def server(peer):
        await peer.refuse(await peer.expect("server/discover"), -32601)
        await peer.refuse(await peer.expect("initialize"), -32602, "bad version")

    with pytest.raises(RequestFailed, match="bad version"):
        async with talk(server):
            pass


async def test_a_client_of_legacy_revisions_sends_no_probe(talk):
    async def server(peer):
        offer = await peer.expect("initialize")
        assert offer["params"]["protocolVersion"] == "2025-06-18"
        await peer.answer(offer, {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {}})
        await peer.expect("notifications/initialized")

    async with talk(server, revisions=(R2024_11_05, R2025_06_18)) as client:
        assert client.revision is R2025_06_18


async def test_a_remembered_era_spares_the_probe(talk):
    async def server(peer):
        assert (await peer.open_legacy())["id"] == 1

    async with talk(server, era=Era.LEGACY) as client:
        assert client.era is Era.LEGACY


async def test_a_modern_client_tells_a_legacy_server_from_a_modern_one(talk):
    async def server(peer):
        await peer.refuse(await peer.expect("server/discover"), -32601)

    with pytest.raises(NoCommonRevision):
        async with talk(server, revisions=(R2026_07_28,)):
            pass


async def test_a_server_that_leaves_at_once_is_a_closed_connection(talk):
    async def server(peer):
        await peer.expect("server/discover")
        await peer.channel.aclose()

    with pytest.raises(ConnectionClosed):
        async with talk(server):
            pass


def test_settings_sort_their_revisions_by_era():
    settings = ClientSettings()
    assert [revision.name for revision in settings.modern] == ["2026-07-28"]
    assert settings.legacy[-1] is R2025_11_25
