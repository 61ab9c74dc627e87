"""`touchstone serve filesystem`: what it cannot serve is refused in one line."""

from __future__ import annotations

import pytest

from door.errors import Refusal
from door.serve.filesystem import filesystem
from door.serve.listening import ServingOptions, Transport


@pytest.mark.parametrize(
    ("roots", "limits", "said"),
    [
        ([""], [], "an empty path"),  # of a variable that is not set
        (["no/such"], [], "'no/such' is no directory"),
        (["."], ["depth=3"], "a whole number to one of at_once, deleted"),
        (["."], ["seconds=0"], "a whole number"),
        (["."], ["seconds=-1"], "a whole number"),
        (["."], ["seconds=" + "9" * 5000], "a whole number"),
    ],
)
def test_what_cannot_be_set_up_is_refused_in_one_line(roots: list[str], limits: list[str], said: str) -> None:
    with pytest.raises(Refusal, match=said) as refused:
        filesystem(ServingOptions(), roots, limit=limits)
    assert "\n" not in str(refused.value)


def test_over_a_network_somebody_has_to_name_a_root() -> None:
    with pytest.raises(Refusal, match="name at least one directory"):
        filesystem(ServingOptions(transport=Transport.http))
