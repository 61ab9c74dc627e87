"""Presets of `run`: they fill in what was not typed, and nothing else."""

from __future__ import annotations

import pytest

from door.options import CheckingOptions, FuzzingOptions, LoadOptions
from door.plans import CheckPlan
from door.profiles import Profile, ProfileOptions, applied, bounded
from loadtest.scenarios import SCENARIOS
from reference_impl.protocol.revisions import REVISIONS

_NOTHING = (CheckingOptions(), FuzzingOptions(), LoadOptions())


def test_without_a_profile_everything_stays_as_it_was_typed() -> None:
    assert applied(ProfileOptions(), *_NOTHING) == _NOTHING


def test_a_quick_run_spends_seconds() -> None:
    checking, fuzzing, load = applied(ProfileOptions(Profile.quick), *_NOTHING)
    assert checking == CheckingOptions()
    assert (fuzzing.seconds or 0) + (load.duration or 0) <= 6


def test_a_quick_run_bounds_the_checks_of_all_revisions_together_and_the_end_of_the_search() -> None:
    plan = CheckPlan()
    checks, after = bounded(ProfileOptions(Profile.quick), CheckingOptions(), plan)
    assert (checks.patience.whole, after.patience.run) == (5, 0.5)
    assert checks.patience.answer == after.patience.answer == plan.patience.answer


@pytest.mark.parametrize("profile", [None, Profile.full, Profile.soak])
def test_other_runs_have_the_usual_deadline(profile: Profile | None) -> None:
    assert bounded(ProfileOptions(profile), CheckingOptions(), CheckPlan()) == (CheckPlan(), CheckPlan())


def test_a_deadline_that_was_typed_holds_for_a_quick_run_too() -> None:
    plan = CheckPlan()
    assert bounded(ProfileOptions(Profile.quick), CheckingOptions(deadline=40.0), plan) == (plan, plan)


def test_a_full_run_asks_at_every_revision() -> None:
    checking, _, _ = applied(ProfileOptions(Profile.full), *_NOTHING)
    assert checking.revision == [revision.name for revision in REVISIONS]


def test_a_soak_plays_the_scenario_that_finds_leaks() -> None:
    _, _, load = applied(ProfileOptions(Profile.soak), *_NOTHING)
    assert load.scenario in [scenario.name for scenario in SCENARIOS]
    assert load.scenario == "soak"


@pytest.mark.parametrize("profile", Profile)
def test_what_was_typed_wins(profile: Profile) -> None:
    typed = (
        CheckingOptions(revision=[REVISIONS[-1].name]),
        FuzzingOptions(examples=7),
        LoadOptions(duration=1.0, scenario="churn"),
    )
    assert applied(ProfileOptions(profile), *typed) == typed


def test_a_shape_and_a_search_last_as_long_as_they_say() -> None:
    for load in (LoadOptions(shape="ramp 1..2 over 3s"), LoadOptions(find_capacity=True)):
        assert applied(ProfileOptions(Profile.quick), *_NOTHING[:2], load)[2].duration is None
