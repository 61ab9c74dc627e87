"""Values become JSON without loss or lie, and results stay within their bounds."""

import decimal
import json
import uuid

import pytest

from reference_impl.servers.database.formatting import format_query_result
from reference_impl.servers.database.results import Column, Gathering, QueryResult, plain
from reference_impl.servers.database.settings import DatabaseSettings


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, None),
        (True, True),
        (2**53 - 1, 2**53 - 1),
        (2**53, "9007199254740992"),
        (-(2**63), "-9223372036854775808"),
        (1.5, 1.5),
        (1e300, 1e300),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (b"\x00\xff", "\\x00ff"),
        ("\ud800x", "?x"),
        (decimal.Decimal("1.10"), "1.10"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ([1, [b"a", 2**60]], [1, ["\\x61", "1152921504606846976"]]),
    ],
)
def test_every_value_has_its_place_in_json(value, written):
    assert plain(value) == written
    assert type(plain(value)) is type(written)
    json.dumps(plain(value), allow_nan=False).encode()


def gathered(rows, limit=100, **bounds):
    gathering = Gathering(DatabaseSettings(**bounds), limit)
    for row in rows:
        if not gathering.take(row):
            break
    return gathering


def test_rows_end_at_the_limit_and_say_so_only_if_there_are_more():
    assert (len(gathered([[1]] * 3, 3).rows), gathered([[1]] * 3, 3).truncated) == (3, None)
    more = gathered([[1]] * 4, 3)
    assert (len(more.rows), more.truncated) == (3, "there are more than 3 rows")
    assert len(gathered([[1]] * 10, 1000, max_rows=5).rows) == 5


def test_rows_end_where_the_bytes_do():
    some = gathered([["x" * 100]] * 100, max_bytes=1000)
    assert 5 < len(some.rows) < 10
    assert "larger than 1000 bytes" in some.truncated


def test_long_values_are_cut_and_it_is_said():
    one = gathered([["x" * 50, ["y" * 50]]], max_value=20)
    assert one.rows == [("x" * 20 + "… (30 more characters)", '["' + "y" * 18 + "… (34 more characters)")]
    assert one.truncated == "values longer than 20 characters were cut"


def test_the_table_keeps_its_shape_whatever_is_in_it():
    columns = (Column("a", "text"), Column("a", "integer"))
    result = QueryResult(columns, (("x\ny|z", None), ("w" * 500, 1)), "why not", 2)
    lines = format_query_result(result).splitlines()
    assert lines[2].startswith("| x\\ny\\|z ")
    assert lines[2].rstrip().endswith("| NULL |")
    assert len({len(line) for line in lines[:4]}) == 1
    assert len(lines[0]) < 250
    assert lines[4:] == ["", "2 rows", "2 rows changed", "Not all is shown: why not."]


def test_no_columns_are_no_table():
    assert format_query_result(QueryResult((), (), None, 1)) == "1 row changed"
