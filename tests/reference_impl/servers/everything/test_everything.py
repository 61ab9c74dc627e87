"""The everything server: complete, well described, and schema-clean in what it declares."""

import pytest

from reference_impl.protocol.revisions import LATEST, REVISIONS
from reference_impl.servers.everything import make_server
from reference_impl.servers.everything.media import PIXEL, SILENCE

FIXTURES = {
    "test_audio_content",
    "test_elicitation",
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_embedded_resource",
    "test_error_handling",
    "test_image_content",
    "test_multiple_content_types",
    "test_reconnection",
    "test_sampling",
    "test_simple_text",
    "test_tool_with_logging",
    "test_tool_with_progress",
}


@pytest.fixture(scope="module")
def server():
    return make_server()


def test_every_tool_is_described_and_annotated(server):
    for tool in server.tools.values():
        assert tool.wire["description"].endswith(".")
        assert "readOnlyHint" in tool.wire["annotations"]
        for member in tool.wire["inputSchema"].get("properties", {}).values():
            assert isinstance(member, dict)


def test_only_what_changes_something_is_not_read_only(server):
    changing = {tool.name for tool in server.tools.values() if not tool.wire["annotations"]["readOnlyHint"]}
    triggers = {f"test_trigger_{kind}_change" for kind in ("tool", "prompt", "resource")}
    assert changing == {"toggle_extra_tool", "touch_resource", *triggers}


def test_the_fixtures_that_suites_look_for_are_there(server):
    assert set(server.tools) >= FIXTURES
    assert {"test://static-text", "test://static-binary", "test://watched-resource"} <= set(server.resources)
    assert "test://template/{id}/data" in server.templates
    assert {"test_simple_prompt", "test_prompt_with_arguments", "test_prompt_with_image"} <= set(server.prompts)


def test_every_list_but_that_of_tools_needs_pages(server):
    for kind, method in (
        ("prompts", "prompts/list"),
        ("resources", "resources/list"),
        ("templates", "resources/templates/list"),
    ):
        assert len(server.listing(kind, LATEST)) > server.page_size(method)
    assert len(server.tools) <= server.page_size("tools/list")


def test_two_servers_declare_the_same_in_the_same_order(server):
    for revision in REVISIONS:
        assert server.listing("tools", revision) == make_server().listing("tools", revision)


def test_the_media_are_what_they_say():
    assert PIXEL.startswith(b"\x89PNG\r\n\x1a\n")
    assert PIXEL.endswith(b"IEND\xaeB`\x82")
    assert (SILENCE[:4], SILENCE[8:12]) == (b"RIFF", b"WAVE")
    assert int.from_bytes(SILENCE[4:8], "little") == len(SILENCE) - 8
