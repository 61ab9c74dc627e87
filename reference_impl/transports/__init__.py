"""Shells that move bytes between processes and know nothing of what the bytes mean.

`channel` and `messages` say what every ordered channel of bytes, or of messages, offers; `stdio`, `memory`, `http`,
`legacy_sse` and `websocket` are such shells, and `sealed` goes around any of them.
"""
