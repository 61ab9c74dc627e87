"""Error codes of what is listed and fails, as their monitor judges them."""

from __future__ import annotations

import pytest

from tests.conformance.monitors.talk import Talk, error, request, result


def _listing() -> Talk:
    talk = Talk().we(request(1, "prompts/list")).it(result(1, prompts=[{"name": "a"}]))
    talk.we(request(2, "resources/list")).it(result(2, resources=[{"uri": "a:b", "name": "b"}]))
    return talk.we(request(3, "resources/templates/list")).it(result(3, resourceTemplates=[{"uriTemplate": "a:{b}"}]))


@pytest.mark.parametrize(
    ("method", "about", "row"),
    [
        ("prompts/get", {"name": "a"}, "prompts.failure.code"),
        ("resources/read", {"uri": "a:b"}, "resources.failure.code"),
        ("completion/complete", {"ref": {"type": "ref/resource", "uri": "a:{b}"}}, "completion.failure.code"),
    ],
)
def test_what_is_listed_does_not_fail_with_0(method: str, about: dict[str, object], row: str) -> None:
    assert _listing().we(request(9, method, **about)).it(error(9, -32603)).outcome("features.failure-code") == "passed"
    mismatch = _listing().we(request(9, method, **about)).it(error(9, 0)).judged("features.failure-code").mismatch
    assert mismatch is not None
    assert mismatch.breaks == row


def test_what_is_not_listed_or_was_asked_for_wrongly_is_not_judged() -> None:
    talk = _listing().we(request(8, "prompts/get", name="c")).it(error(8, 0))
    talk.we(request(9, "prompts/get", name="a"), defect="no arguments").it(error(9, 0))
    assert talk.outcome("features.failure-code") == "blocked"
