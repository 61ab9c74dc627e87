"""The official suite's list of expected failures, read; and the table that maps its scenarios to our checks."""

from __future__ import annotations

import fnmatch
import sys

import pytest

from door.catalogue import all_ids
from door.errors import Refusal
from door.official_list import ROLES, read_official, table

IDS = ("base.one", "utilities.ping", "http.session-ended", "http.session-missing")


@pytest.mark.parametrize("role", ROLES)
def test_every_pattern_of_the_table_names_something_of_ours(role: str) -> None:
    ids = all_ids()
    lost = {
        scenario: pattern
        for scenario, patterns in table()[role].items()
        for pattern in patterns
        if not fnmatch.filter(ids, pattern)
    }
    assert lost == {}


def test_a_scenario_excuses_each_check_that_its_patterns_name() -> None:
    excuses, lost = read_official("server: [ping, 'server-session-lifecycle']  # both\n", "x.yml", IDS)
    assert [entry.check for entry in excuses] == ["utilities.ping", "http.session-ended", "http.session-missing"]
    assert excuses[0].reason == "ping is listed in x.yml"
    assert lost == ()


def test_an_entry_for_one_check_is_not_taken_for_its_whole_scenario() -> None:
    excuses, lost = read_official("server:\n  - server-session-lifecycle:some-check\n", "x.yml", IDS)
    assert (excuses, lost) == ((), ("server-session-lifecycle:some-check",))


@pytest.mark.parametrize("text", ["", "server:\nclient:\n", "server: []\n"])
def test_an_empty_list_excuses_nothing(text: str) -> None:
    assert read_official(text, "x.yml", IDS) == ((), ())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- ping\n", "has the keys server and client"),
        ("servers:\n  - ping\n", "has the keys server and client"),
        ("server: ping\n", "server is no list"),
        ("server:\n  - a: b\n", "without a space"),
        ("server: [\n", "no YAML"),
        ("!!python/object/apply:os.getcwd []\n", "no YAML"),
    ],
)
def test_what_is_no_such_list_is_refused_in_one_line(text: str, told: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_official(text, "x.yml", IDS)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_pyyaml_the_list_is_refused_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(Refusal, match=r"install mcp-touchstone\[yaml\]"):
        read_official("server:\n", "x.yml", IDS)
