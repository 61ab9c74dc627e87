"""The usual order."""

from reference_impl.security.permissions import PermissionManager
from reference_impl.server import Standard, standard


def test_nothing_is_there_that_nobody_wants():
    assert list(standard(Standard())) == []


def test_the_order_is_the_documented_one():
    everything = Standard(log=True, rate=1, permissions=PermissionManager(), cache=1, timeout=1)
    assert [type(each).__name__ for each in standard(everything)] == [
        "LoggingMiddleware",
        "RateLimitingMiddleware",
        "PermissionsMiddleware",
        "CachingMiddleware",
        "TimeoutMiddleware",
    ]
