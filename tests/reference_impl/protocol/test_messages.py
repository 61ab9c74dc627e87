"""Bytes to messages and back."""

import pytest

from reference_impl.protocol.messages import (
    ErrorResponse,
    MalformedError,
    Notification,
    Request,
    Response,
    encode,
    parse,
)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"jsonrpc":"2.0","id":1,"method":"m"}', Request(1, "m")),
        (b'{"jsonrpc":"2.0","id":"a","method":"m","params":{"x":1}}', Request("a", "m", {"x": 1})),
        (b'{"jsonrpc":"2.0","method":"m"}', Notification("m")),
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', Response(1, {})),
        (b'{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"x"}}', ErrorResponse(1, -1, "x")),
        (b'{"jsonrpc":"2.0","error":{"code":-1,"message":"x","data":[1]}}', ErrorResponse(None, -1, "x", [1])),
    ],
)
def test_a_message_is_read_and_written_alike(data, message):
    assert parse(data) == message
    assert encode(message) == data


@pytest.mark.parametrize(
    ("data", "code", "identifier", "answerable"),
    [
        (b"{", -32700, None, True),
        (b"\xff", -32700, None, True),
        (b"[[", -32700, None, True),
        (b"[]", -32600, None, True),
        (b'"x"', -32600, None, True),
        (b"{}", -32600, None, True),
        (b'{"id":1,"method":"m"}', -32600, 1, True),
        (b'{"jsonrpc":"2.0","id":null,"method":"m"}', -32600, None, True),
        (b'{"jsonrpc":"2.0","id":true,"method":"m"}', -32600, None, True),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"m"}', -32600, None, True),
        (b'{"jsonrpc":"2.0","id":[],"method":"m"}', -32600, None, True),
        (b'{"jsonrpc":"2.0","id":7,"method":null}', -32600, 7, True),
        (b'{"jsonrpc":"2.0","id":7,"method":"m","params":[]}', -32600, 7, True),
        (b'{"jsonrpc":"2.0","method":"m","params":"x"}', -32600, None, False),
        (b'{"jsonrpc":"2.0","id":7,"result":{},"error":{}}', -32600, 7, False),
        (b'{"jsonrpc":"2.0","result":{}}', -32600, None, False),
        (b'{"jsonrpc":"2.0","id":7,"error":{"code":"x"}}', -32600, 7, False),
    ],
)
def test_what_is_no_message_says_how_to_answer(data, code, identifier, answerable):
    with pytest.raises(MalformedError) as caught:
        parse(data)
    assert (caught.value.code, caught.value.id, caught.value.answerable) == (code, identifier, answerable)


def test_params_that_are_null_are_absent():
    assert parse(b'{"jsonrpc":"2.0","id":1,"method":"m","params":null}') == Request(1, "m")


def test_a_message_is_one_line_whatever_it_says():
    data = encode(Notification("m", {"text": "a\nb\r\n\u2028\u0085"}))
    assert b"\n" not in data
    assert b"\r" not in data


@pytest.mark.parametrize("member", [b'"\x89":1', b'"x":"\xff"', b'"x":"\\ud800"'])
def test_a_message_is_no_message_if_a_member_that_nobody_reads_is_no_json(member):
    with pytest.raises(MalformedError) as caught:
        parse(b'{"jsonrpc":"2.0","id":1,"method":"ping",' + member + b"}")
    assert caught.value.code == -32700


def test_members_of_other_names_are_passed_over():
    assert parse(b'{"jsonrpc":"2.0","x":1,"id":1,"method":"ping"}') == Request(1, "ping", None)
