"""A server of the handshake era in a few lines, as a process that starts at once; `--defect` makes it wrong in one way.

unknown     answers unknown methods with another code
list        lists its tools without their schemas
dies        ends before it says anything
hangs       never answers, and takes no notice of SIGTERM or of the end of its input
"""

import json
import os
import signal
import sys
import time

DEFECT = sys.argv[sys.argv.index("--defect") + 1] if "--defect" in sys.argv else ""
VERSIONS = ("2025-11-25", "2025-06-18")
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
TOOL = {"name": "echo", "inputSchema": SCHEMA, "annotations": {"readOnlyHint": True}}


def answer(message: dict) -> dict | None:
    """Return what comes of a message."""
    if "id" not in message or "method" not in message:
        return None
    params = message.get("params") or {}
    if not isinstance(params, dict) or not isinstance(params.get("arguments") or {}, dict):
        return error(-32602, "params and arguments are objects")
    return served(message["method"], params)


def served(method: str, params: dict) -> dict:
    """Return what a request gets."""
    match method:
        case "initialize":
            asked = params.get("protocolVersion")
            version = asked if asked in VERSIONS else VERSIONS[0]
            info = {"name": "small", "version": "1"}
            return {"result": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}}
        case "ping":
            return {"result": {}}
        case "tools/list":
            listed = {key: value for key, value in TOOL.items() if DEFECT != "list" or key != "inputSchema"}
            return {"result": {"tools": [listed]}} if "cursor" not in params else error(-32602, "unknown cursor")
        case "tools/call":
            return call(params)
    return error(-32602 if DEFECT == "unknown" else -32601, "no such method")


def call(params: dict) -> dict:
    """Return what comes of a call."""
    if params.get("name") != "echo":
        return error(-32602, "no such tool")
    text = (params.get("arguments") or {}).get("text")
    wrong = not isinstance(text, str)
    said = "text is to be a string" if wrong else text
    return {"result": {"content": [{"type": "text", "text": said}], "isError": wrong}}


def error(code: int, message: str) -> dict:
    """Return an error."""
    return {"error": {"code": code, "message": message}}


def serve() -> None:
    """Answer line by line."""
    for line in sys.stdin.buffer:
        message = parsed(line)
        if message is None:
            write({"id": None, **error(-32700, "no JSON-RPC message")})
        elif (said := answer(message)) is not None:
            write({"id": message["id"], **said})


def parsed(line: bytes) -> dict | None:
    """Return the message of a line; None where it holds none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    sound = isinstance(message, dict) and message.get("jsonrpc") == "2.0" and message.get("id", 0) is not None
    return message if sound else None


def write(message: dict) -> None:
    """Write a message."""
    sys.stdout.buffer.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    sys.stdout.buffer.flush()


if DEFECT == "dies":
    sys.exit("no luck today")
if DEFECT == "kills":
    os.kill(os.getppid(), signal.SIGKILL)
if DEFECT in ("hangs", "kills"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)
serve()
