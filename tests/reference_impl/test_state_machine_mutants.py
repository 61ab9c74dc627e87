"""The state machines fail where they should: on servers and clients that are wrong in one way each."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.reference_impl.machine import profile
from tests.reference_impl.machine.mutants import MUTANTS, Mutant


def _mutated(mutant: Mutant) -> AbstractContextManager[Any]:
    if isinstance(mutant.owner, dict):
        return patch.dict(mutant.owner, {mutant.name: mutant.wrong})
    return patch.object(mutant.owner, mutant.name, mutant.wrong)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.machine.__name__}: {mutant.fault}")
def test_a_machine_fails_on_what_is_wrong_in_just_this_way(mutant: Mutant) -> None:
    with profile.quiet(), _mutated(mutant), pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(mutant.machine, settings=profile.MUTANTS)
    assert re.search(mutant.law, str(caught.value)), caught.value
