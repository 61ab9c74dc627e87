"""What a statement calls is found as PostgreSQL itself would, in spite of comments, quotes and escapes."""

import pytest

from reference_impl.servers.database.postgres_guard import called, refusal

VOLATILE = frozenset(("pg_read_file", "nextval", "pg_sleep", "lo_creat", "random", "pg_advisory_lock"))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SELECT a(1), B ( 2 ), s.c(3)", ["a", "b", "c"]),
        ('SELECT "Quoted"(1), "with""quote"(2)', ["Quoted", 'with"quote']),
        ('SELECT (1).a, b . /* x */ "C" , $1.d, e[1].f, ROW(1).*', ["select", "a", "C", "d", "f", "row"]),
        ("SELECT a/* x /* nested */ ( */(1)", ["a"]),
        ("SELECT a -- (\n (1)", ["a"]),
        ("SELECT 'a(1)', 'it''s b(1)', E'\\'c(1)'", []),
        ("SELECT $$a(1)$$, $x$b(1)$$c(1)$x$", []),
        ("SELECT 1 AS x$a$, d(5), 2 AS y$a$", ["d"]),
        ("SELECT $1$a$, e(1) $a$", []),
        ("SELECT E'a'\n'b\\'' , f(1) , '...'", ["f"]),
        ("SELECT E'a' -- c\n 'b\\'' , g(1) , '...'", ["g"]),
        ("SELECT 'a'\n'b\\' , h(1) , '...'", ["h"]),
        ("SELECT U&'\\0061(1)', B'1', X'ff', N'i(1)'", []),
        ("SELECT j\u00a0(1)", ["j\u00a0"]),
        ("SELECT a FROM b WHERE (c)", ["where"]),
        ("", []),
    ],
)
def test_names_before_a_parenthesis_or_after_a_dot_are_found(query, names):
    assert list(called(query)) == names


@pytest.mark.parametrize("query", ['SELECT U&"\\0070g_read_file"(1)', "SELECT /* x", "SELECT $a$ x"])
def test_what_cannot_be_told_apart_is_refused(query):
    assert refusal(query, VOLATILE) is not None


@pytest.mark.parametrize(
    "query",
    [
        "SELECT pg_read_file('x')",
        "SELECT pg_catalog.PG_READ_FILE ('x')",
        "SELECT \"pg_read_file\"('x')",
        "SELECT pg_read_file/**/('x')",
        "SELECT ('x'::text).pg_read_file",
        "SELECT f.pg_read_file FROM unnest(ARRAY['x']) AS f",
        "SELECT * FROM dblink_connect('x')",
        "SELECT * FROM crosstab('SELECT 1')",
        "SELECT query_to_xml('DELETE', true, true, '')",
        "SELECT lo_creat(1)",
        "SELECT nextval('s')",
    ],
)
def test_functions_that_act_outside_are_refused_by_name(query):
    assert "not allowed here" in refusal(query, VOLATILE)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT random(), pg_sleep(1), count(*), my_own(1) FROM t TABLESAMPLE system (1)",
        "SELECT 'pg_read_file(1)', pg_read_file FROM t",
    ],
)
def test_harmless_ones_and_mere_words_are_not(query):
    assert refusal(query, VOLATILE) is None


def test_a_sequence_may_go_on_where_rows_may_be_changed():
    assert refusal("INSERT INTO t VALUES (nextval('s'))", VOLATILE, write=True) is None
    assert refusal("INSERT INTO t VALUES (lo_creat(1))", VOLATILE, write=True) is not None


@pytest.mark.parametrize(
    "after", ["-" * 60, "-- " * 30, "--\n" * 3000 + "x", " \n" * 3000 + "x", "\n--" * 3000, "\n'b'" * 3000]
)
def test_what_may_follow_a_string_takes_no_long_time(after):
    """A statement of 60 characters was enough to hold up the whole process for ever."""
    assert list(called(f"SELECT pg_sleep(1), E'a'{after}")) == ["pg_sleep"]
