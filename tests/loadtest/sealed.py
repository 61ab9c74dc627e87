"""Calls under TLS, over HTTP and WebSocket, to the host and port that is given: run as a process, prints JSON."""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402 - before anything opens a socket
import sys  # noqa: E402 - after the patch
from typing import Any  # noqa: E402 - after the patch

from loadtest.channel_conversation import ChannelConversation  # noqa: E402 - after the patch
from loadtest.exchange import Client, OpeningError  # noqa: E402 - after the patch
from loadtest.http_conversation import HttpConversation  # noqa: E402 - after the patch
from loadtest.websocket_conversation import WebSocketLink  # noqa: E402 - after the patch
from loadtest.wire import FIRST_MARKER, Endpoint, Template  # noqa: E402 - after the patch
from loadtest.workload import Operation  # noqa: E402 - after the patch
from reference_impl.protocol.revisions import LATEST  # noqa: E402 - after the patch

ECHO = Operation(name="echo", method="tools/call", params={"name": "echo", "arguments": {"text": "{n}"}}, echoes=True)


def outcome(conversation: Any) -> str:
    template = Template(ECHO, LATEST)
    try:
        conversation.open()
    except OpeningError as problem:
        return str(problem)
    failures = [conversation.call(template, FIRST_MARKER + number).failure for number in range(2)]
    failures += [conversation.begin(template, FIRST_MARKER + 2).finish().failure, conversation.listen().ended]
    conversation.close()
    return "ok" if failures == [None] * 4 else str(failures)


def main() -> None:
    """Call."""
    client = Client(LATEST, 30.0)
    http = HttpConversation(Endpoint(f"https://{sys.argv[1]}/mcp", {}), client)
    socket = ChannelConversation(WebSocketLink(Endpoint(f"wss://{sys.argv[1]}/ws", {}), client))
    json.dump([outcome(http), outcome(socket)], sys.stdout)


if __name__ == "__main__":
    main()
