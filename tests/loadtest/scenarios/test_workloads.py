"""What scenarios choose of an offer, and how they refuse one that lacks what they need."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from loadtest.mixing import Mixed
from loadtest.scenario import Offer, Sized, Unavailable, Wishes
from loadtest.scenarios import SCENARIOS, scenario_named
from loadtest.workload import MARKER, Operation, Workload
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY

NOTHING = Wishes()


def tool(name: str, **arguments: Any) -> Operation:
    params = {"name": name, "arguments": arguments}
    return Operation(name=f"tools/call {name}", method="tools/call", params=params)


ECHO = msgspec.structs.replace(tool("echo", text=f"touchstone {MARKER}"), echoes=True)
BARE = Offer(revision=LATEST.name, transport="http", capabilities={}, cheap=Operation(name="ping", method="ping"))


def offer(**changes: Any) -> Offer:
    return msgspec.structs.replace(BARE, **changes)


def workload(name: str, of: Offer, wishes: Wishes = NOTHING) -> Workload:
    return scenario_named(name).workload(of, wishes)


def test_names_are_different_and_an_unknown_one_is_refused_with_those_there_are() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)
    with pytest.raises(ValueError, match="no scenario is called 'spiral'; known are steady, "):
        scenario_named("spiral")


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (offer(), "ping"),
        (offer(lists=(Operation(name="tools/list", method="tools/list"),)), "tools/list"),
        (offer(quick=(tool("add", a=1),)), "tools/call add"),
        (offer(quick=(tool("add", a=1),), echo=Sized(operation=ECHO, argument="text")), "tools/call echo"),
    ],
)
def test_without_a_wish_the_call_that_proves_most_is_made(of: Offer, expected: str) -> None:
    assert [each.name for each in workload("steady", of).operations] == [expected]


def test_named_tools_are_called_as_often_as_their_weights_say_and_the_echo_is_checked() -> None:
    of = offer(calls=(tool("echo", text="a"), tool("add")), echo=Sized(operation=ECHO, argument="text"))
    echo, add = workload("steady", of, Wishes(tools=(("echo", 1.0), ("add", 3.0)))).operations
    assert (echo.weight, add.weight) == (1.0, 3.0)
    assert echo.echoes


def test_a_tool_that_may_not_be_called_is_a_wrong_command() -> None:
    of = offer(tools=("echo", "drop", "odd"), calls=(tool("echo"),), permitted={"odd": None})
    for name, reason in {
        "drop": "drop may not be called, for it does not say readOnlyHint: --allow drop lets it",
        "odd": r"odd: no arguments are known for it; \[tools.samples\] gives them",
        "ecko": "the target has no tool 'ecko'; did you mean 'echo'\\? known are echo, drop, odd",
        "nothing": "the target has no tool 'nothing'; known are echo, drop, odd",
    }.items():
        with pytest.raises(Unavailable, match=f"^{reason}$") as caught:
            workload("steady", of, Wishes(tools=((name, 1.0),)))
        assert caught.value.asked


def test_where_nothing_echoes_the_tool_that_answered_a_trial_is_called_and_the_choice_is_told() -> None:
    of = offer(quick=(tool("add", a=1), tool("now")), proven=tool("now"), refused={"add": "a is no number"})
    chosen = workload("steady", of)
    assert [each.name for each in chosen.operations] == ["tools/call now"]
    assert chosen.why == (
        "tools/call now: no tool repeats its text, and this one answered a trial call (add refused theirs); "
        "--tool names others"
    )
    assert workload("steady", offer(calls=(tool("now"),)), Wishes(tools=(("now", 1.0),))).why == ""


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (offer(), "ping: there are no tools"),
        (offer(tools=("drop",)), "ping: no quick tool may be called; --allow and --tool name some"),
        (offer(quick=(tool("add", a=1),)), "tools/call add: the first quick one that may be called"),
        (
            offer(echo=Sized(operation=ECHO, argument="text")),
            "tools/call echo: it repeats its text, so that each answer is checked",
        ),
    ],
)
def test_what_is_called_without_a_wish_comes_with_a_reason(of: Offer, why: str) -> None:
    assert workload("steady", of).why == why


def test_where_all_tools_refuse_their_trial_calls_nothing_is_put_under_load() -> None:
    of = offer(
        quick=(tool("add"),), refused={"add": "a is no number"}, lists=(Operation(name="l", method="tools/list"),)
    )
    with pytest.raises(
        Unavailable, match=r"trial call well \(add: a is no number\); --tool and \[tools.samples\]"
    ) as caught:
        workload("steady", of)
    assert not caught.value.asked


@pytest.mark.parametrize(
    ("name", "of", "lacking"),
    [
        ("payload", offer(), "takes a free text"),
        ("long-calls", offer(), "known to be slow or to report progress"),
        ("rounds", offer(), "known to ask its client"),
        ("authorized", offer(), "no token to bring"),
        ("authorized", offer(transport="stdio", tokens=("a",)), "give a URL"),
    ],
)
def test_a_target_that_lacks_what_is_needed_is_told_so_in_a_line(name: str, of: Offer, lacking: str) -> None:
    with pytest.raises(Unavailable, match=lacking) as caught:
        workload(name, of)
    assert not caught.value.asked
    assert "\n" not in str(caught.value)


def test_payloads_have_the_size_that_their_operations_tell() -> None:
    of = offer(echo=Sized(operation=ECHO, argument="text"), large=(Sized(operation=tool("blob"), argument="size"),))
    operations = {each.name: each.params["arguments"] for each in workload("payload", of).operations}
    assert len(operations) == 10
    text = operations["send and get 10 KiB (echo)"]["text"]
    assert len(text.replace(MARKER, "1234567890")) == 10 * 1024
    assert operations["get 1 MiB (blob)"] == {"size": 1024 * 1024}


def test_where_nothing_echoes_payloads_are_sent_all_the_same() -> None:
    of = offer(texts=(Sized(operation=tool("note", message="a"), argument="message"),))
    assert workload("payload", of).operations[0].name == "send 100 B (note)"


def test_a_slow_tool_that_takes_whole_seconds_is_given_one() -> None:
    schema = {"properties": {"seconds": {"type": "integer"}}}
    slow = msgspec.structs.replace(tool("sleep", seconds=1), schema=schema)
    (operation,) = workload("long-calls", offer(slow=(Sized(operation=slow, argument="seconds"),))).operations
    assert operation.params["arguments"] == {"seconds": 1}
    assert operation.params["_meta"]["progressToken"]


def test_who_can_be_asked_declares_it_with_the_request_where_there_is_no_handshake() -> None:
    (modern,) = workload("rounds", offer(asking=(tool("ask"),))).operations
    (legacy,) = workload("rounds", offer(asking=(tool("ask"),), revision=LATEST_LEGACY.name)).operations
    assert "elicitation" in str(modern.params["_meta"])
    assert "_meta" not in legacy.params


RICH = offer(
    tools=("echo", "search", "count", "drop"),
    calls=(tool("echo"),),
    permitted={
        "echo": None,
        "search": {"type": "object"},
        "count": {"type": "object", "properties": {"to": {"type": "integer"}}, "required": ["to"]},
    },
    prompts=(Operation(name="prompts/get review", method="prompts/get", params={"name": "review", "arguments": {}}),),
    capabilities={"resources": {}},
)


def test_a_mix_becomes_operations_with_its_weights_and_names() -> None:
    mix = (
        Mixed(tool="search", arguments={"query": "tea {n}"}, weight=3, echoes=True),
        Mixed(prompt="review", arguments={"code": "x"}),
        Mixed(resource="file:///a/{n}"),
        Mixed(method="resources/list", name="all resources"),
    )
    counted = Mixed(tool="count", arguments={"to": "{n:number}"})
    search, review, read, lists, count = workload("mix", RICH, Wishes(mix=(*mix, counted))).operations
    assert count.params["arguments"] == {"to": "{n:number}"}
    assert (search.weight, search.echoes, search.schema) == (3, True, {"type": "object"})
    assert review.params == {"name": "review", "arguments": {"code": "x"}}
    assert (read.method, read.params) == ("resources/read", {"uri": "file:///a/{n}"})
    assert (lists.name, lists.method) == ("all resources", "resources/list")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Mixed(), "exactly one of tool, prompt, resource, method is needed; given: none"),
        (Mixed(tool="echo", method="ping"), "given: tool, method"),
        (Mixed(tool="echo", weight=0), "a number above 0"),
        (Mixed(tool="echo", weight=float("nan")), "a number above 0"),
        (Mixed(tool="drop", arguments={}), "drop may not be called, .*: --allow drop"),
        (Mixed(tool="drop"), "drop may not be called"),
        (Mixed(tool="serch", arguments={}), "has no tool 'serch'; did you mean 'search'"),
        (Mixed(tool="count", arguments={"to": "ten"}), "do not fit what count says it takes: 'ten' is not of type"),
        (Mixed(tool="count", arguments={"too": 10}), "do not fit what count says it takes: 'to' is a required"),
        (Mixed(tool="search", arguments={"query": ["tea"]}, echoes=True), r"echoes needs \{n\}"),
        (Mixed(tool="echo", params={"a": 1}), "params go with a method"),
        (Mixed(prompt="rewrite"), "lists no prompt 'rewrite'; did you mean 'review'"),
        (Mixed(prompt="review", arguments={"code": 1}), "are texts"),
        (Mixed(resource="file:///a", arguments={}), "arguments go with a tool or a prompt"),
        (Mixed(method="tools/call"), "tools/call is not for a mix: tool = NAME"),
        (Mixed(method="tools/lists"), "has no method 'tools/lists' for clients; did you mean 'tools/list'"),
        (Mixed(method="resources/subscribe"), "has no method"),
    ],
)
def test_a_wrong_entry_of_a_mix_is_refused_with_its_number(entry: Mixed, reason: str) -> None:
    with pytest.raises(Unavailable, match=rf"^\[\[load.mix\]\] 2: .*{reason}") as caught:
        workload("mix", RICH, Wishes(mix=(Mixed(method="resources/list"), entry)))
    assert caught.value.asked


def test_two_entries_of_one_name_need_names_of_their_own() -> None:
    twice = (Mixed(resource="file:///a"), Mixed(resource="file:///a"))
    with pytest.raises(Unavailable, match="another is called 'resources/read file:///a'"):
        workload("mix", RICH, Wishes(mix=twice))
    with pytest.raises(Unavailable, match="there is no mix"):
        workload("mix", RICH)
    with pytest.raises(Unavailable, match="has no resources"):
        workload("mix", BARE, Wishes(mix=twice))
