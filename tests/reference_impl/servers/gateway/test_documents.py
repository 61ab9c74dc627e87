"""Reading OpenAPI documents, and refusing in one line what is none."""

import sys

import anyio
import pytest

from reference_impl.server.errors import SetupError
from reference_impl.servers.gateway import make_server
from reference_impl.servers.gateway.document import load, parsed
from tests.reference_impl.servers.gateway.world import answering, upstream

YAML = b"""
openapi: 3.0.3
info: {title: Norway, version: 1.0}
paths:
  /land/{code}:
    get:
      parameters:
        - {name: code, in: path, required: true, schema: {type: string, enum: [no, se], default: no}}
        - {name: since, in: query, schema: {type: string, example: 2024-01-01}}
      responses:
        200: {description: Fine}
"""


@pytest.fixture
def anyio_backend():
    return "asyncio"


def test_yaml_is_read_with_the_types_of_json():
    found = parsed(YAML, "test").value
    code, since = found["paths"]["/land/{code}"]["get"]["parameters"]
    assert code["schema"]["enum"] == ["no", "se"]
    assert since["schema"]["example"] == "2024-01-01"
    assert list(found["paths"]["/land/{code}"]["get"]["responses"]) == ["200"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"{", "broken JSON"),
        (b"a: [", "broken YAML"),
        (b"[1, 2]", "no object"),
        (b"", "no object"),
        (b'{"swagger": "2.0"}', "convert it to OpenAPI 3"),
        (b'{"openapi": "4.0.0"}', "4.0.0"),
        (b'{"openapi": 3.1}', "3.1"),
        (b'{"openapi": "3.1.0", "paths": []}', "paths is no object"),
        (b"a: &a [*a]", "nested more than"),
        (b"[" * 5000 + b"]" * 5000, "nest"),
        (b'{"a":' * 5000, "broken JSON"),
        (b"a: !!python/object/apply:os.system [true]", "broken YAML"),
        (b"a: !!binary aGk=", "JSON has not"),
        (b"\xff\xfe\x00", "broken YAML"),
        (b"openapi: .nan", "nan"),
    ],
)
def test_what_is_no_document_is_refused_in_one_line(text, words):
    with pytest.raises(SetupError, match=words) as refused:
        parsed(text, "test")
    assert "\n" not in str(refused.value)


def test_aliases_that_multiply_are_refused():
    lines = [b"a0: &a0 [x, x]"] + [b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 9)]
    with pytest.raises(SetupError, match="more than"):
        parsed(b"\n".join(lines), "test")


def test_merges_that_multiply_cost_little():
    """PyYAML before 6.0.4 keeps each copy of a member, later ones keep one."""
    lines = [b"a0: &a0 {x: 1}"] + [
        b"a%d: &a%d {<<: [%s]}" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 9)
    ]
    with pytest.raises(SetupError, match=r"merges more than|openapi is None"):
        parsed(b"\n".join(lines), "test")


def test_merges_of_very_many_members_are_refused_and_others_are_made():
    wide = b", ".join(b"k%d: 1" % n for n in range(200))
    with pytest.raises(SetupError, match="merges more than"):
        parsed(b"openapi: 3.1.0\nwide: &wide {%s}\nmore: {<<: [%s]}" % (wide, b", ".join([b"*wide"] * 51)), "test")
    document = parsed(b"openapi: 3.1.0\nbase: &base {type: string}\nmore: {<<: *base, format: date}", "test")
    assert document.value["more"] == {"type": "string", "format": "date"}


def test_numbers_are_those_of_json():
    text = b"openapi: 3.1.0\nx: [12:30, 0x1f, 1_000, .inf, 0o17, 1e3, -5, 1.10, %s]" % (b"1" + b":59" * 10_000)
    assert parsed(text, "test").value["x"][:8] == ["12:30", "0x1f", "1_000", ".inf", "0o17", 1000.0, -5, 1.1]
    with pytest.raises(SetupError, match="a number that JSON has not"):
        parsed(b"openapi: 3.1.0\nx: 1e999", "test")


def test_a_file_that_is_not_there_is_told_by_its_name(tmp_path):
    with pytest.raises(SetupError, match="no such file"):
        load(str(tmp_path / "none.json"))
    with pytest.raises(SetupError, match="is a directory"):
        load(str(tmp_path))
    with pytest.raises(SetupError, match="a file, or at an http"):
        load("file:///etc/passwd")
    with pytest.raises(SetupError, match="must look like"):
        load("http://user:password@127.0.0.1/openapi.json")


@pytest.mark.anyio
async def test_a_document_is_read_from_a_url():
    async with upstream(answering((200, {}, YAML))) as there:
        found = await anyio.to_thread.run_sync(load, f"{there.url}/openapi.yaml")
    assert found.value["info"]["title"] == "Norway"
    assert found.address == f"{there.url}/openapi.yaml"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((302, {"location": "http://169.254.169.254/latest"}, b""), "has moved: name http://169.254.169.254/latest"),
        ((404, {}, b"none"), "answered 404"),
        ((200, {}, b"<html>"), "no object|broken"),
    ],
)
async def test_a_url_without_a_document_is_refused(reply, words):
    async with upstream(answering(reply)) as there:
        with pytest.raises(SetupError, match=words) as refused:
            await anyio.to_thread.run_sync(load, f"{there.url}/openapi.yaml?token=hidden")
    assert "hidden" not in str(refused.value)
    assert len(there.seen) == 1


def test_a_url_where_nobody_listens_is_refused():
    with pytest.raises(SetupError, match="cannot be fetched"):
        load("http://127.0.0.1:9/openapi.json")


def test_what_is_not_installed_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(SetupError, match=r"mcp-touchstone\[yaml\]"):
        parsed(YAML, "test")
    monkeypatch.setattr("reference_impl.servers.gateway.find_spec", lambda _: None)
    with pytest.raises(SetupError, match=r"mcp-touchstone\[servers\]"):
        make_server()
