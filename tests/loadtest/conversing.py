"""Conversations of every transport with the reference server, as scenarios use them: run as a process, prints JSON.

`conversing.py TRANSPORT REVISION`. gevent lives here and nowhere in the process of the tests.
"""

from gevent import monkey

monkey.patch_all()

import contextlib  # noqa: E402 - before anything opens a socket
import json  # noqa: E402 - after the patch
import re  # noqa: E402 - after the patch
import subprocess  # noqa: E402 - after the patch
import sys  # noqa: E402 - after the patch
from collections.abc import Iterator  # noqa: E402 - after the patch
from typing import Any  # noqa: E402 - after the patch

import gevent  # noqa: E402 - after the patch
from gevent.event import Event  # noqa: E402 - after the patch

from loadtest.channel_conversation import ChannelConversation  # noqa: E402 - after the patch
from loadtest.exchange import CANCELLED, LEFT, Client, Conversation, Exchange  # noqa: E402 - after the patch
from loadtest.http_conversation import HttpConversation  # noqa: E402 - after the patch
from loadtest.sse_conversation import SseLink  # noqa: E402 - after the patch
from loadtest.stdio_conversation import StdioProcess  # noqa: E402 - after the patch
from loadtest.websocket_conversation import WebSocketLink  # noqa: E402 - after the patch
from loadtest.wire import FIRST_MARKER, Endpoint, Template  # noqa: E402 - after the patch
from loadtest.workload import Operation, StdioTarget  # noqa: E402 - after the patch
from reference_impl.protocol.revisions import Revision, revision_named  # noqa: E402 - after the patch

SERVE = (sys.executable, "-m", "touchstone", "serve", "everything")
PATIENCE = 30.0
CHANGED = "notifications/tools/list_changed"


@contextlib.contextmanager
def conversation(transport: str, client: Client) -> Iterator[Conversation]:
    if transport == "stdio":
        yield ChannelConversation(StdioProcess(StdioTarget(argv=SERVE), client))
        return
    command = [*SERVE, "--transport", transport, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            url = next(found[0] for line in server.stdout if (found := re.search(r"(https?|ws)://\S+", line)))
            endpoint = Endpoint(url, {})
            match transport:
                case "http":
                    yield HttpConversation(endpoint, client)
                case "sse":
                    yield ChannelConversation(SseLink(endpoint, client))
                case _:
                    yield ChannelConversation(WebSocketLink(endpoint, client))
        finally:
            server.kill()


class Talk:
    def __init__(self, conversation: Conversation, revision: Revision) -> None:
        self.conversation = conversation
        self._revision = revision
        self.legacy = not revision.modern
        self._marker = FIRST_MARKER
        self.notices: list[str] = []
        self.changed, self.progressed = Event(), Event()
        conversation.on_notice = self._notice

    def _notice(self, notice: Any) -> None:
        self.notices.append(notice.method)
        if notice.method == CHANGED:
            self.changed.set()
        elif notice.method == "notifications/progress":
            self.progressed.set()

    def template(self, tool: str, *, progress: bool = False, echoes: bool = False, **arguments: Any) -> Template:
        meta = {"_meta": {"progressToken": "{n}"}} if progress else {}
        params = {"name": tool, "arguments": arguments} | meta
        return Template(
            Operation(name=tool, method="tools/call", params=params, echoes=echoes), self._revision, {"roots": {}}
        )

    def call(self, tool: str, **more: Any) -> Exchange:
        self._marker += 1
        return self.conversation.call(self.template(tool, **more), self._marker)

    def cancel_when_it_progresses(self) -> Exchange:
        self._marker += 1
        self.progressed.clear()
        call = self.conversation.begin(self.template("slow", progress=True, seconds=10, steps=100), self._marker)
        # A tenth of a second to the first report, ten to the end.
        assert self.progressed.wait(PATIENCE)
        call.cancel()
        return call.finish()


def converse(talk: Talk) -> dict[str, Any]:
    found: dict[str, Any] = {}
    opened = talk.conversation.open()
    found["opened"] = opened is not None and opened.failure is None and talk.conversation.is_open
    calls = [talk.call("echo", text="x{n}", echoes=True) for _ in range(2)]
    found["called"] = [each.failure for each in calls]
    listening = talk.conversation.listen()
    found["listening"] = [listening.opened.failure, listening.ended]
    found["changed"] = talk.call("test_trigger_tool_change").failure
    found["told"] = talk.changed.wait(PATIENCE)
    begun = [talk.conversation.begin(talk.template("echo", text="{n}", echoes=True), number) for number in (7, 8, 9)]
    found["begun"] = [each.finish().failure for each in begun]
    slow = talk.call("slow", progress=True, seconds=0.02, steps=2)
    found["progress"] = slow.first_progress is not None and slow.sent < slow.first_progress <= slow.done
    asked = talk.call("roots").failure
    found["asked"] = asked is None if talk.legacy else asked is not None and asked.code == "input-required"
    cancelled = talk.cancel_when_it_progresses()
    found["cancelled"] = cancelled.failure == CANCELLED and cancelled.first_progress is not None
    found["notified"] = talk.conversation.notify("notifications/roots/list_changed")
    found["after"] = talk.call("echo", text="{n}", echoes=True).failure
    listening.close()
    found["left"] = listening.ended == LEFT
    ended = talk.conversation.end_session()
    found["ended"] = [None if ended is None else ended.failure, talk.conversation.is_open]
    talk.conversation.open()
    found["again"] = talk.call("echo", text="{n}", echoes=True).failure
    return found


def main() -> None:
    """Converse, and say how it went."""
    transport, revision = sys.argv[1], revision_named(sys.argv[2])
    assert revision is not None
    strays: list[str] = []
    client = Client(
        revision,
        PATIENCE,
        {"roots/list": {"roots": []}},
        lambda failure: strays.append(f"{failure.code}: {failure.message}"),
    )
    with conversation(transport, client) as made:
        talk = Talk(made, revision)
        found = converse(talk)
        made.close()
    gevent.sleep(0)
    sys.stdout.write(json.dumps(found | {"strays": strays}, default=str))


if __name__ == "__main__":
    main()
