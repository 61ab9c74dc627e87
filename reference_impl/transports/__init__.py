"""Shells that move bytes between processes and know nothing of what the bytes mean.

`channel` says what every ordered channel offers; `stdio`, `memory` and `http` are such shells.
"""
