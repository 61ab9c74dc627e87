"""Envelopes: what a sealed conversation takes, and what it refuses."""

import pytest

from reference_impl.protocol.sealing import NONCE_SIZE, Envelopes, SealError
from reference_impl.security.sealing import SealKeys, new_key

KEYS = SealKeys([new_key()])
A, B, C = (letter * NONCE_SIZE for letter in (b"a", b"b", b"c"))


def sides(client_nonce: bytes = A, server_nonce: bytes = B) -> tuple[Envelopes, Envelopes]:
    """Both sides of a conversation that have greeted each other."""
    client, server = Envelopes(KEYS, "client", client_nonce), Envelopes(KEYS, "server", server_nonce)
    server.greeted(client.hello())
    client.greeted(server.hello())
    return client, server


def test_messages_go_both_ways_in_order() -> None:
    client, server = sides()
    envelopes = [client.seal(b"one"), client.seal(b"two")]
    assert [server.open(envelope) for envelope in envelopes] == [b"one", b"two"]
    assert client.open(server.seal(b"three")) == b"three"


def test_an_envelope_shows_nothing_and_stands_on_one_line() -> None:
    client, _ = sides()
    envelope = client.seal(b'{"jsonrpc":"2.0"}\n')
    assert b"jsonrpc" not in envelope
    assert b"\n" not in envelope


def test_a_replayed_envelope_is_refused() -> None:
    client, server = sides()
    envelope = client.seal(b"pay")
    server.open(envelope)
    with pytest.raises(SealError, match="replayed"):
        server.open(envelope)


def test_envelopes_that_changed_places_are_refused() -> None:
    client, server = sides()
    _, second = client.seal(b"one"), client.seal(b"two")
    with pytest.raises(SealError, match="out of order"):
        server.open(second)


@pytest.mark.parametrize("hello", [True, False])
def test_a_reflected_envelope_is_refused(hello: bool) -> None:
    client, _ = sides()
    if hello:
        with pytest.raises(SealError, match="reflected"):
            client.greeted(client.hello())
    else:
        with pytest.raises(SealError, match="reflected"):
            client.open(client.seal(b"x"))


def test_an_envelope_of_another_conversation_under_the_same_keys_is_refused() -> None:
    recorded, _ = sides()
    envelope = recorded.seal(b"pay")
    server = Envelopes(KEYS, "server", C)
    server.greeted(Envelopes(KEYS, "client", A).hello())  # the recorded hello again
    with pytest.raises(SealError, match="another conversation"):
        server.open(envelope)


def test_a_recorded_hello_of_a_server_is_refused() -> None:
    server = Envelopes(KEYS, "server", B)
    server.greeted(Envelopes(KEYS, "client", A).hello())
    with pytest.raises(SealError, match="replayed"):
        Envelopes(KEYS, "client", C).greeted(server.hello())


def test_a_message_in_place_of_a_hello_and_a_hello_in_place_of_a_message_are_refused() -> None:
    client, server = sides()
    with pytest.raises(SealError, match="none that may come here"):
        Envelopes(KEYS, "server", C).greeted(client.seal(b"x"))
    with pytest.raises(SealError, match="none that may come here"):
        server.open(Envelopes(KEYS, "client", A).hello())


def test_other_keys_do_not_open_it() -> None:
    with pytest.raises(SealError, match="none of the keys"):
        Envelopes(SealKeys([new_key()]), "server", B).greeted(Envelopes(KEYS, "client", A).hello())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"}', "plain messages"),
        (b"garbage", "no envelope"),
        (b"\xff\xfe", "no envelope"),
        (b"[]", "no envelope"),
        (b'{"sealed":1}', "no envelope"),
        (b'{"sealed":2,"token":"x"}', "no envelope"),
        (b'{"sealed":1,"token":"x","more":1}', "no envelope"),
        ('{"sealed":1,"token":"\u00e9"}'.encode(), "no envelope"),
        (b'{"sealed":1,"token":"x"}', "none of the keys"),
    ],
)
def test_what_is_no_envelope_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(SealError, match=reason):
        Envelopes(KEYS, "server", B).greeted(data)


def test_an_envelope_without_a_header_is_refused() -> None:
    # Sealed now: an envelope that was made when the tests were read may be too old when its turn comes.
    with pytest.raises(SealError, match="no header"):
        Envelopes(KEYS, "server", B).greeted(b'{"sealed":1,"token":"' + KEYS.encrypt(b"short") + b'"}')
