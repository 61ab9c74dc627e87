"""The commands of a report lead to the target that the report is of."""

from __future__ import annotations

import pytest

from door.naming import Named, name_target, target_again
from door.options import TargetOptions

COMMAND = "touchstone check --only it --revision 2025-11-25 -- node index.js"


def _again(**options: object) -> str:
    return name_target(TargetOptions(**options)).again(COMMAND, "2025-11-25")  # type: ignore[arg-type] # as typed


@pytest.mark.parametrize(
    ("options", "end"),
    [
        ({"target": ["node", "index.js"]}, "2025-11-25 -- node index.js"),
        ({"target": ["mcp.json#notes"]}, "2025-11-25 'mcp.json#notes'"),
        ({}, "--revision 2025-11-25"),
        ({"config": "my settings.toml"}, "2025-11-25 --config 'my settings.toml'"),
        ({"config": "a.toml", "target": ["node", "index.js"]}, "2025-11-25 --config a.toml -- node index.js"),
        ({"config": "a.toml", "target": ["http://h/mcp"]}, "2025-11-25 --config a.toml http://h/mcp"),
        ({"target": ["node", "index.js"], "env": ["A=b"]}, "2025-11-25 --env 'A=[redacted]' -- node index.js"),
        ({"target": ["node", "index.js"], "env": ["A=env:B"]}, "2025-11-25 --env A=env:B -- node index.js"),
        ({"target": ["http://h"], "header": ["X: y"]}, "--header 'X: [redacted]' -- node index.js"),
        ({"target": ["http://h"], "token": "env:T"}, "--token env:T -- node index.js"),
    ],
)
def test_a_command_names_the_target_as_it_was_typed(options: dict[str, object], end: str) -> None:
    assert _again(**options).endswith(end)


def test_a_command_without_a_target_gets_the_options_alone() -> None:
    assert Named("", "--env A=b").again("touchstone replay it", "2025-11-25") == "touchstone replay it --env A=b"


@pytest.mark.parametrize(
    "options",
    [
        TargetOptions(target=["mcp.json#notes"]),
        TargetOptions(target=[]),
        TargetOptions(target=["node", "--x", "a b"], config="c.toml"),
        TargetOptions(target=["http://h/?a=b"], config="c.toml"),
    ],
)
def test_what_a_record_says_of_a_target_is_read_back(options: TargetOptions) -> None:
    given = name_target(options).given
    assert given is not None
    assert target_again(given) == options
