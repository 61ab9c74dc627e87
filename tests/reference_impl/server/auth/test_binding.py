"""Sessions, states and channels belong to the principal who opened them."""

import anyio
import pytest

from reference_impl.protocol.messages import decode_json, encode_json
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.access import Access
from reference_impl.server.asgi import HttpOptions

pytestmark = pytest.mark.anyio
PING = {"jsonrpc": "2.0", "id": 7, "method": "ping"}
EVENTS = {"accept": "text/event-stream"}


async def opened(web, headers):
    client = {"name": "test", "version": "1"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    reply = await web.send(body=body, headers=headers)
    session = {"mcp-session-id": reply.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
    await web.send(body={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=session | headers)
    return session


@pytest.mark.parametrize("thief", ["eve", "ann-elsewhere"])
async def test_a_session_is_nobody_elses(web, bearer, thief):
    session = await opened(web, bearer("ann"))
    assert (await web.send(body=PING, headers=session | bearer("ann"))).status == 200
    assert (await web.send(body=PING, headers=session | bearer(thief))).status == 404
    assert (await web.send("GET", headers=session | EVENTS | bearer(thief))).status == 404
    assert (await web.send("DELETE", headers=session | bearer(thief))).status == 404
    assert (await web.send(body=PING, headers=session)).status == 401
    assert (await web.send(body=PING, headers=session | bearer("ann"))).status == 200


async def test_a_session_goes_on_with_another_token_of_its_principal(web, bearer):
    session = await opened(web, bearer("ann"))
    call = {"jsonrpc": "2.0", "id": 8, "method": "tools/call", "params": {"name": "write"}}
    refused = await web.send(body=call, headers=session | bearer("ann"))
    assert refused.status == 403
    assert 'scope="mcp files:read files:write"' in refused.headers["www-authenticate"]
    allowed = await web.send(body=call, headers=session | bearer("ann-again"))
    assert allowed.json["result"]["content"][0]["text"] == "done"
    assert (await web.send(body=call, headers=session | bearer("ann"))).status == 403


async def test_a_state_is_nobody_elses(guarded, bearer):
    server = AdvancedMCPServer("asks")

    @server.tool("ask")
    async def ask(context) -> str:
        await context.elicit("Sure?", {"type": "object", "properties": {}})
        return str(context.principal)

    web = guarded(server)
    wants = {"elicitation": {"form": {}}}
    first = await web.modern("tools/call", {"name": "ask"}, headers=bearer("ann"), capabilities=wants)
    result = first.json["result"]
    answers = {key: {"action": "accept", "content": {}} for key in result["inputRequests"]}
    again = {"name": "ask", "requestState": result["requestState"], "inputResponses": answers}
    stolen = await web.modern("tools/call", again, headers=bearer("eve"), capabilities=wants)
    assert stolen.json["error"]["code"] == -32602
    done = await web.modern("tools/call", again, headers=bearer("ann"), capabilities=wants)
    assert done.json["result"]["content"][0]["text"] == "https://auth.example ann cli"


async def test_a_channel_of_2024_is_nobody_elses_and_each_message_is_judged_by_its_own_token(guarded, bearer):
    web = guarded(options=HttpOptions(http_sse=True))
    stream = await web.open("GET", headers=EVENTS | bearer("ann"), path="/sse")
    path, _, query = (await stream.event()).data.partition("?")
    session = {"path": path, "query": query}
    assert (await web.send(body=PING, headers=bearer("eve"), **session)).status == 404
    assert (await web.send(body=PING, **session)).status == 401
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "write", "_meta": meta}}
    assert (await web.send(body=call, headers=bearer("ann"), **session)).status == 403
    assert (await web.send(body=b"{", headers=bearer("ann"), **session)).status == 202
    assert (await stream.message())["error"]["code"] == -32700
    assert (await web.send(body=call, headers=bearer("ann-again"), **session)).status == 202
    assert (await stream.message())["result"]["content"][0]["text"] == "done"
    await stream.leave()


class Verifier:
    """Lets everybody in with what it is given."""

    cache_seconds = 60.0

    def __init__(self, access):
        self.access = access

    async def verify(self, _token):
        return self.access


async def test_streams_end_with_the_token_that_opened_them(guarded, bearer):
    ended = Access("ann", expires_at=1.0)
    web = guarded(options=HttpOptions(http_sse=True), verifier=Verifier(ended), scopes=())
    session = await opened(web, bearer("t"))
    whole = await web.send("GET", headers=session | EVENTS | bearer("t"))
    assert whole.status == 200
    assert (await web.send("GET", headers=EVENTS | bearer("t"), path="/sse")).events[0].event == "endpoint"
    listening = await web.modern("subscriptions/listen", {"notifications": {}}, headers=bearer("t"))
    assert listening.messages[-1]["id"] == 1


class Socket:
    """A WebSocket client without a socket."""

    def __init__(self, application, headers, *lines, extensions=None, stays=False):
        self.sent = []
        self._stays = stays
        self._inbox = [{"type": "websocket.receive", "text": encode_json(line).decode()} for line in lines]
        pairs = [(name.encode(), value.encode()) for name, value in ({"host": "127.0.0.1:8000"} | headers).items()]
        self._scope = {"type": "websocket", "path": "/ws", "headers": pairs, "server": ("127.0.0.1", 8000)}
        self._scope |= {"subprotocols": ["mcp"], "extensions": extensions or {}}
        self._application = application

    async def run(self):
        first = [{"type": "websocket.connect"}]

        async def receive():
            if first:
                return first.pop()
            if self._stays:
                await anyio.sleep_forever()
            return self._inbox.pop(0) if self._inbox else {"type": "websocket.disconnect"}

        async def send(message):
            self.sent.append(message)

        await self._application(self._scope, receive, send)
        return [decode_json(item["text"]) for item in self.sent if item["type"] == "websocket.send"]


async def test_a_socket_without_token_hears_where_to_get_one(guarded):
    application = guarded(options=HttpOptions(websocket=True)).application
    plain = Socket(application, {})
    await plain.run()
    assert plain.sent == [{"type": "websocket.close", "code": 1008}]
    able = Socket(application, {}, extensions={"websocket.http.response": {}})
    await able.run()
    assert able.sent[0]["status"] == 401
    assert dict(able.sent[0]["headers"])[b"www-authenticate"].startswith(b"Bearer resource_metadata=")


async def test_a_socket_ends_with_the_token_that_opened_it(guarded, bearer):
    verifier = Verifier(Access("ann", expires_at=1.0))
    application = guarded(options=HttpOptions(websocket=True), verifier=verifier, scopes=()).application
    socket = Socket(application, bearer("t"), stays=True)
    with anyio.fail_after(5):
        await socket.run()
    assert [message["type"] for message in socket.sent] == ["websocket.accept", "websocket.close"]


async def test_a_socket_speaks_for_its_principal_within_its_scopes(guarded, bearer):
    application = guarded(options=HttpOptions(websocket=True)).application
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    calls = [
        {"jsonrpc": "2.0", "id": name, "method": "tools/call", "params": {"name": name, "_meta": meta}}
        for name in ("who", "write")
    ]
    answers = {item["id"]: item for item in await Socket(application, bearer("ann"), *calls).run()}
    assert answers["who"]["result"]["content"][0]["text"] == "https://auth.example ann cli | files:read mcp"
    assert answers["write"]["error"]["data"] == {"scope": "files:read files:write"}
