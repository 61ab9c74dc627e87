"""What clients are told of failures: in each revision, of each kind, and never more than they may know."""

import json
import time
from pathlib import Path

import pytest

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.revisions import REVISIONS
from reference_impl.server import RateLimitedError, ResourceNotFoundError, ToolError, ToolResult
from reference_impl.server.errors import describe_error

pytestmark = pytest.mark.anyio


class UnluckyError(ValueError):
    pass


FAILURES = {
    "permission": PermissionError("/etc/shadow"),
    "not found": FileNotFoundError(2, "No such file", "/srv/secret/a.txt"),
    "invalid": ValueError("the date must look like a date"),
    "invalid with a path": ValueError("'/srv/secret/a.txt' is not in the subpath of '/srv/root'"),
    "invalid by a library": UnluckyError("password=hunter2"),
    "too slow": TimeoutError("connect to 10.0.0.1"),
    "of the tool": ToolError("There is no such table"),
    "too many": RateLimitedError(2.5),
    "unexpected": RuntimeError("password=hunter2 at /srv/app.py"),
    "refused": RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: no"),
}
TOLD = {
    "permission": "Permission denied for this operation",
    "not found": "Requested resource not found",
    "invalid": "Invalid input: the date must look like a date",
    "invalid with a path": "Invalid input: [...] is not in the subpath of [...]",
    "invalid by a library": "Invalid input",
    "too slow": "The operation took too long",
    "of the tool": "There is no such table",
    "too many": "Rate limit exceeded: try again in 2.5 s",
    "unexpected": "An unexpected error occurred",
}
CODES = {"invalid": -32602, "invalid with a path": -32602, "invalid by a library": -32602}


@pytest.fixture
def server(empty_server):
    async def fail(kind: str) -> str:
        raise FAILURES[kind]

    empty_server.tool("fail")(fail)
    empty_server.resource("test://fail/{kind}")(fail)
    empty_server.prompt("fail")(fail)

    @empty_server.completion("fail", "kind")
    async def complete(value, known):
        raise FAILURES[value]

    return empty_server


def requests(kind):
    return {
        "tools/call": {"name": "fail", "arguments": {"kind": kind}},
        "resources/read": {"uri": f"test://fail/{kind.replace(' ', '%20')}"},
        "prompts/get": {"name": "fail", "arguments": {"kind": kind}},
        "completion/complete": {
            "ref": {"type": "ref/prompt", "name": "fail"},
            "argument": {"name": "kind", "value": kind},
        },
    }


async def answers(over_lines, server, revision, kind):
    async with over_lines(server) as client:
        if not revision.modern:
            await client.initialize(revision.name)
        ask = client.modern if revision.modern else client.ask
        return {method: await ask(method, params) for method, params in requests(kind).items()}


@pytest.mark.parametrize("revision", REVISIONS, ids=str)
@pytest.mark.parametrize("kind", TOLD)
async def test_a_failure_is_told_as_its_revision_and_method_want_it(over_lines, server, revision, kind):
    found = await answers(over_lines, server, revision, kind)
    result = found.pop("tools/call")["result"]
    assert (result["isError"], result["content"][0]["text"]) == (True, TOLD[kind])
    for method, answer in found.items():
        error = answer["error"]
        if kind == "not found" and method == "resources/read":
            assert error["code"] == revision.resource_not_found
        elif kind == "unexpected":
            assert error == {"code": -32603, "message": "Internal error"}
        else:
            expected = -32602 if kind == "not found" else CODES.get(kind, -32603)
            assert (error["code"], error["message"]) == (expected, TOLD[kind]), method
        assert error.get("data") == ({"retryAfter": 2.5} if kind == "too many" else error.get("data"))


@pytest.mark.parametrize("revision", REVISIONS, ids=str)
@pytest.mark.parametrize("kind", FAILURES)
async def test_no_answer_holds_a_path_a_secret_or_a_trace(over_lines, server, revision, kind):
    text = json.dumps(await answers(over_lines, server, revision, kind))
    assert not any(word in text for word in ("hunter2", "/srv", "/etc", "10.0.0.1", "Traceback", 'File "'))


@pytest.mark.parametrize("revision", REVISIONS, ids=str)
async def test_what_a_handler_refuses_as_a_protocol_error_is_one(over_lines, server, revision):
    for answer in (await answers(over_lines, server, revision, "refused")).values():
        assert answer["error"] == {"code": -32602, "message": "Invalid params: no"}


@pytest.mark.parametrize("revision", REVISIONS, ids=str)
async def test_arguments_that_do_not_fit_are_told_as_the_revision_wants_it(over_lines, server, revision):
    async with over_lines(server) as client:
        if not revision.modern:
            await client.initialize(revision.name)
        ask = client.modern if revision.modern else client.ask
        answer = await ask("tools/call", {"name": "fail", "arguments": {"kind": 5}})
        unknown = await ask("tools/call", {"name": "nothing"})
    told = answer["result"]["isError"] if revision.argument_errors_are_results else answer["error"]["code"]
    assert told == (True if revision.argument_errors_are_results else -32602)
    assert unknown["error"]["code"] == -32602


