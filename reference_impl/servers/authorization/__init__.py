"""A small OAuth 2.1 authorization server for tests and demos of MCP authorization.

    app = AuthorizationServer(Settings("http://127.0.0.1:9000"))

Everything is in memory, users have no passwords: it guards nothing real.
"""

from reference_impl.servers.authorization.app import AuthorizationServer
from reference_impl.servers.authorization.settings import Client, Features, Lifetimes, Settings

__all__ = ["AuthorizationServer", "Client", "Features", "Lifetimes", "Settings"]
