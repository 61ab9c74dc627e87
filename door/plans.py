"""What is asked of the stages of a run: read, checked and passed on, before anything is started.

Nothing here imports what a stage needs to do its work: a wrong option is answered, and the first line of progress is
shown, before that is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from conformance.patience import Patience
from conformance.surface import Permission

__all__ = ["CheckPlan", "FuzzSettings"]


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """Which checks run, and how."""

    only: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()
    permission: Permission = field(default_factory=Permission)
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class FuzzSettings:
    """How much is tried: on top of what holds for checks, the cases of each property, the seconds for all of them, and
    the seed of all chance; None for either budget as in `FuzzPlan`.

    `alone`: nobody else in this process uses Hypothesis, whose folder then lies among ours. `active`: attacks are
    tried as well, with `sandbox` as the only directory that the target may touch.
    """

    checks: CheckPlan
    examples: int | None
    seed: int
    seconds: float | None = None
    alone: bool = True
    active: bool = False
    sandbox: Path | None = None
