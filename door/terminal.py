"""The user's terminal, whose reader may leave before we are done (`touchstone list | head`): then we go on, silently.

A command's exit code tells of the target, never of who read how much of the output.
"""

from __future__ import annotations

import os
import sys

from rich.console import Console

from reports.text import visible

__all__ = ["Terminal", "complain", "write"]


class Terminal(Console):
    """Standard output with style; nothing more is written once its reader has left."""

    def on_broken_pipe(self) -> None:
        """Go on without an output. (The one of rich would exit with 1, which says that the target failed.)"""
        self.quiet = True
        _mute(sys.stdout.fileno())


def write(text: str) -> None:
    """Write text to standard output."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _mute(sys.stdout.fileno())


def complain(text: str) -> None:
    """Write to standard error what a command refuses to do; the words of strangers in it do no harm there."""
    try:
        sys.stderr.write(f"touchstone: {visible(text)}\n")
        sys.stderr.flush()
    except BrokenPipeError:
        _mute(sys.stderr.fileno())


def _mute(descriptor: int) -> None:
    # Or Python would try once more at exit, and say so.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
