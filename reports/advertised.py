"""What a target advertised, as rows of the records hold it: enough to tell later whether a client would break.

An item is kept by its name, with a digest of all that was said of it; of tools the schemas are kept as well, of prompts
the arguments, since those are what clients lean on.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

__all__ = ["Advertised", "Surface"]

Digest = Annotated[str, Meta(description="of all that was said of it: SHA-256 of its canonical JSON, 16 digits")]


class Advertised(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One item of a list; `name` is its URI where it is a resource, its URI template where it is one.

    `arguments` are those of a prompt, by name: whether it is required.
    """

    name: str
    digest: Digest
    input_schema: Annotated[Any, Meta(description="of a tool")] = None
    output_schema: Annotated[Any, Meta(description="of a tool that has one")] = None
    arguments: dict[str, bool] = {}


class Surface(Struct, frozen=True, kw_only=True, tag_field="kind", tag="surface"):
    """What a target advertised at one revision, over one transport: its capabilities and its lists."""

    revision: str
    transport: Annotated[str, Meta(description="stdio, http, sse, ws or memory")]
    capabilities: Annotated[dict[str, Any], Meta(description="as it declared them")] = {}
    tools: tuple[Advertised, ...] = ()
    prompts: tuple[Advertised, ...] = ()
    resources: tuple[Advertised, ...] = ()
    templates: tuple[Advertised, ...] = ()
