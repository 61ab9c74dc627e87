"""The options of a load test, read: what is made, how much of it, and what is expected."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from door.arriving import Arrival, arrival_of
from door.config import Settings
from door.errors import Refusal
from door.options import LoadOptions
from door.plans import CheckPlan
from door.scaling import ALONE, Scale
from door.starting import Start
from loadtest.objectives import Objective, parse_objective
from loadtest.recorded import Step, read_recording
from loadtest.scenario import Scenario, Wishes
from loadtest.scenarios import MIX, STEADY, scenario_named
from loadtest.serving import Serving

__all__ = ["LoadSettings"]


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """What load is made: by which scenario, and with which tools; without any it chooses what may be called."""

    checks: CheckPlan
    arrival: Arrival
    objectives: tuple[Objective, ...]
    scenario: Scenario
    wishes: Wishes
    seed: int
    scale: Scale = ALONE
    serving: Serving | None = None

    @classmethod
    def of(cls, options: LoadOptions, settings: Settings, checks: CheckPlan, seed: int) -> LoadSettings:
        """Read the options. Raises `Refusal` for one that cannot be understood, and for two models at once.

        Where nothing says what to do, the mix of the settings file is played, if it has one.
        """
        try:
            parsed = tuple(parse_objective(text) for text in (*settings.objectives, *(options.slo or ())))
            usual = MIX if settings.mix and not options.tool else STEADY
            scenario = scenario_named(options.scenario or usual.name)
            recording = () if options.recording is None else _recording(options.recording)
            tools = tuple(_weighted(text) for text in options.tool or ())
            wishes = Wishes(tools=tools, mix=settings.mix, recording=recording)
        except ValueError as error:
            raise Refusal(str(error)) from None
        arrival = arrival_of(options)
        if arrival.search and scenario.judges:
            raise Refusal(
                f"{scenario.name} judges one run, and --find-capacity makes many at the edge of what the target takes:"
                " take --rate or --users, or a scenario that only measures"
            )
        return cls(checks, arrival, parsed, scenario, wishes, seed)

    def served_by(self, start: Start | None) -> LoadSettings:
        """Return the settings for a target that is ours to start: scenarios may start it again."""
        if start is None:
            return self
        serving = Serving(argv=start.argv, url=start.url, env=dict(start.env), cwd=start.cwd)
        return replace(self, serving=serving)


def _recording(text: str) -> tuple[Step, ...]:
    """Read `FILE` or `FILE#CHECK`. Raises ValueError."""
    path, _, identifier = text.partition("#")
    return read_recording(Path(path), identifier)


def _weighted(text: str) -> tuple[str, float]:
    """Read `TOOL` or `TOOL=WEIGHT`. Raises ValueError for a weight that is none."""
    tool, _, weight = text.rpartition("=")
    if not tool:
        return text, 1.0
    try:
        share = float(weight)
    except ValueError:
        share = math.nan
    if not (share > 0 and math.isfinite(share)):
        raise ValueError(f"--tool {text}: what follows = is how often it is called, a number above 0")
    return tool, share
