"""How long the state machines search: the same few examples in every run of CI, or at random and for hours.

`TOUCHSTONE_EXAMPLES=100000` searches at random.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, settings

__all__ = ["BUDGET", "EXAMPLES", "MUTANTS", "quiet"]

EXAMPLES = int(os.environ.get("TOUCHSTONE_EXAMPLES", "0"))
_COMMON = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
BUDGET = settings(
    derandomize=not EXAMPLES,
    max_examples=EXAMPLES or 40,
    stateful_step_count=100 if EXAMPLES else 50,
    report_multiple_bugs=False,
    **_COMMON,
)
"""What the machines get on what is right."""
MUTANTS = settings(
    derandomize=True,
    max_examples=60,
    stateful_step_count=50,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    **_COMMON,
)
"""What they get on what is wrong: no more examples than that, and the first failure will do."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what handlers log out of the way."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
