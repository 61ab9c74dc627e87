"""Tools for a small workshop: what is in stock, and what an order costs.

Start them with `touchstone serve custom my_tools.py --reload`.
"""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from reference_impl.server import Context, ToolError
from reference_impl.servers.custom import prompt, resource, tool

READ_ONLY = {"readOnlyHint": True, "openWorldHint": False}
_STOCK = {"bolt": 120, "nut": 80, "washer": 0}
_CENTS = {"bolt": 12, "nut": 7, "washer": 2}


@dataclass
class Offer:
    """What an order would cost."""

    part: str
    pieces: int
    cents: int
    in_stock: bool


@tool(title="What an order costs", annotations=READ_ONLY)
def price(part: Literal["bolt", "nut", "washer"], pieces: Annotated[int, Meta(ge=1, le=1000)] = 1) -> Offer:
    """Tells what an order costs, and whether it can be sent at once.

    Args:
        part: What to order.
        pieces: How many of it.
    """
    return Offer(part, pieces, pieces * _CENTS[part], _STOCK[part] >= pieces)


@tool(annotations={"readOnlyHint": False, "destructiveHint": False, "idempotentHint": False, "openWorldHint": False})
def take(part: str, pieces: Annotated[int, Meta(ge=1)] = 1) -> int:
    """Takes pieces out of the stock, and returns how many are left."""
    if _STOCK.get(part, 0) < pieces:
        raise ToolError(f"There are only {_STOCK.get(part, 0)} of {part!r}")
    _STOCK[part] -= pieces
    return _STOCK[part]


@tool(annotations=READ_ONLY)
async def count(context: Context, seconds: Annotated[float, Meta(ge=0, le=0.5)] = 0) -> dict[str, int]:
    """Counts the stock, part by part, as slowly as it is told to."""
    counted = {}
    for number, (part, pieces) in enumerate(_STOCK.items(), 1):
        await asyncio.sleep(seconds / len(_STOCK))
        counted[part] = pieces
        context.progress(number, len(_STOCK), f"Counted {part}")
    return counted


@resource("stock://{part}", description="How many of a part there are.", mimeType="text/plain", ttlMs=0)
def stock(part: str) -> str:
    """Say how many there are."""
    if part not in _STOCK:
        raise FileNotFoundError(part)
    return str(_STOCK[part])


@prompt()
def order(part: str, pieces: str = "10") -> str:
    """Asks for a letter that orders parts.

    Args:
        part: What to order.
        pieces: How many of it.
    """
    return f"Write a short, polite letter that orders {pieces} pieces of {part}."


def _not_offered() -> None:
    """A name with an underscore is nobody else's business."""
