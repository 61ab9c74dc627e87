"""Deadlines in proportion."""

from __future__ import annotations

from conformance.patience import Patience


def test_another_patience_for_answers_stretches_start_and_check_alike() -> None:
    scaled = Patience(start=30, answer=15, quiet=0.4, stop=5, check=60, run=600).scaled(5)
    assert scaled == Patience(start=10, answer=5, quiet=0.4, stop=5, check=20, run=600)


def test_every_deadline_ends() -> None:
    patience = Patience()
    assert 0 < patience.quiet < patience.answer <= patience.start <= patience.check < patience.run < 3600
