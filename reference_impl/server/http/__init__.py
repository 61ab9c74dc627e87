"""The parts of the HTTP face: requests and replies over ASGI, event streams, sessions, and the two eras' rules."""
