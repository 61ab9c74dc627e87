"""Requests of each method that is served, wrong in one way against the transcription of the schema."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.transcribed import known_wrong_params, sound_params, wrong_params
from conformance.schema import messages, violations
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, REVISIONS, Revision

from .grounds import ECHO, ground

Draw = Callable[..., list[Case]]
PROMPT = {"name": "greet", "arguments": [{"name": "who", "required": True}]}
LISTS: dict[str, Any] = {"prompts": [PROMPT], "resources": [{"uri": "test://a", "name": "a"}]}


def _breaks(revision: Revision, case: Case) -> bool:
    definition = messages(revision.name)[case.message["method"]].definition
    return bool(violations(revision.name, definition, case.message))


@pytest.mark.parametrize("revision", REVISIONS, ids=str)
def test_every_one_is_invalid_by_the_schema_and_still_a_request(revision: Revision, drawn: Draw) -> None:
    here = ground(ECHO, revision=revision, **LISTS)
    for case in [*islice(known_wrong_params(here), 25), *drawn(wrong_params(here), 5)]:
        assert _breaks(revision, case), case.label
        assert case.expectation is Expectation.REPLY
        assert isinstance(case.message["params"], dict)
        assert {"jsonrpc", "id", "method"} <= case.message.keys()


def test_each_method_that_is_served_is_broken_somewhere() -> None:
    here = ground(ECHO, **LISTS)
    broken = {case.message["method"] for case in known_wrong_params(here)}
    assert broken >= {"tools/call", "resources/read", "prompts/get", "completion/complete", "logging/setLevel"}
    assert broken >= {"resources/subscribe", "resources/unsubscribe", "tools/list"}


def test_labels_say_what_is_wrong_where() -> None:
    labels = [case.label for case in known_wrong_params(ground(ECHO))]
    assert any(label.startswith("tools/call: missing at params") and "'name' is missing" in label for label in labels)
    assert any("type at params.arguments" in label for label in labels)


def test_metadata_is_left_alone() -> None:
    for revision in (LATEST_LEGACY, LATEST):
        for case in islice(known_wrong_params(ground(ECHO, revision=revision, **LISTS)), 20):
            assert "_meta" not in case.label


def test_what_is_not_declared_is_not_asked() -> None:
    assert sound_params(ground(ECHO, capabilities={}, **LISTS)) == []
    methods = {method for method, _ in sound_params(ground(ECHO, capabilities={"tools": {}}, **LISTS))}
    assert methods == {"tools/list", "tools/call"}
    assert wrong_params(ground(capabilities={})).is_empty


def test_the_newest_revision_is_not_asked_for_what_it_has_dropped() -> None:
    methods = {method for method, _ in sound_params(ground(ECHO, revision=LATEST, **LISTS))}
    assert not methods & {"resources/subscribe", "resources/unsubscribe", "logging/setLevel"}
