"""`list` and `explain`."""

from __future__ import annotations

import json

import pytest

from door.catalogue import explain_id, list_checks, need_known
from door.errors import Refusal


def test_everything_is_listed_with_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert list_checks("*", as_json=True) == 0
    items = json.loads(capsys.readouterr().out)
    assert {item["kind"] for item in items} == {"check", "monitor", "property", "probe", "client"}
    assert all(item["requirements"] and item["title"] for item in items)
    assert [item["id"] for item in items] == sorted(item["id"] for item in items)


def test_every_check_and_requirement_can_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    list_checks("*", as_json=True)
    items = json.loads(capsys.readouterr().out)
    names = {item["id"] for item in items} | {row["id"] for item in items for row in item["requirements"]}
    for name in sorted(names):
        assert explain_id(name, as_json=False) == 0
        assert name in capsys.readouterr().out


def test_a_probe_is_run_alone_by_fuzz_where_attacks_are_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    explain_id("security.paths", as_json=False)
    assert "touchstone fuzz --active --only security.paths TARGET" in capsys.readouterr().out


def test_a_property_is_run_alone_by_fuzz(capsys: pytest.CaptureFixture[str]) -> None:
    explain_id("property.requests", as_json=False)
    assert "touchstone fuzz --only property.requests" in capsys.readouterr().out


def test_what_is_not_there_is_refused_with_what_comes_close() -> None:
    with pytest.raises(Refusal, match=r"did you mean base\.id\.string"):
        explain_id("id.string", as_json=False)
    with pytest.raises(Refusal, match="touchstone list"):
        list_checks("quux.*", as_json=False)


def test_a_pattern_must_name_something_of_the_kinds_that_run() -> None:
    need_known(["base.*", "base.id.string"], "check")
    with pytest.raises(Refusal, match=r"no property is called 'base\.\*'"):
        need_known(["base.*"], "property")
