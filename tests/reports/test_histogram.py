"""Histograms are read as the library that wrote them reads them."""

import base64
import random
import zlib

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.histogram import Bucket, HistogramError, decode, encode, quantiles


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.dictionaries(st.integers(1, 600_000_000), st.integers(1, 10_000), min_size=1, max_size=30),
    st.integers(1, 5),
    st.sampled_from([1, 2, 1000]),
)
def test_every_value_comes_back_with_its_count(values: dict[int, int], figures: int, lowest: int) -> None:
    histogram = HdrHistogram(lowest, 600_000_000, figures)
    for value, count in values.items():
        histogram.record_value(value, count)
    expected: dict[int, int] = {}
    for value, count in values.items():
        highest = histogram.get_highest_equivalent_value(value)
        expected[highest] = expected.get(highest, 0) + count
    assert decode(histogram.encode().decode()) == tuple(Bucket(*item) for item in sorted(expected.items()))


def test_quantiles_are_those_of_the_library() -> None:
    rng = random.Random(1)
    histogram = HdrHistogram(1, 600_000_000, 3)
    for _ in range(10_001):
        histogram.record_value(int(rng.lognormvariate(8, 1.5)) + 1)
    found = list(quantiles(decode(histogram.encode().decode())))
    for percentile in (1, 50, 90, 99, 99.9, 100):
        value = next(value for share, value in found if share * 100 >= percentile)
        assert value == histogram.get_value_at_percentile(percentile)


def test_an_empty_histogram_has_no_buckets() -> None:
    assert decode(HdrHistogram(1, 1000, 2).encode().decode()) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no base64!",
        "AAAA",
        base64.b64encode(b"\x00" * 64).decode(),
        base64.b64encode(b"\x1c\x84\x93\x14\x00\x00\x00\x08" + b"\x00" * 8).decode(),
        base64.b64encode(b"\x1c\x84\x93\x14\x00\x00\x00\x10" + zlib.compress(b"\x00" * 40)).decode(),
        HdrHistogram(1, 1000, 2).encode().decode()[:36],
    ],
)
def test_what_is_no_histogram_is_refused(text: str) -> None:
    with pytest.raises(HistogramError):
        decode(text)


@given(st.dictionaries(st.integers(1, 3_600_000_000), st.integers(1, 10**9), max_size=30))
@settings(derandomize=True, deadline=None)
def test_what_is_encoded_here_is_what_the_library_would_have_written(values: dict[int, int]) -> None:
    theirs = HdrHistogram(1, 3_600_000_000, 3)
    for value, count in values.items():
        theirs.record_value(value, count)
    ours = encode(values, 3_600_000_000)
    assert decode(ours) == decode(theirs.encode().decode())
    assert HdrHistogram.decode(ours).get_total_count() == theirs.get_total_count()
