"""What a module of plain functions becomes, and what is refused in one line with its place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from reference_impl.client.errors import RequestFailed
from reference_impl.server.errors import SetupError
from reference_impl.servers.custom import make_server
from tests.reference_impl.servers.talking import talking

pytestmark = pytest.mark.anyio
Writer = Callable[..., Path]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Writer]:
    """Return a function that writes a module; what it did to the interpreter is undone."""
    path, modules = list(sys.path), set(sys.modules)

    def write(source: str, name: str = "mine.py") -> Path:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(dedent(source), "utf-8")
        return tmp_path / name

    yield write
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith(("touchstone_custom_", "pack")):
            del sys.modules[name]


def wire(path: Path, tool: str) -> dict[str, Any]:
    return make_server(path).tools[tool].wire


async def test_public_functions_of_the_module_are_tools_and_nothing_else_is(written: Writer) -> None:
    path = written(
        '''
        """What it is for."""
        from os.path import join
        from dataclasses import dataclass
        import json
        def first(text: str) -> str:
            """Doubles a text."""
            return text * 2
        async def second(): return 2
        third = lambda number: number + 1
        alias = first
        def _private(): ...
        @dataclass
        class Thing: x: int = 0
        """
        '''.rstrip().rstrip('"')
        + "\n"
    )
    server = make_server(path)
    assert (server.info["name"], server.instructions) == ("mine", "What it is for.")
    assert list(server.tools) == ["first", "second", "third"]
    async with talking(server) as talk:
        assert await talk.call("first", text="ab") == [{"type": "text", "text": "abab"}]
        assert await talk.call("second") == [{"type": "text", "text": "2"}]
        assert await talk.call("third", number=2) == [{"type": "text", "text": "3"}]


def test_all_names_what_is_offered(written: Writer) -> None:
    path = written("__all__ = ['_b']\ndef a(): ...\ndef _b(): ...\n")
    assert list(make_server(path).tools) == ["_b"]


HINTS = """
    from dataclasses import dataclass
    from datetime import date
    from enum import Enum
    from typing import Annotated, Literal, NamedTuple, Optional, TypedDict
    from msgspec import Meta

    class Colour(Enum):
        RED = "red"

    @dataclass
    class Point:
        x: int
        y: int = 0
        inner: Optional["Point"] = None

    class Row(TypedDict):
        name: str
        when: date

    def typed(point: Point, colour: Colour, when: date, size: Annotated[int, Meta(ge=1)] = 1) -> Row:
        assert isinstance(point, Point) and colour is Colour.RED and isinstance(when, date)
        return {"name": f"{point.x + point.y} {colour.name} {size}", "when": when}

    def points() -> list[Point]:
        return [Point(1, 2)]

    def maybe(found: bool) -> int | None:
        return 1 if found else None

    def anything(value=None, *, many: list[int] = [1]) -> dict:
        many.append(0)
        return {"value": value, "many": many}
"""


async def test_hints_become_schemas_and_json_becomes_what_they_say(written: Writer) -> None:
    server = make_server(written(HINTS))
    typed = server.tools["typed"].wire
    assert typed["inputSchema"]["required"] == ["point", "colour", "when"]
    assert typed["inputSchema"]["properties"]["size"] == {"type": "integer", "minimum": 1, "default": 1}
    assert typed["outputSchema"]["properties"]["when"] == {"type": "string", "format": "date"}
    assert "outputSchema" not in server.tools["anything"].wire
    async with talking(server) as talk:
        point = {"x": 1, "y": 2.0}
        row = await talk.call("typed", point=point, colour="red", when="2024-05-01")
        assert row == {"name": "3 RED 1", "when": "2024-05-01"}
        assert "colour" in await talk.fails("typed", point=point, colour="blue", when="2024-05-01")
        assert "Invalid arguments" in await talk.fails("typed", point=point, colour="red", when="someday")
        assert await talk.call("points") == [{"x": 1, "y": 2, "inner": None}]
        assert await talk.call("maybe", found=False) is None
        for _ in range(2):  # a default is not shared between calls
            assert await talk.call("anything") == [{"type": "text", "text": '{"value":null,"many":[1,0]}'}]


DOCSTRINGS = {
    "google": """Adds.

    Args:
        a: The first.
        b (int): The second,
            on two lines.

    Returns:
        The sum.
    """,
    "sphinx": """Adds.

    :param a: The first.
    :param int b: The second,
        on two lines.
    :return: The sum.
    """,
    "numpy": """Adds.

    Parameters
    ----------
    a : int
        The first.
    b
        The second,
        on two lines.

    Returns
    -------
    int
        The sum.
    """,
}


@pytest.mark.parametrize("docstring", DOCSTRINGS.values(), ids=DOCSTRINGS)
def test_docstrings_describe_a_tool_and_its_arguments(written: Writer, docstring: str) -> None:
    path = written(f'def add(a: int, b: int) -> int:\n    """{docstring}"""\n    return a + b\n')
    found = wire(path, "add")
    assert found["description"] == "Adds."
    described = {name: item["description"] for name, item in found["inputSchema"]["properties"].items()}
    assert described == {"a": "The first.", "b": "The second, on two lines."}


async def test_marks_say_more_than_a_function_does(written: Writer) -> None:
    path = written(
        """
        from reference_impl.server import text
        from reference_impl.servers.custom import prompt, resource, tool

        @tool("other", title="Other", annotations={"readOnlyHint": True})
        def named(): return [text("one"), text("two")]

        @resource("mine://fixed", mimeType="text/plain")
        def fixed():
            '''Always the same.'''
            return "same"

        @resource("mine://{name}/raw")
        async def raw(name): return name.encode()

        @prompt()
        def greet(name, language="English"):
            '''Greets.

            Args:
                name: Whom.
            '''
            return f"Greet {name} in {language}"
        """
    )
    server = make_server(path)
    assert server.tools["other"].wire["annotations"] == {"readOnlyHint": True}
    assert server.prompts["greet"].wire["arguments"] == [
        {"name": "name", "description": "Whom.", "required": True},
        {"name": "language", "required": False},
    ]
    async with talking(server) as talk:
        assert [block["text"] for block in await talk.call("other")] == ["one", "two"]
        assert (await talk.client.read_resource("mine://fixed"))["contents"][0]["text"] == "same"
        assert (await talk.client.read_resource("mine://x/raw"))["contents"][0]["blob"] == "eA=="
        prompt = await talk.client.get_prompt("greet", {"name": "Ada"})
        assert prompt["messages"][0]["content"]["text"] == "Greet Ada in English"
        assert "Always the same." in str(await talk.client.list_resources())


async def test_a_server_that_the_module_has_made_is_served_as_it_is(written: Writer) -> None:
    path = written(
        """
        from reference_impl.server import AdvancedMCPServer
        server = AdvancedMCPServer("own", "2.0")
        @server.tool()
        async def one() -> str: return "1"
        def not_offered(): ...
        """
    )
    server = make_server(path)
    assert (server.info["name"], list(server.tools)) == ("own", ["one"])


async def test_what_fails_in_a_function_is_logged_and_not_told(
    written: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    path = written("def leak():\n    secret = 'hunter2'\n    return {}['hunter2' if secret else '']\n")
    async with talking(make_server(path)) as talk:
        told = await talk.fails("leak")
    assert told == "An unexpected error occurred"
    assert "KeyError: 'hunter2'" in caplog.text
    assert f'{path}", line 3' in caplog.text


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        ("", "sys.exit(1)"),
        ("async ", "sys.exit(1)"),
        ("", "next(iter(()))"),
        ("async ", "next(iter(()))"),
        ("", "raise GeneratorExit"),
    ],
)
async def test_what_would_end_a_server_ends_one_call(written: Writer, kind: str, way: str) -> None:
    path = written(
        f"""
        import sys
        from typing import Any
        from reference_impl.servers.custom import prompt, resource
        {kind}def tool() -> Any: {way}
        @resource("x://y")
        {kind}def text() -> Any: {way}
        @prompt()
        {kind}def words() -> Any: {way}
        def other() -> str: return "here"
        """
    )
    async with talking(make_server(path)) as talk:
        assert await talk.fails("tool") == "An unexpected error occurred"
        with pytest.raises(RequestFailed):
            await talk.client.read_resource("x://y")
        with pytest.raises(RequestFailed):
            await talk.client.get_prompt("words", {})
        assert await talk.call("other") == [{"type": "text", "text": "here"}]


async def test_functions_with_a_cache_around_them_are_tools_too(written: Writer) -> None:
    path = written(
        """
        from functools import cache
        __doc__ = 5
        @cache
        def double(number: int) -> int:
            \"\"\"Doubles.\"\"\"
            return number * 2
        """
    )
    async with talking(make_server(path)) as talk:
        assert await talk.call("double", number=4) == 8


async def test_keys_arrive_as_their_hints_say(written: Writer) -> None:
    path = written("def turned(names: dict[int, str]) -> dict[str, int]: return {v: k for k, v in names.items()}\n")
    async with talking(make_server(path)) as talk:
        assert await talk.call("turned", names={"1": "one"}) == {"one": 1}


async def test_a_module_may_be_named_with_dots_and_import_its_neighbours(
    written: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    written("", "pack/__init__.py")
    written("WORD = 'neighbour'\n", "pack/near.py")
    path = written(
        "from pack.near import WORD\nfrom .near import WORD as again\ndef word(): return WORD\n", "pack/mine.py"
    )
    monkeypatch.chdir(path.parents[1])
    server = make_server("pack.mine")
    assert server.info["name"] == "mine"
    async with talking(server) as talk:
        assert await talk.call("word") == [{"type": "text", "text": "neighbour"}]


MARKS = "from reference_impl.servers.custom import prompt, resource, tool\n"
WRONG = {
    "def f(:\n    pass\n": r":1: SyntaxError: ",
    "x = 1\nimport no_such_module_at_all\n": r":2: ModuleNotFoundError: No module named 'no_such_module_at_all'$",
    "def f():\n    1 / 0\n\nf()\n": r":2: ZeroDivisionError: division by zero$",
    "import json\njson.loads('{')\n": r":2: JSONDecodeError: ",
    "import sys\nsys.exit(3)\n": r":2: SystemExit: 3$",
    "class Own(BaseException): ...\nraise Own\n": r":2: Own$",
    "x = 1\n": r": it defines no public function, so there is nothing to serve$",
    "def f(*many): ...\n": r":1: f cannot be a tool: the parameter \*many cannot be given by name$",
    "def f(a, /): ...\n": r":1: f cannot be a tool: ",
    "\ndef f(context): ...\n": r":2: f cannot be a tool: it wants a context, so it must be async$",
    "class C: ...\ndef f(c: C): ...\n": r":2: f cannot be a tool: type <class '.*C'> is not supported$",
    "async def f(context: str): ...\n": r":1: f cannot be a tool: a parameter named context gets the server's Context",
    "__all__ = 5\ndef f(): ...\n": r": __all__ must be a list of names$",
    "def f(c: 'Nowhere'): ...\n": r":1: f cannot be a tool: name 'Nowhere' is not defined$",
    "def f():\n    yield 1\n": r":1: f yields; ",
    f"{MARKS}@tool\ndef f(): ...\n": r":2: TypeError: @tool needs its parentheses",
    f"{MARKS}@resource('x://{{a}}')\ndef f(b): ...\n": r":2: f cannot be a resource: nothing is given to",
    f"{MARKS}@prompt()\ndef f(*b): ...\n": r":2: f cannot be a prompt: the parameter \*b cannot be given by name$",
    f"{MARKS}@resource('no uri')\ndef f(): ...\n": r": f cannot be a resource: ",
    "\0": r": SyntaxError: ",
}


@pytest.mark.parametrize("source", WRONG)
def test_what_cannot_be_served_is_one_line_with_its_place(written: Writer, source: str) -> None:
    path = written(source)
    with pytest.raises(SetupError, match=WRONG[source]) as raised:
        make_server(path)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)
    assert "touchstone_custom_mine" not in sys.modules


@pytest.mark.parametrize("name", ["nothing.py", "no.such.module", "..", "sys", "./nothing", "a b"])
def test_what_is_not_there_is_said(name: str) -> None:
    with pytest.raises(SetupError, match="there is no such file"):
        make_server(name)
