"""The second line understands what is harmless, and says of the rest what is wrong with it."""

import pytest

from reference_impl.servers.database.safety import judge

HARMLESS = [
    "SELECT created_at, updated, deleted FROM orders",
    'SELECT "delete", "drop" FROM "update"',
    "SELECT 'DROP TABLE orders; DELETE FROM orders' AS words",
    "SELECT 1 -- DROP TABLE orders",
    "/* DELETE */ SELECT 1 /* ; DROP TABLE orders */",
    "SELECT replace(name, 'a', 'b') FROM customers",
    "WITH recent AS (SELECT * FROM orders) SELECT count(*) FROM recent",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "VALUES (1, 2)",
    "select * from orders where created_at > '2026-01-01';",
    "SELECT ';'",
]
WRITING = {
    "DELETE FROM orders": "DELETE is not allowed",
    "insert into orders values (1)": "INSERT is not allowed",
    "WITH x AS (SELECT 1) DELETE FROM orders": "not even inside of WITH",
    "WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x": "not even inside of WITH",
    "SELECT 1; DROP TABLE orders": "more than one statement",
    "COMMIT; DROP TABLE orders": "more than one statement",
    "COMMIT": "a transaction of its own",
    "SELECT 1 /* x */ ;/**/ DELETE FROM orders": "more than one statement",
    "/**/DROP/**/TABLE/**/orders": "DROP is not allowed",
    "EXPLAIN ANALYZE DELETE FROM orders": "use explain_query",
    "VACUUM INTO '/tmp/x'": "VACUUM is not allowed",
    "ATTACH 'x' AS y": "ATTACH is not allowed",
    "PRAGMA writable_schema = 1": "use get_schema",
    "CREATE TABLE x (a)": "CREATE is not allowed",
    "": "no statement",
    " -- nothing\n;": "no statement",
    "SELECT 'never ends": "does not end",
    "SELECT /* never ends": "does not end",
    "SELECT\0 1": "NUL",
    "SELECT " + "(" * 300 + "1" + ")" * 300: "nested",
    "SELECT " + "1," * 60_000 + "1": "longer than",
}
FOR_POSTGRES = {
    "SELECT 1 INTO new_table": "makes a table",
    "SELECT * FROM orders FOR UPDATE": "Locking",
    "COPY orders TO PROGRAM 'id'": "COPY is not allowed",
    "DO $$ BEGIN DELETE FROM orders; END $$": "DO is not allowed",
    "SET TRANSACTION READ WRITE": "SET is not allowed",
    "DECLARE c CURSOR FOR SELECT 1": "DECLARE is not allowed",
}


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
@pytest.mark.parametrize("query", HARMLESS)
def test_names_strings_and_comments_are_no_danger(query, dialect):
    assert judge(query, dialect) is None


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
@pytest.mark.parametrize(("query", "words"), WRITING.items(), ids=lambda text: text[:40])
def test_what_writes_or_is_no_single_statement_is_refused_with_a_reason(query, words, dialect):
    assert words in judge(query, dialect)


@pytest.mark.parametrize(("query", "words"), FOR_POSTGRES.items())
def test_what_only_postgresql_has_is_refused_too(query, words):
    assert words in judge(query, "postgres")


def test_what_the_parser_does_not_understand_is_left_to_the_database():
    assert judge("SELECT ?1, :name, @other", "sqlite") is None
    assert judge("SELECT SELECT", "sqlite") is None


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_changes_need_a_where_and_may_be_no_more_than_changes(dialect):
    def judged(query):
        return judge(query, dialect, write=True)

    assert judged("UPDATE orders SET status = 'sent' WHERE id = 1") is None
    assert judged("INSERT INTO orders VALUES (1) RETURNING id") is None
    assert judged("WITH x AS (SELECT 1) DELETE FROM orders WHERE id IN (SELECT * FROM x)") is None
    assert judged("DELETE FROM orders WHERE true") is None
    assert "every row" in judged("DELETE FROM orders")
    assert "every row" in judged("UPDATE orders SET status = 'sent'")
    assert "changes nothing" in judged("WITH x AS (SELECT 1) SELECT * FROM x")
    assert "DROP is not allowed" in judged("DROP TABLE orders")
    assert "SELECT is not allowed" in judged("SELECT 1")


def test_replace_is_a_change_in_sqlite():
    assert judge("REPLACE INTO orders VALUES (1)", "sqlite", write=True) is None