async def test_facts_for_programs_are_metadata_of_results_and_data_of_errors(over_lines, server):
    found = await answers(over_lines, server, REVISIONS[-1], "too many")
    assert found["tools/call"]["result"]["_meta"]["touchstone/retryAfter"] == 2.5
    assert found["prompts/get"]["error"]["data"] == {"retryAfter": 2.5}


async def test_known_secrets_are_taken_out_of_whatever_is_told(over_lines, server):
    @server.tool("leak")
    async def leak() -> str:
        raise ToolError("could not log in with s3cret!pass", {"dsn": "me:s3cret!pass"})

    @server.tool("tell")
    async def tell() -> ToolResult:
        return ToolResult([{"type": "text", "text": "no login with s3cret!pass"}], is_error=True)

    @server.prompt("refuse")
    async def refuse() -> str:
        raise RemoteProtocolError(Code.INVALID_PARAMS, "not with s3cret!pass", {"tried": ["s3cret!pass"]})

    @server.resource("test://leak")
    async def leaking() -> str:
        raise ToolError("could not log in with s3cret!pass", {"dsn": "me:s3cret!pass"})

    server.secrets.keep(["s3cret!pass"])
    async with over_lines(server) as client:
        result = (await client.modern("tools/call", {"name": "leak"}))["result"]
        error = (await client.modern("resources/read", {"uri": "test://leak"}))["error"]
        others = [await client.modern("tools/call", {"name": "tell"})]
        others += [await client.modern("prompts/get", {"name": "refuse"})]
    assert result["content"][0]["text"] == error["message"] == "could not log in with [redacted]"
    assert result["_meta"]["touchstone/dsn"] == error["data"]["dsn"] == "me:[redacted]"
    assert others[0]["result"]["content"][0]["text"] == "no login with [redacted]"
    assert others[1]["error"] == {"code": -32602, "message": "not with [redacted]", "data": {"tried": ["[redacted]"]}}


async def test_a_resource_that_is_neither_text_nor_bytes_is_an_error_and_no_null_on_the_wire(over_lines, empty_server):
    @empty_server.resource("test://nothing")
    async def nothing() -> None:
        return None

    async with over_lines(empty_server) as client:
        answer = await client.modern("resources/read", {"uri": "test://nothing"})
    assert answer["error"] == {"code": -32603, "message": "Internal error"}


async def test_a_resource_that_is_not_there_any_more_is_not_found(over_lines, empty_server):
    @empty_server.resource("test://{name}")
    async def read(name: str) -> str:
        raise ResourceNotFoundError

    async with over_lines(empty_server) as client:
        error = (await client.modern("resources/read", {"uri": "test://a"}))["error"]
    assert (error["code"], error["data"]) == (-32602, {"uri": "test://a"})


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("bad /home/me/x.py", "bad [...]"),
        ("in '/home/my user/x', line 3", "in [...], line 3"),
        (r"at C:\Users\me\x", "at [...]"),
        (r"at \\host\share", "at [...]"),
        ("~/x and ~root/y", "[...] and ~root/y"),
        ("postgresql://me:pw@host/db is down", "[...] is down"),
        ("1/2 and/or a/b", "1/2 and/or a/b"),
        ("two\nlines", "two lines"),
        ("x" * 1000, "x" * 300),
        ("", ""),
    ],
)
def test_the_words_of_a_value_error_are_told_without_the_places_of_this_machine(words, told):
    assert describe_error(ValueError(words)) == (f"Invalid input: {told}" if told else "Invalid input")


@pytest.mark.parametrize("words", ["a-" * 100_000, "/" * 100_000, "'/" * 50_000, "~" * 100_000])
def test_long_words_take_no_long_time(words):
    began = time.process_time()
    describe_error(ValueError(words))
    assert time.process_time() - began < 2


def test_paths_of_pathlib_are_such_words():
    with pytest.raises(ValueError, match="subpath") as raised:
        Path("/srv/a").relative_to("/srv/b")
    assert "/srv" not in describe_error(raised.value)


async def test_a_refusal_of_ours_is_logged_in_a_line_and_a_failure_with_its_stack(over_lines, empty_server, caplog):
    @empty_server.tool("refuse")
    def refuse() -> str:
        raise PermissionError("refuse")

    @empty_server.tool("touch")
    def touch() -> str:
        raise PermissionError(13, "Permission denied")

    async with over_lines(empty_server) as client:
        for name in ("refuse", "touch"):
            await client.modern("tools/call", {"name": name, "arguments": {}})
    assert [bool(record.exc_info and record.exc_info[1]) for record in caplog.records] == [False, True]
