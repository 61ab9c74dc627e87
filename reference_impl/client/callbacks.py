"""Functions of the user that only hear of something: what one of them raises is logged, and ends nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

__all__ = ["inform"]

_News = TypeVar("_News")
_logger = logging.getLogger(__name__)


def inform(callback: Callable[[_News], None], news: _News) -> None:
    """Call a function of the user. It runs where messages are read: a fault of its own must not end the reading."""
    try:
        callback(news)
    except Exception:  # whatever a stranger's code raises
        _logger.exception("%s failed", getattr(callback, "__qualname__", callback))
