"""Open files: as many as the system allows, and a line where that is not enough."""

import resource

import pytest

from loadtest.descriptors import raise_limit, shortage


@pytest.fixture(autouse=True)
def as_before():
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_the_soft_limit_becomes_the_hard_one():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    assert raise_limit() == hard
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


def test_what_fits_is_nothing_to_speak_of():
    assert shortage(10) is None


def test_what_does_not_fit_is_told_with_the_way_out():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    said = shortage(hard)
    assert said is not None
    assert f"allows {hard:,}" in said
    assert f"ulimit -Hn {hard + 64}" in said
