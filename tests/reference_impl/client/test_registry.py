"""Names of tools over many servers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.client import NotOffered
from reference_impl.client.registry import ToolRegistry


def registry(**servers: list[str]) -> ToolRegistry:
    made = ToolRegistry()
    for server, names in servers.items():
        made.register(server.replace("_", "."), [{"name": name} for name in names])
    return made


def test_a_name_that_one_server_has_stays_as_it_is():
    assert set(registry(a=["x"], b=["y"])) == {"x", "y"}


def test_a_name_that_two_servers_have_belongs_to_neither():
    made = registry(a=["x", "z"], b=["x"])
    assert set(made) == {"a.x", "b.x", "z"}
    assert made.clashes == {"x": ("a.x", "b.x")}
    assert made["b.x"].server == "b"


def test_a_tool_that_looks_like_anothers_new_name_gives_way():
    made = registry(a=["x"], b=["x"], c=["a.x"])
    assert {(name, made[name].server) for name in made} == {("a.x", "a"), ("b.x", "b"), ("c.a.x", "c")}


def test_names_that_still_meet_are_numbered():
    made = registry(a=["b.c", "b.c.d"], a_b=["c", "c.d"], z=["c", "b.c"])
    assert sorted(made) == ["a.b.c", "a.b.c-2", "b.c.d", "c.d", "z.b.c", "z.c"]


def test_the_full_name_always_finds_a_tool():
    made = registry(a=["x"], b=["y"])
    assert made.resolve("a.x").tool == "x"
    assert made.explain("y") == "'y' is the tool 'y' of the server 'b'"


@pytest.mark.parametrize("name", ["nothing", "a.nothing", "nobody.x", ""])
def test_what_nobody_has_is_told_with_what_there_is(name):
    with pytest.raises(NotOffered, match="there are x"):
        registry(a=["x"]).resolve(name)


def test_not_every_name_of_ten_thousand_is_told():
    made = registry(a=[f"tool{number}" for number in range(10_000)])
    with pytest.raises(NotOffered, match=r"no server has a tool 'x'; there are tool0, .* and 9950 more") as caught:
        made.resolve("x")
    assert len(str(caught.value)) < 1000
    assert made.find("a", "tool9999").name == "tool9999"


def test_a_clash_ends_with_its_cause():
    made = registry(a=["x"], b=["x"])
    made.forget("b")
    assert set(made) == {"x"}
    assert not made.clashes


def test_a_server_that_lists_a_name_twice_has_one_tool():
    assert set(registry(a=["x", "x"])) == {"x"}


_NAMES = st.lists(st.text("ab.", min_size=1, max_size=4), max_size=4)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.dictionaries(st.text("ab.", min_size=1, max_size=3), _NAMES, max_size=4))
def test_every_tool_has_exactly_one_name_whatever_the_names_and_their_order(servers):
    made, reversed_ = ToolRegistry(), ToolRegistry()
    for server, names in servers.items():
        made.register(server, [{"name": name} for name in names])
    for server, names in reversed(servers.items()):
        reversed_.register(server, [{"name": name} for name in names])
    pairs = sorted((tool.server, tool.tool) for tool in made.values())
    assert pairs == sorted((server, name) for server, names in servers.items() for name in set(names))
    assert {name: (tool.server, tool.tool) for name, tool in made.items()} == {
        name: (tool.server, tool.tool) for name, tool in reversed_.items()
    }
