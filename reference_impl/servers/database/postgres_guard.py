"""Functions of PostgreSQL that act on the world outside of the transaction: read files, end other sessions, open
connections, run statements given as text.

A read-only transaction does not stop them. Which there are, the server says itself: they are marked volatile. A few
volatile ones are harmless. What a statement calls is found by the lexical rules of PostgreSQL
(https://www.postgresql.org/docs/current/sql-syntax-lexical.html): a name, then a parenthesis; or a name after a dot, as
a function of one argument may be written like a column of it: `('x'::text).pg_read_file`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["VOLATILE_FUNCTIONS", "called", "refusal"]

VOLATILE_FUNCTIONS = """
SELECT DISTINCT p.proname::text FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.provolatile = 'v' AND (NOT l.lanpltrusted OR p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
    OR EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
               AND d.objid = p.oid AND d.deptype = 'e'))
"""
"""Asks for the volatile functions that are built in, come with an extension, or are written in a language that can do
anything. Those that users wrote in SQL or PL/pgSQL act within the transaction."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HARMLESS = _words(
    """
    bernoulli clock_timestamp current_query currval gen_random_bytes gen_random_uuid gen_salt lastval lo_get
    normal_rand pg_blocking_pids pg_current_wal_lsn pg_database_size pg_indexes_size pg_is_in_recovery
    pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_partition_ancestors pg_partition_tree pg_relation_size
    pg_sequence_last_value pg_sleep pg_sleep_for pg_sleep_until pg_table_size pg_tablespace_size
    pg_total_relation_size random random_normal setseed system system_rows system_time timeofday
    uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 uuidv4 uuidv7
    """
)
_FOR_WRITING = frozenset(("nextval",))
_ALWAYS = _words(
    """
    connectby crosstab crosstab2 crosstab3 crosstab4 crosstabn dblink dblink_connect dblink_connect_u dblink_exec
    dblink_open dblink_send_query lo_export lo_import pg_cancel_backend pg_ls_dir pg_read_binary_file pg_read_file
    pg_reload_conf pg_stat_file pg_terminate_backend query_to_xml query_to_xml_and_xmlschema query_to_xmlschema
    set_config ts_rewrite ts_stat xpath_table
    """
)
"""Refused even where the server was not asked yet, or calls them stable: they run what they are given as text, or are
too dangerous to depend on an answer."""

_SPACE = r"[ \t\n\r\f\v]"
_CONTINUED = r"(?:[ \t\f\v]|--[^\r\n]*+)*+[\r\n](?:[ \t\n\r\f\v]|--[^\r\n]*+[\r\n])*+"
"""What stands between two parts of one string. Nothing is given back: dashes can be taken for comments in more ways
than there is time to try, and whoever tries holds up the whole process."""
_TOKEN = re.compile(
    rf"""
      (?P<space>{_SPACE}+ | --[^\r\n]*)
    | (?P<comment>/\*)
    | (?P<unicode>[uU]&")
    | [eE]'(?:[^'\\]|\\.|'')*'(?:{_CONTINUED}'(?:[^'\\]|\\.|'')*')*
    | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*'
    | "(?P<quoted>(?:[^"]|"")*)"
    | \$[0-9]+
    | \$(?P<tag>(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?)\$
    | (?P<name>[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def refusal(query: str, volatile: frozenset[str], *, write: bool = False) -> str | None:
    """Return why a statement will not be run for the functions that it calls, or None. `volatile` is the server's
    answer to `VOLATILE_FUNCTIONS`."""
    allowed = _HARMLESS | _FOR_WRITING if write else _HARMLESS
    try:
        for name in called(query):
            if name in _ALWAYS or (name in volatile and name not in allowed):
                return f"The function {name[:63]} is not allowed here: it can act outside of this statement"
    except ValueError as error:
        return str(error)
    return None


def called(query: str) -> Iterator[str]:
    """Yield the names that a parenthesis follows or a dot precedes, as PostgreSQL folds them, without their schemas.

    Raises `ValueError` for what cannot be told apart: a token without end, and identifiers with Unicode escapes.
    """
    position, name, after_dot = 0, None, False
    while position < len(query):
        found = _TOKEN.match(query, position)
        assert found is not None  # the last alternative takes anything
        position = found.end()
        match found.lastgroup:
            case "space":
                continue
            case "comment":
                position = _after_comment(query, position)
                continue
            case "unicode":
                raise ValueError("Identifiers with Unicode escapes are not allowed here")
            case "tag":
                position = _after_dollar_quote(query, position, found["tag"])
        if found["other"] == "(" and name is not None:
            yield name
        name = _folded(found)
        if after_dot and name is not None:
            yield name
            name = None
        after_dot = found["other"] == "."


def _folded(found: re.Match[str]) -> str | None:
    if found["name"] is not None:
        return found["name"].lower()
    quoted = found["quoted"]
    return None if quoted is None else quoted.replace('""', '"')


def _after_comment(query: str, position: int) -> int:
    """Comments nest."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(query, position)
        if edge is None:
            raise ValueError("A comment in the statement does not end")
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return position


def _after_dollar_quote(query: str, position: int, tag: str) -> int:
    end = query.find(f"${tag}$", position)
    if end < 0:
        raise ValueError("A string in the statement does not end")
    return end + len(tag) + 2
