"""JSON-RPC messages: bytes to one of four values, and back.

`parse` is strict on the envelope and says, for what it refuses, which error to answer and with which id. It never
looks into `params` or `result`: that is the business of the features. Sources: JSON-RPC 2.0 sections 4 and 5,
`basic/index#messages`.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from reference_impl.protocol.errors import Code, RemoteProtocolError

__all__ = [
    "ErrorResponse",
    "MalformedError",
    "Message",
    "Notification",
    "Request",
    "RequestId",
    "Response",
    "decode_json",
    "encode",
    "encode_json",
    "parse",
    "parse_any",
    "parse_value",
]

RequestId = str | int

JSONRPC: Final = "2.0"


class Request(msgspec.Struct, frozen=True, tag_field="jsonrpc", tag=JSONRPC, omit_defaults=True):
    """A call that will be answered. `params` is an object or None."""

    id: RequestId
    method: str
    params: dict[str, Any] | None = None


class Notification(msgspec.Struct, frozen=True, tag_field="jsonrpc", tag=JSONRPC, omit_defaults=True):
    """A one-way message."""

    method: str
    params: dict[str, Any] | None = None


class Response(msgspec.Struct, frozen=True, tag_field="jsonrpc", tag=JSONRPC):
    """A successful answer. `result` is any JSON object."""

    id: RequestId
    result: Any


class ErrorResponse(msgspec.Struct, frozen=True):
    """A failed answer; `id` is None only where the request's id could not be read."""

    id: RequestId | None
    code: int
    message: str
    data: Any = None


class MalformedError(RemoteProtocolError):
    """The peer's bytes are no message.

    `id` is the request's id where it could be read, to answer with. `answerable` is False for what was meant as a
    notification or a response: those never get an answer (`basic/index#notifications`).
    """

    def __init__(
        self,
        code: int,
        message: str,
        id: RequestId | None = None,  # noqa: A002 - JSON-RPC's own name
        *,
        answerable: bool = True,
    ) -> None:
        super().__init__(code, message)
        self.id = id
        self.answerable = answerable


Message = Request | Notification | Response | ErrorResponse


class _Call(msgspec.Struct, forbid_unknown_fields=True):
    """A well-formed call as it comes, read in one go; what does not fit is looked at closely by `parse_value`.

    Members of other names do not fit: they would be passed over, UTF-8 or not.
    """

    jsonrpc: Literal["2.0"]
    method: str
    id: RequestId | msgspec.UnsetType = msgspec.UNSET
    params: dict[str, Any] | None = None


_call_decoder = msgspec.json.Decoder(_Call)
_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


def decode_json(data: bytes | str) -> Any:
    """Decode one JSON text.

    Raises `MalformedError` (-32700) for what is not JSON or not UTF-8.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(Code.PARSE_ERROR, f"Parse error: {error}") from None


def encode_json(value: Any) -> bytes:
    """Encode a JSON value as UTF-8 without any raw newline."""
    return _encoder.encode(value)


def parse(data: bytes | str) -> Message:
    """Read one message. Raises `MalformedError` for anything that is not exactly one JSON-RPC 2.0 message."""
    message = parse_any(data)
    return parse_value(message) if isinstance(message, list) else message


def parse_any(data: bytes | str) -> Message | list[Any]:
    """Read one message, or the values of a batch (`parse_value` reads each of these). Raises `MalformedError`."""
    try:
        call = _call_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = decode_json(data)
        return value if isinstance(value, list) else parse_value(value)
    if call.id is msgspec.UNSET:
        return Notification(call.method, call.params)
    return Request(call.id, call.method, call.params)


def parse_value(value: Any) -> Message:
    """Read one message from a decoded JSON value. Raises `MalformedError` (-32600) with the id where it has one."""
    if not isinstance(value, dict):
        raise MalformedError(Code.INVALID_REQUEST, "Invalid request: a message is a JSON object")
    identifier = _readable_id(value)
    if value.get("jsonrpc") != JSONRPC:
        raise MalformedError(Code.INVALID_REQUEST, 'Invalid request: "jsonrpc" must be "2.0"', identifier)
    if "method" in value:
        return _call(value, identifier)
    if "result" in value or "error" in value:
        return _answer(value, identifier)
    raise MalformedError(Code.INVALID_REQUEST, 'Invalid request: no "method", "result" or "error"', identifier)


def _readable_id(value: dict[str, Any]) -> RequestId | None:
    identifier = value.get("id")
    return identifier if isinstance(identifier, str | int) and not isinstance(identifier, bool) else None


def _call(value: dict[str, Any], identifier: RequestId | None) -> Request | Notification:
    method, params = value["method"], value.get("params")
    if not isinstance(method, str):
        raise MalformedError(Code.INVALID_REQUEST, 'Invalid request: "method" must be a string', identifier)
    if params is not None and not isinstance(params, dict):
        text = 'Invalid request: "params" must be an object'
        raise MalformedError(Code.INVALID_REQUEST, text, identifier, answerable="id" in value)
    if "id" not in value:
        return Notification(method, params)
    if identifier is None:
        raise MalformedError(Code.INVALID_REQUEST, 'Invalid request: "id" must be a string or an integer')
    return Request(identifier, method, params)


def _answer(value: dict[str, Any], identifier: RequestId | None) -> Response | ErrorResponse:
    if "result" in value and "error" not in value:
        if identifier is None:
            raise MalformedError(Code.INVALID_REQUEST, "Invalid response: it names no request", answerable=False)
        return Response(identifier, value["result"])
    error = value.get("error")
    if "result" in value or not isinstance(error, dict) or not isinstance(error.get("code"), int):
        text = "Invalid response: neither a result nor an error"
        raise MalformedError(Code.INVALID_REQUEST, text, identifier, answerable=False)
    return ErrorResponse(identifier, error["code"], str(error.get("message", "")), error.get("data"))


def encode(message: Message) -> bytes:
    """Write one message as JSON, UTF-8, on one line."""
    if not isinstance(message, ErrorResponse):
        return _encoder.encode(message)  # their tag is the member "jsonrpc"
    error: dict[str, Any] = {"code": int(message.code), "message": message.message}
    if message.data is not None:
        error["data"] = message.data
    # An unreadable request has no id to echo; `id: null` is never schema-valid (`basic/index#error-responses`).
    named = {} if message.id is None else {"id": message.id}
    return _encoder.encode({"jsonrpc": JSONRPC, **named, "error": error})
