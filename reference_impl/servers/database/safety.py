"""The second line: looks at a statement before the database does, for the sake of a good message.

What keeps a statement from writing is the engine: `sqlite_guard`, and in `postgres` the read-only transaction and the
cursor. What is not understood here is therefore left to it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

__all__ = ["Dialect", "judge"]

Dialect = Literal["sqlite", "postgres"]

_LONGEST = 100_000
_DEEPEST = 200
_READS = frozenset(("SELECT", "WITH", "VALUES", "TABLE"))
_WRITES = frozenset(("INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "WITH"))
_CHANGING = (exp.Insert, exp.Update, exp.Delete, exp.Merge)

_ADVICE = {
    "EXPLAIN": "use explain_query to see a plan",
    "DESCRIBE": "use get_schema to see the tables",
    "DESC": "use get_schema to see the tables",
    "SHOW": "use get_schema to see the tables",
    "PRAGMA": "use get_schema to see the tables",
    **dict.fromkeys(
        ("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "ABORT"),
        "every statement is a transaction of its own",
    ),
}
"""What to do instead, by the word that a statement begins with."""


def judge(query: str, dialect: Dialect, *, write: bool = False) -> str | None:
    """Return why a statement will not be run, or None. `write` asks whether it is one that changes data, and may."""
    return _judged(query, dialect, write)


@lru_cache(maxsize=256)
def _judged(query: str, dialect: Dialect, write: bool) -> str | None:
    try:
        first = _first_word(_statement(query, dialect))
    except ValueError as error:
        return str(error)
    return _write_refusal(first, query, dialect) if write else _read_refusal(first, query, dialect)


def _statement(query: str, dialect: Dialect) -> list[Token]:
    """Return the tokens of the only statement. Raises `ValueError` for what cannot be looked at any further."""
    if len(query) > _LONGEST:
        raise ValueError(f"The statement is longer than {_LONGEST} characters")
    if "\0" in query:
        raise ValueError("The statement has a NUL character in it")
    try:
        tokens = sqlglot.tokenize(query, read=dialect)
    except SqlglotError:
        raise ValueError("The statement cannot be read: a string, name or comment in it does not end") from None
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        raise ValueError("There is more than one statement: send them one by one")
    return tokens


def _first_word(tokens: list[Token]) -> str:
    first = next((token.text.upper() for token in tokens if token.token_type is not TokenType.L_PAREN), None)
    if first is None:
        raise ValueError("There is no statement")
    if _depth(tokens) > _DEEPEST:
        raise ValueError(f"The statement is nested more than {_DEEPEST} deep")
    return first


def _depth(tokens: list[Token]) -> int:
    depth = deepest = 0
    for token in tokens:
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        deepest = max(deepest, depth)
    return deepest


def _read_refusal(first: str, query: str, dialect: Dialect) -> str | None:
    if first not in _READS:
        advice = f": {_ADVICE[first]}" if first in _ADVICE else ""
        return f"{first[:40]} is not allowed here, only SELECT, VALUES and WITH ... SELECT{advice}"
    tree = _parsed(query, dialect)
    if tree is None:
        return None
    for node in tree.walk():
        if isinstance(node, _CHANGING):
            return f"{node.key.upper()} is not allowed here, not even inside of WITH: only reading is"
        if isinstance(node, exp.Into):
            return "SELECT ... INTO makes a table, which is not allowed here"
        if isinstance(node, exp.Lock):
            return "Locking rows (FOR UPDATE, FOR SHARE) is not allowed here"
    return None


def _write_refusal(first: str, query: str, dialect: Dialect) -> str | None:
    if first not in _WRITES:
        return f"{first[:40]} is not allowed here, only INSERT, UPDATE, DELETE and MERGE: no tables are made or changed"
    if first == "REPLACE":  # which the parser takes for a command
        return None
    tree = _parsed(query, dialect)
    if tree is None:
        return None
    if tree.find(*_CHANGING) is None:
        return "This changes nothing: use execute_query to read"
    for node in tree.find_all(exp.Update, exp.Delete):
        if node.args.get("where") is None:
            return f"{node.key.upper()} without WHERE would change every row: say WHERE true if you mean that"
    return None


def _parsed(query: str, dialect: Dialect) -> exp.Expr | None:
    try:
        trees = sqlglot.parse(query, read=dialect)
    except (SqlglotError, RecursionError):
        return None
    return next((tree for tree in trees if tree is not None), None)
