"""What holds for all tests: Hypothesis draws the same each time, and a busy machine is no fault of a strategy."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "touchstone", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("touchstone")
