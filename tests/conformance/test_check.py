"""Declarations of checks and monitors."""

from __future__ import annotations

import pytest

from conformance import check as module
from conformance.check import Sharing, all_checks, all_monitors, check, monitor
from conformance.peer import Peer


@pytest.fixture(autouse=True)
def _empty_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_checks", {})
    monkeypatch.setattr(module, "_monitors", {})


async def _body(peer: Peer) -> None:
    """A sentence
    on two lines.

    And more that is not its title.
    """


def test_a_declaration_keeps_the_body_usable_and_takes_the_first_sentence() -> None:
    assert check("a.b", "rule", sharing=Sharing.FRESH)(_body) is _body
    declared = module._checks["a.b"]
    assert (declared.title, declared.sharing, declared.requirements) == (
        "A sentence on two lines.",
        Sharing.FRESH,
        ("rule",),
    )


def test_no_id_is_declared_twice_be_it_a_check_or_a_monitor() -> None:
    check("a.b", "rule")(_body)
    with pytest.raises(ValueError, match=r"a\.b is declared twice"):
        check("a.b", "rule")(_body)
    with pytest.raises(ValueError, match="declared twice"):
        monitor("a.b", "rule")(lambda _: iter(()))


def test_everything_declared_has_a_sentence_for_a_title_and_a_requirement() -> None:
    for item in (*all_checks(), *all_monitors()):
        assert item.title.endswith("."), item.id
        assert item.requirements, item.id
        assert len(set(item.requirements)) == len(item.requirements), item.id


def test_a_modal_verb_stands_in_no_title() -> None:
    wrong = [item.id for item in (*all_checks(), *all_monitors()) if {"must", "should"} & set(item.title.split())]
    assert wrong == []
