"""What may be kept, how long, and for whom."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.monitors.talk import LEGACY, MODERN, Talk, error, request, result

_HINTS: dict[str, Any] = {"ttlMs": 0, "cacheScope": "private"}


@pytest.mark.parametrize(
    ("members", "outcome"),
    [
        (_HINTS, "passed"),
        ({"ttlMs": 1e3, "cacheScope": "public"}, "passed"),
        ({"ttlMs": 0}, "failed"),
        ({"cacheScope": "public"}, "failed"),
        ({**_HINTS, "ttlMs": -1}, "failed"),
        ({**_HINTS, "ttlMs": 0.5}, "failed"),
        ({**_HINTS, "ttlMs": True}, "failed"),
        ({**_HINTS, "ttlMs": "0"}, "failed"),
        ({**_HINTS, "cacheScope": "shared"}, "failed"),
        ({"resultType": "input_required"}, "blocked"),
    ],
)
def test_complete_results_say_how_they_may_be_kept(members: dict[str, Any], outcome: str) -> None:
    talk = Talk(MODERN).we(request(1, "resources/read")).it(result(1, **members))
    assert talk.outcome("caching.hints") == outcome


def test_other_results_errors_and_earlier_revisions_need_no_hints() -> None:
    assert Talk(MODERN).we(request(1, "tools/call")).it(result(1)).outcome("caching.hints") == "blocked"
    assert Talk(MODERN).we(request(1, "tools/list")).it(error(1)).outcome("caching.hints") == "blocked"
    assert Talk(LEGACY).we(request(1, "tools/list")).it(result(1)).outcome("caching.hints") == "blocked"


def test_pages_of_one_list_share_their_scope() -> None:
    talk = Talk(MODERN).we(request(1, "tools/list")).it(result(1, nextCursor="a", cacheScope="public"))
    talk.we(request(2, "prompts/list", cursor="a")).it(result(2, cacheScope="private"))
    assert talk.outcome("caching.scope-of-pages") == "blocked"
    assert talk.we(request(3, "tools/list", cursor="a")).it(result(3, cacheScope="public")).outcome(
        "caching.scope-of-pages"
    ) == ("passed")
    talk.we(request(4, "tools/list", cursor="a")).it(result(4, cacheScope="private"))
    assert talk.outcome("caching.scope-of-pages") == "failed"


def test_a_question_is_not_kept() -> None:
    talk = Talk(MODERN).we(request(1, "resources/read")).it(result(1, resultType="input_required"))
    assert talk.outcome("caching.interim") == "passed"
    talk.we(request(2, "resources/read")).it(result(2, resultType="input_required", ttlMs=0))
    assert talk.outcome("caching.interim") == "failed"
