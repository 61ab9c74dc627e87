"""The command line in the header of the records."""

from __future__ import annotations

import pytest

from door.typed import typed


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["list"], "touchstone list"),
        (["check", "--", "node", "a b.js"], "touchstone check -- node 'a b.js'"),
        (["check", "--env", "KEY=hush", "--", "x"], "touchstone check --env 'KEY=[redacted]' -- x"),
        (["check", "--env=KEY=hush=hush", "--", "x"], "touchstone check '--env=KEY=[redacted]' -- x"),
        (["check", "-e", "KEY=hush"], "touchstone check -e 'KEY=[redacted]'"),
        (["check", "-eKEY=hush"], "touchstone check '-eKEY=[redacted]'"),
        (["check", "--header", "A: hush: hush"], "touchstone check --header 'A: [redacted]'"),
        (["check", "-HA:hush"], "touchstone check '-HA:[redacted]'"),
        (["check", "--header", "hush"], "touchstone check --header '[redacted]'"),
        (["check", "-e", "KEY=env:NAME", "-H", "A: env:B"], "touchstone check -e KEY=env:NAME -H 'A: env:B'"),
        (["check", "--", "x", "--env", "A=b", "-H", "c"], "touchstone check -- x --env A=b -H c"),
        (["check", "--env"], "touchstone check --env"),
        (["check", "--token", "hush:hush"], "touchstone check --token '[redacted]'"),
        (["check", "--token=hush"], "touchstone check '--token=[redacted]'"),
        (["check", "--token", "env:NAME"], "touchstone check --token env:NAME"),
    ],
)
def test_values_of_headers_and_variables_are_masked_and_the_rest_can_be_pasted(words: list[str], shown: str) -> None:
    assert typed(words) == shown
