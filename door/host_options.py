"""The options of `touchstone host`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["HostingOptions"]


@dataclass(frozen=True, slots=True)
class HostingOptions:
    """Who decides, who plans, and what is written."""

    plan: Annotated[Path | None, typer.Option("--plan", metavar="FILE", help="Run this plan, in JSON or TOML.")] = None
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Consent to every step that no policy denies.")] = False
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="Rules of what is allowed, denied, asked for.")
    ] = None
    remember: Annotated[
        Path | None, typer.Option("--remember", metavar="FILE", help="Where answers that hold always are kept.")
    ] = None
    audit: Annotated[
        Path | None, typer.Option("--audit", metavar="FILE", help="Write every decision to this audit log.")
    ] = None
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Let a model plan. Its key: TOUCHSTONE_MODEL_KEY.")
    ] = None
    model_url: Annotated[str | None, typer.Option("--model-url", metavar="URL", help="The base of its endpoint.")] = (
        None
    )
    model_api: Annotated[
        str | None, typer.Option("--model-api", metavar="API", help="Its dialect: openai or anthropic.")
    ] = None
    root: Annotated[
        list[Path] | None, typer.Option("--root", metavar="DIR", help="A directory that servers are told of.")
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False
