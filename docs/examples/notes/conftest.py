"""Beside the project's own tests: those that Touchstone has for every MCP server, on the application itself."""

from notes_server import Notes


def pytest_mcp_target():
    """Return the server to test; it is served on a port of this machine for as long as the tests take."""
    return Notes({"bread": "flour and water", "soup": "water and salt"})
