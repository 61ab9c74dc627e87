"""A small MCP server that keeps notes: plain ASGI, one file, the 2025-11-25 revision over Streamable HTTP.

uvicorn notes_server:app --port 8000        # the endpoint is http://127.0.0.1:8000/mcp
"""

import json

VERSION = "2025-11-25"
LOCAL = {"127.0.0.1", "localhost", "[::1]"}
TEXT = {"type": "string", "description": "what to look for"}
TOOLS = [
    {
        "name": "search",
        "description": "Finds the notes that contain a text.",
        "inputSchema": {"type": "object", "properties": {"text": TEXT}, "required": ["text"]},
        "annotations": {"readOnlyHint": True},
    }
]


class Notes:
    """The application: notes by title, and what the protocol asks for around them."""

    def __init__(self, notes):
        self.notes = notes
        self.methods = {"initialize": initialize, "ping": lambda _: {}, "tools/list": tools_list}
        self.methods["tools/call"] = self.call

    def call(self, params):
        """Run a tool; what is wrong with its arguments is told in the result, for the model to read."""
        if params.get("name") != "search":
            raise RequestError(-32602, f"unknown tool: {params.get('name')}")
        text = (params.get("arguments") or {}).get("text")
        if not isinstance(text, str):
            return content("text has to be a string", failed=True)
        found = [title for title, note in self.notes.items() if text in note]
        return content("\n".join(found) or "nothing found")

    async def __call__(self, scope, receive, send):
        """Serve one ASGI scope."""
        if scope["type"] == "http":
            status, message = self.answer(scope, await body_of(receive))
            await respond(send, status, message)

    def answer(self, scope, body):
        """Return the status and the message with which a request is answered."""
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["path"] != "/mcp" or scope["method"] != "POST":
            return (405 if scope["path"] == "/mcp" else 404), None
        if not from_here(headers):
            return 403, None
        if headers.get("mcp-protocol-version", VERSION) != VERSION:
            return 400, error(None, -32600, f"this server speaks {VERSION}")
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            return 400, error(None, -32700, "no JSON")
        return self.handle(message)

    def handle(self, message):
        """Answer one message; notifications and responses are only taken note of."""
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            return 400, error(None, -32600, "no JSON-RPC message")
        if "id" not in message or "method" not in message:
            return 202, None
        identifier = message["id"]
        if not isinstance(identifier, str | int) or isinstance(identifier, bool):
            return 400, error(None, -32600, "the id is neither a string nor an integer")
        try:
            return 200, {"jsonrpc": "2.0", "id": identifier, "result": self.result(message)}
        except RequestError as failed:
            return 200, error(identifier, *failed.args)

    def result(self, message):
        """Return the result of a request, or raise `RequestError`."""
        method, params = self.methods.get(message["method"]), message.get("params", {})
        if method is None:
            raise RequestError(-32601, "no such method")
        if not isinstance(params, dict):
            raise RequestError(-32602, "params is no object")
        return method(params)


class RequestError(Exception):
    """A code and a message of JSON-RPC."""


def initialize(_):
    """Say what this server is, in the one version that it speaks."""
    info = {"name": "notes", "version": "1.0"}
    return {"protocolVersion": VERSION, "capabilities": {"tools": {}}, "serverInfo": info}


def tools_list(params):
    """List the tools; there is one page."""
    if "cursor" in params:
        raise RequestError(-32602, "unknown cursor")
    return {"tools": TOOLS}


def content(text, *, failed=False):
    """Return the result of a tool."""
    return {"content": [{"type": "text", "text": text}], "isError": failed}


def error(identifier, code, text):
    """Return a JSON-RPC error; without an id where the request could not be read."""
    message = {"jsonrpc": "2.0", "error": {"code": code, "message": text}}
    return message if identifier is None else message | {"id": identifier}


def from_here(headers):
    """Tell whether no web page of somebody else is behind a request (DNS rebinding)."""
    origin = headers.get("origin")
    names = [headers.get("host", ""), *([] if origin is None else [origin.partition("://")[2]])]
    return all(name.rpartition(":")[0] in LOCAL or name in LOCAL for name in names)


async def body_of(receive):
    """Return the whole body of a request."""
    parts, more = [], True
    while more:
        event = await receive()
        parts.append(event.get("body", b""))
        more = event.get("more_body", False)
    return b"".join(parts)


async def respond(send, status, message):
    """Send a response, with a JSON body if there is a message."""
    headers = [(b"allow", b"POST")] if status == 405 else []
    body = b"" if message is None else json.dumps(message).encode()
    if body:
        headers.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


app = Notes({"bread": "flour and water", "soup": "water and salt"})
