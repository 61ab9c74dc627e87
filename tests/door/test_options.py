"""Groups of options as parameters of commands."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest
import typer

from door.options import CheckingOptions, TargetOptions, flattened


def command(target: TargetOptions, checking: CheckingOptions, own: int = 3) -> int:
    """Do it."""
    return own + len(target.target or ()) + int(checking.patience)


def test_a_command_gets_one_parameter_for_each_field_of_its_groups() -> None:
    parameters = inspect.signature(flattened(command)).parameters
    assert set(parameters) == {
        "own",
        *(item.name for group in (TargetOptions, CheckingOptions) for item in fields(group)),
    }
    assert parameters["patience"].default == CheckingOptions().patience


def test_values_find_their_groups_and_the_result_is_the_exit_code() -> None:
    call = flattened(command)
    given = {item.name: item.default for group in (TargetOptions, CheckingOptions) for item in fields(group)}
    with pytest.raises(typer.Exit) as caught:
        call(**given | {"target": ["a", "b"], "patience": 10.0, "own": 1})
    assert caught.value.exit_code == 13
    assert call.__doc__ == "Do it."
