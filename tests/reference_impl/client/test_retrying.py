"""Which failures are worth another attempt, and when it comes."""

import pytest

from reference_impl.client import (
    ConnectionClosed,
    HttpRefused,
    InputRefused,
    PermissionDenied,
    RequestFailed,
    RequestTimeout,
    RetryPolicy,
    Unreachable,
)
from reference_impl.client.retrying import pause_after, worth_repeating


@pytest.mark.parametrize(
    ("error", "harmless", "harmful"),
    [
        (Unreachable("refused"), True, True),
        (HttpRefused(429), True, True),
        (ConnectionClosed("lost"), True, False),
        (RequestTimeout("tools/call", 1.0), True, False),
        (HttpRefused(503), True, False),
        (RequestFailed(-32603, "Internal error"), False, False),
        (RequestFailed(-32000, "Too fast", {"retryAfter": 1}), True, False),
        (RequestFailed(-32000, "Too fast", {"retryAfter": "soon"}), False, False),
        (RequestFailed(-32602, "Invalid params"), False, False),
        (HttpRefused(401), False, False),
        (PermissionDenied("no"), False, False),
        (InputRefused("no"), False, False),
    ],
    ids=str,
)
def test_a_call_is_made_again_only_where_that_is_safe_and_may_help(error, harmless, harmful):
    assert worth_repeating(error, harmless=True) is harmless
    assert worth_repeating(error, harmless=False) is harmful


def test_pauses_double_up_to_a_cap_and_are_drawn_from_all_of_their_range():
    longest = RetryPolicy(base=0.5, cap=4.0, random=lambda: 1.0)
    assert [longest.delay(attempt) for attempt in range(6)] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    assert RetryPolicy(random=lambda: 0.0).delay(9) == 0.0
    assert longest.delay(10_000) == 4.0


@pytest.mark.parametrize(
    ("failure", "seconds"),
    [
        (HttpRefused(429, headers={"retry-after": "7"}), 7.0),
        (HttpRefused(429, headers={"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}), 0.0),
        (HttpRefused(429), 0.0),
        (RequestFailed(-32000, "Too fast", {"retryAfter": 1.5}), 1.5),
        (RequestFailed(-32000, "Too fast", {"retryAfter": "soon"}), 0.0),
        (RequestFailed(-32000, "Too fast", {"retryAfter": -1}), 0.0),
        (RequestFailed(-32000, "Too fast", {"retryAfter": float("inf")}), 0.0),
        (RequestFailed(-32602, "Invalid params", "retryAfter"), 0.0),
        ({"isError": True, "_meta": {"touchstone/retryAfter": 2}}, 2.0),
        ({"_meta": {"touchstone/retryAfter": 2}}, 0.0),
        ({"isError": True, "_meta": {"com.example/retryAfter": 2}}, 0.0),
        ({"isError": True, "content": []}, 0.0),
        (ConnectionClosed("lost"), 0.0),
    ],
    ids=str,
)
def test_a_server_that_names_a_time_is_left_alone_for_as_long(failure, seconds):
    assert pause_after(failure) == seconds
