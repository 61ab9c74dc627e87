"""How many files and sockets this process may have open: as many as the system lets it; a word where that is few."""

from __future__ import annotations

__all__ = ["raise_limit", "shortage"]

_OTHERS = 64
"""What a generator has open beside its connections."""


def raise_limit() -> int | None:
    """Raise the soft limit of open descriptors to the hard one; return it, None where there is none to speak of."""
    try:
        import resource
    except ImportError:  # no such thing on this system
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):  # some systems set another bound beside it
        hard = soft
    return None if hard == resource.RLIM_INFINITY else hard


def shortage(connections: int) -> str | None:
    """Raise the limit; say in a line what is missing where so many connections still do not fit."""
    limit, needed = raise_limit(), connections + _OTHERS
    if limit is None or limit >= needed:
        return None
    return (
        f"{connections:,} connections need about {needed:,} open files, and this system allows {limit:,}: "
        f"raise the hard limit (ulimit -Hn {needed}), use fewer users, or several generators"
    )
