"""A directory with some files, and something beside it that nobody may reach."""

from __future__ import annotations

from pathlib import Path

from reference_impl.servers.filesystem.beneath import Root
from reference_impl.servers.filesystem.job import Job
from reference_impl.servers.filesystem.limits import Limits
from reference_impl.servers.filesystem.offers import Errand

CANARY = "the canary sings"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf50000003020101"
    "58cdc4d20000000049454e44ae426082"
)


def project(folder: Path) -> Path:
    """Make a small project in `folder`; return its root. Called twice, it finds what it made."""
    root = folder / "project"
    if not root.exists():
        (root / "src" / "deep").mkdir(parents=True)
        (root / "README.md").write_text("# Project\n\nSays hello.\n", "utf-8")
        (root / "src" / "main.py").write_text("import os\n\nprint('hello')\n", "utf-8")
        (root / "src" / "deep" / "notes.txt").write_text("first\nsecond\nthird\n", "utf-8")
        (root / "pixel.png").write_bytes(PIXEL)
    return root


def canary(folder: Path) -> Path:
    """Make a directory beside the project, of nearly the same name, with a secret in it."""
    outside = folder / "project_evil"
    outside.mkdir()
    (outside / "secret.txt").write_text(CANARY, "utf-8")
    return outside


def errand(*roots: Path, limits: Limits | None = None, seconds: float = 30) -> Errand:
    """Return what a tool gets to work with, beneath the given roots."""
    bounds = limits or Limits()
    return Errand(tuple(Root.at(str(root)) for root in roots), bounds, Job(seconds))
