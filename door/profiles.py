"""How thorough `run` is: presets of options, each of which gives way to what was typed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from door.options import CheckingOptions, FuzzingOptions, LoadOptions
from reference_impl.protocol.revisions import REVISIONS

if TYPE_CHECKING:
    from door.plans import CheckPlan

__all__ = ["Profile", "ProfileOptions", "applied", "bounded"]


class Profile(str, Enum):  # noqa: UP042 - typer shows the values of a str enum
    """Names of presets."""

    quick = "quick"
    full = "full"
    soak = "soak"


@dataclass(frozen=True, slots=True)
class ProfileOptions:
    """Which preset is taken, if any."""

    profile: Annotated[
        Profile | None,
        typer.Option(
            "--profile",
            help="quick: for every push, seconds; full: every revision, minutes; soak: leaks, half an hour.",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class _Preset:
    """How long is fuzzed and loaded, and checked at the longest (seconds), at which revisions, in which scenario of
    load."""

    fuzzed: float
    loaded: float
    checked: float = math.inf
    revisions: tuple[str, ...] = ()
    scenario: str | None = None


_EVERY = tuple(revision.name for revision in REVISIONS)
_PRESETS: Mapping[Profile, _Preset] = {
    Profile.quick: _Preset(fuzzed=2, loaded=2, checked=5),
    Profile.full: _Preset(fuzzed=180, loaded=30, revisions=_EVERY),
    Profile.soak: _Preset(fuzzed=300, loaded=1200, scenario="soak"),
}


_OVER = 0.5
"""Seconds by which a search may outlast its time, where the time for checks is counted."""


def bounded(options: ProfileOptions, checking: CheckingOptions, plan: CheckPlan) -> tuple[CheckPlan, CheckPlan]:
    """Return how patiently is checked, and what comes after that: within a profile's time, unless one was typed."""
    longest = math.inf if options.profile is None else _PRESETS[options.profile].checked
    if math.isinf(longest) or checking.deadline != CheckingOptions().deadline:
        return plan, plan
    brief, after = replace(plan.patience, whole=longest), replace(plan.patience, run=_OVER)
    return replace(plan, patience=brief), replace(plan, patience=after)


def applied(
    options: ProfileOptions, checking: CheckingOptions, fuzzing: FuzzingOptions, load: LoadOptions
) -> tuple[CheckingOptions, FuzzingOptions, LoadOptions]:
    """Return the options with those of the profile where none was typed."""
    if options.profile is None:
        return checking, fuzzing, load
    preset = _PRESETS[options.profile]
    if not checking.revision and preset.revisions:
        checking = replace(checking, revision=list(preset.revisions))
    if fuzzing.examples is None and fuzzing.seconds is None:
        fuzzing = replace(fuzzing, seconds=preset.fuzzed)
    scenario = load.scenario or preset.scenario
    if load.duration is None and load.shape is None and not load.find_capacity:
        load = replace(load, duration=preset.loaded)
    return checking, fuzzing, replace(load, scenario=scenario)
