"""The Model Context Protocol without I/O: bytes in, values out.

No socket, clock, logger or concurrency lives here. Shells (`reference_impl.transports`, the server's ASGI face, the
load users, the judge) move bytes and ask this package what they mean.
"""
