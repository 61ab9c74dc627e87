"""What a target offers to load, out of what it lists."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from conformance.eras import Eras
from conformance.identities import Identities
from conformance.scout import Scouted
from conformance.surface import Permission, Surface, ToolCall
from conformance.target import HttpTarget, StdioTarget, Target
from door.offering import offer_of, scopes_of
from loadtest.scenario import Offer
from loadtest.workload import MARKER
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY

COMMAND = StdioTarget(("server",))
READ_ONLY = {"readOnlyHint": True}


def tool(name: str, *required: str, **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"name": name, "inputSchema": schema, "annotations": READ_ONLY}


def offer(*tools: dict[str, Any], target: Target = COMMAND, permission: Permission | None = None, **more: Any) -> Offer:
    revision = more.pop("revision", LATEST)
    surface = Surface(permission or Permission(), list(tools), **more)
    scouted = Scouted(Eras(), {revision.name: surface}, {revision.name: {"tools": {}}})
    return offer_of(target, scouted, revision, tokens=3)


def arguments(found: Offer, name: str) -> Any:
    return found.call(name).params["arguments"]


TEXT = {"type": "string"}


def test_free_texts_differ_from_call_to_call_and_nothing_else_does() -> None:
    kinds = {
        "query": TEXT,
        "kind": {"enum": ["a"]},
        "word": {"type": "string", "default": "b"},
        "limit": {"type": "integer"},
    }
    found = offer(tool("search", *kinds, **kinds))
    assert arguments(found, "search") == {"query": f"touchstone {MARKER}", "kind": "a", "word": "b", "limit": 1}


def test_arguments_that_the_user_gave_stay_as_they_are() -> None:
    permission = Permission(samples={"search": {"query": "tea"}})
    assert arguments(offer(tool("search", "query", query=TEXT), permission=permission), "search") == {"query": "tea"}


def test_tools_that_may_not_be_called_are_no_part_of_it() -> None:
    drop = {**tool("drop"), "annotations": {}}
    found = offer(drop, tool("look"))
    assert [each.params["name"] for each in found.calls] == ["look"]
    assert found.permitted.keys() == {"look"}


def test_what_tools_are_good_for_is_told_by_their_names_and_arguments() -> None:
    number = {"type": "integer"}
    found = offer(
        tool("sleep", seconds={"type": "number"}),
        tool("blob", "size", size=number),
        tool("report_progress"),
        tool("confirm"),
        tool("say", "text", text=TEXT),
        tool("toggle_tools"),
    )
    assert [each.operation.params for each in found.slow] == [{"name": "sleep", "arguments": {"seconds": 1}}]
    assert [(each.operation.params["name"], each.argument) for each in found.large] == [("blob", "size")]
    assert [each.params["name"] for each in found.progress] == ["report_progress"]
    assert [each.params["name"] for each in found.asking] == ["confirm"]
    assert [(each.operation.params["name"], each.argument) for each in found.texts] == [("say", "text")]
    assert [each.params["name"] for each in found.changing] == ["toggle_tools"]
    assert not {"sleep", "confirm"} & {each.params["name"] for each in found.quick}


def test_a_proved_echo_is_checked_and_others_are_not() -> None:
    say = tool("say", "text", text=TEXT)
    surface = Surface(Permission(), [say])
    echoes = {LATEST.name: (ToolCall(say, {"text": "a"}), "text")}
    found = offer_of(COMMAND, Scouted(Eras(), {LATEST.name: surface}, {LATEST.name: {}}, echoes), LATEST)
    assert found.echo is not None
    assert found.usual() == found.echo.operation == found.call("say")
    assert found.usual().echoes
    assert not offer(say).usual().echoes


@pytest.mark.parametrize(("revision", "cheap"), [(LATEST, "server/discover"), (LATEST_LEGACY, "ping")])
def test_the_cheapest_request_is_that_of_the_era(revision: Any, cheap: str) -> None:
    found = offer(revision=revision)
    assert (found.cheap.method, found.modern) == (cheap, revision.modern)
    assert found.usual().method == "tools/list"


def test_prompts_come_with_what_they_require_and_resources_by_uri() -> None:
    prompt = {"name": "review", "arguments": [{"name": "code", "required": True}, {"name": "style"}]}
    found = offer(prompts=[prompt], resources=[{"uri": "a://b"}, {}])
    assert found.prompts[0].params == {"name": "review", "arguments": {"code": "a"}}
    assert found.resources == ("a://b",)


def test_tokens_are_made_with_the_scopes_of_the_good_one_where_they_can_be() -> None:
    made: list[list[str]] = []

    def mint(scopes: Any) -> str:
        made.append(list(scopes))
        return f"minted {len(made)}"

    url = HttpTarget("http://127.0.0.1:1/mcp", {"Authorization": f"Bearer {jwt(scope='read write')}"})
    minting = HttpTarget(url.url, url.headers, Identities(mint=mint, expired="old"))
    found = offer(target=minting)
    assert (found.tokens[1:], found.expired) == (("minted 1", "minted 2"), "old")
    assert made == [["read", "write"]] * 2
    assert len(offer(target=url).tokens) == 1
    assert offer(target=HttpTarget(url.url, url.headers, Identities(second="other"))).tokens[1] == "other"
    assert offer(target=HttpTarget(url.url)).tokens == ()
    assert offer().tokens == ()


def jwt(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJ.{body}.sig"


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "eyJ.W10.sig", jwt(scope=3), jwt()])
def test_a_token_that_tells_no_scopes_has_none(token: str) -> None:
    assert scopes_of(token) == []
