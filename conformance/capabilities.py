"""Capabilities as peers declare them, and the paths by which rows of the catalogue hang on them."""

from __future__ import annotations

__all__ = ["declares"]


def declares(capabilities: object, path: str) -> bool:
    """Whether capabilities hold a path such as "tools" or "resources.subscribe" (a leaf that is false does not).

    The names of extensions have dots of their own.
    """
    for step in path.split(".", 1 if path.startswith("extensions.") else -1):
        if not isinstance(capabilities, dict) or step not in capabilities:
            return False
        capabilities = capabilities[step]
    return capabilities is not False and capabilities is not None
