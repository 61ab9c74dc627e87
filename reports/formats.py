"""The formats that a run is rendered in: one row each, from which options, `report --format` and documentation follow.

Modules are imported when they are first used: whoever only writes records pays for no template engine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from reports.store import Run

__all__ = ["FORMATS", "Format"]


@dataclass(frozen=True, slots=True)
class Format:
    """One format: `name` is what `report --format` and the option `--NAME FILE` call it, `function` a function of
    `module` from a `Run` to text, `help` what the option does.

    `printed`: it is for a program that reads standard output, so that its option takes no file. `traffic`: it shows
    HTTP traffic, which a run keeps only if somebody asks for it.
    """

    name: str
    module: str
    function: str
    help: str
    printed: bool = False
    traffic: bool = False

    def render(self, run: Run) -> str:
        """Return `run` in this format."""
        function: Callable[[Run], str] = getattr(import_module(self.module), self.function)
        return function(run)


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format("html", "reports.html", "render_html", "Write an HTML report."),
        Format("junit", "reports.junit", "render_junit", "Write a JUnit XML report."),
        Format("sarif", "reports.sarif", "render_sarif", "Write a SARIF 2.1.0 report."),
        Format(
            "markdown", "reports.markdown", "render_markdown", "Write a summary in Markdown, for a job or a comment."
        ),
        Format("har", "reports.har", "render_har", "Write all HTTP traffic as a HAR 1.2 archive.", traffic=True),
        Format("hlog", "reports.hlog", "render_hlog", "Write latencies by second as an HdrHistogram log."),
        Format("badge-svg", "reports.badge", "render_svg", "Write a badge as SVG."),
        Format("badge-json", "reports.badge", "render_endpoint", "Write a badge as JSON for shields.io."),
        Format(
            "github-annotations",
            "reports.annotations",
            "render_annotations",
            "Print what is wrong as GitHub annotations.",
            printed=True,
        ),
    )
}
