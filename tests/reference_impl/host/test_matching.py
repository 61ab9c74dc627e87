"""Requests in plain words, matched to tools without a model."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.client.registry import ToolRegistry
from reference_impl.host import Assignment, MatchingPlanner, NothingFits
from reference_impl.host.extraction import extract
from reference_impl.host.words import clauses, stem, words

pytestmark = pytest.mark.anyio

TEXT, WHOLE, SWITCH = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}


def tool(name, description, required=(), **properties):
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return {"name": name, "description": description, "inputSchema": schema}


TOOLS = {
    "files": [
        tool("list_directory", "Lists what is in a directory", ["path"], path=TEXT, recursive=SWITCH),
        tool("read_file", "Reads a text file", ["path"], path=TEXT, offset=WHOLE, limit=WHOLE),
        tool("search_files", "Finds files by a pattern of names", ["pattern"], path=TEXT, pattern=TEXT),
        tool("search_content", "Finds lines in files that contain a text", ["text"], text=TEXT, path=TEXT),
        tool("write_file", "Writes a text to a file", ["path", "content"], path=TEXT, content=TEXT),
    ],
    "database": [
        tool("execute_query", "Executes an SQL query and returns the rows", ["query"], query=TEXT, limit=WHOLE),
        tool("get_schema", "Describes the tables of the database and their columns", table=TEXT),
    ],
    "git": [
        tool("status", "Shows the state of the working tree"),
        tool("log", "Shows the latest commits", limit=WHOLE, branch=TEXT),
        tool("branches", "Lists the branches"),
    ],
    "shop": [
        tool(
            "getWeather", "Returns the weather of a city", ["city"], city=TEXT, units={"enum": ["metric", "imperial"]}
        ),
        tool("listOrders", "Lists the orders of the shop", status={"type": "string", "enum": ["open", "closed"]}),
    ],
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def registry() -> ToolRegistry:
    made = ToolRegistry()
    for server, tools in TOOLS.items():
        made.register(server, tools)
    return made


async def planned(registry: ToolRegistry, request: str) -> list[tuple]:
    plan = await MatchingPlanner().plan(Assignment(request, registry))
    plan.check(registry)
    return [(f"{step.server}/{step.tool}", step.arguments) for step in plan.steps]


@pytest.mark.parametrize(
    ("request_", "steps"),
    [
        ("read notes/todo.txt", [("files/read_file", {"path": "notes/todo.txt"})]),
        ("show the last 3 commits", [("git/log", {"limit": 3})]),
        ("Show the log of branch main, please", [("git/log", {"branch": "main"})]),
        ("list the branches and show the status", [("git/branches", {}), ("git/status", {})]),
        ("What tables does the database have?", [("database/get_schema", {})]),
        ("describe the users table", [("database/get_schema", {"table": "users"})]),
        (
            "run the query SELECT name, COUNT(*) FROM users GROUP BY name",
            [("database/execute_query", {"query": "SELECT name, COUNT(*) FROM users GROUP BY name"})],
        ),
        (
            "find lines that contain 'TODO' in the files in src/",
            [("files/search_content", {"text": "TODO", "path": "src/"})],
        ),
        ("get the weather city=Berlin in metric units", [("shop/getWeather", {"city": "Berlin", "units": "metric"})]),
        ("list closed orders", [("shop/listOrders", {"status": "closed"})]),
        ("list the directory /tmp/x recursive", [("files/list_directory", {"path": "/tmp/x", "recursive": True})]),
        (
            'write "hello and goodbye. then leave" to out.txt',
            [("files/write_file", {"path": "out.txt", "content": "hello and goodbye. then leave"})],
        ),
    ],
)
async def test_a_request_becomes_the_steps_that_its_words_ask_for(registry, request_, steps):
    assert await planned(registry, request_) == steps


async def test_it_is_what_the_step_before_found(registry):
    plan = await MatchingPlanner().plan(Assignment("read file a.txt, then write it to b.txt", registry))
    assert plan.steps[1].arguments == {"path": "b.txt", "content": {"$from": "step1", "path": "/content/0/text"}}
    assert plan.steps[1].after == ("step1",)


async def test_a_statement_ends_with_its_sentence(registry):
    request = "run SELECT CASE WHEN a THEN 1 END FROM t WHERE x = 'a' then write the result to out.csv"
    steps = await planned(registry, request)
    assert steps[0][1] == {"query": "SELECT CASE WHEN a THEN 1 END FROM t WHERE x = 'a'"}
    assert steps[1][0] == "files/write_file"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("make me a sandwich", "no tool fits 'make me a sandwich'"),
        ("delete everything", "no tool fits"),
        ("read the file", "looks like files/read_file, but does not say path"),
        ("list the branches and fetch https://example.org", "no tool fits 'fetch https://example.org'"),
        ("   ", "a request has words"),
        ("x" * 4_001, "at most 4000 characters"),
        ("?!", "no tool fits"),
        (". ; .", "asks for 0 steps"),
        ("show the status. " * 101, "asks for 101 steps"),
    ],
)
async def test_what_does_not_fit_is_said_and_nothing_is_guessed(registry, request_, said):
    with pytest.raises(NothingFits, match=said):
        await planned(registry, request_)


@settings(max_examples=80, derandomize=True, deadline=None)
@given(st.text("abc SELECT FROM then and 'path/x.txt\"`=,.;:{}[]\\\n", max_size=80))
def test_no_text_breaks_the_reading(text):
    for clause in clauses(text, lambda word: len(word) > 2):
        assert clause.text
        for server in TOOLS.values():
            for each in server:
                extract(clause.text, each["inputSchema"])


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.text(st.characters(exclude_characters='"\n', exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_what_is_quoted_arrives_as_it_is(text):
    schema = {"properties": {"text": {"type": "string"}}, "required": ["text"]}
    (clause,) = clauses(f'echo "{text}"', lambda _: True)
    assert extract(clause.text, schema).arguments == {"text": text}


def test_relatives_of_a_word_are_one():
    assert {stem(word) for word in ("commit", "commits", "committed", "committing")} == {stem("commit")}
    assert words("readTextFiles in the folder's list") == words("read text file directory list")


def test_a_long_request_takes_no_long_time():
    for text in ("a" * 4000, "a/" * 2000, "'" * 4000, "SELECT " * 570, "x=" * 2000, "and " * 1000, "-1." * 1300):
        for clause in clauses(text, lambda _: True):
            extract(clause.text, {"properties": {"path": TEXT, "n": WHOLE}, "required": ["path", "n"]})
