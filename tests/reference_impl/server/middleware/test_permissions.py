"""Permissions around handlers."""

import pytest

from reference_impl.security.permissions import PermissionManager
from reference_impl.security.policy import Policy
from reference_impl.server import PermissionsMiddleware
from reference_impl.server.asgi import MCPApplication
from reference_impl.server.auth import BearerTokens

pytestmark = pytest.mark.anyio
RULES = b"""
default = "deny"
[[rule]]
action = "allow"
operation = "*"
resource = "*"
principal = "ann"
sensitive = true
[[rule]]
action = "allow"
operation = "tools/call"
resource = "*"
"""


@pytest.fixture
def server(empty_server):
    empty_server.tool("read", annotations={"readOnlyHint": True})(lambda: "read")
    empty_server.tool("add", annotations={"destructiveHint": False})(lambda: "added")
    empty_server.tool("delete")(lambda: "deleted")
    empty_server.resource("test://r")(lambda: "text")
    empty_server.prompt("p")(lambda: "text")
    return empty_server


@pytest.fixture
def manager(server):
    manager = PermissionManager(Policy.read(RULES))
    server.add_middleware(PermissionsMiddleware(manager))
    return manager


async def test_what_no_rule_allows_is_refused_and_what_may_destroy_is_sensitive(over_lines, server, manager):
    async with over_lines(server) as client:
        for name, text in (("read", "read"), ("add", "added"), ("delete", "Permission denied for this operation")):
            answer = await client.modern("tools/call", {"name": name})
            assert answer["result"]["content"][0]["text"] == text
        for method, params in (("resources/read", {"uri": "test://r"}), ("prompts/get", {"name": "p"})):
            error = (await client.modern(method, params))["error"]
            assert error == {"code": -32603, "message": "Permission denied for this operation"}
    log = [(entry["operation"], entry["resource"], entry["granted"]) for entry in manager.get_audit_log()]
    assert log == [
        ("tools/call", "read", True),
        ("tools/call", "add", True),
        ("tools/call", "delete", False),
        ("resources/read", "test://r", False),
        ("prompts/get", "p", False),
    ]


async def test_it_matters_who_calls(web_of, server, manager):
    web = web_of(MCPApplication(server, authenticate=BearerTokens({"token-of-ann": "ann", "token-of-bob": "bob"})))
    answers = {}
    for name in ("ann", "bob"):
        headers = {"authorization": f"Bearer token-of-{name}"}
        answers[name] = (await web.modern("tools/call", {"name": "delete"}, headers)).json["result"].get("isError")
    await web.close()
    assert answers == {"ann": None, "bob": True}
    assert [entry["principal"] for entry in manager.get_audit_log()] == ["ann", "bob"]
