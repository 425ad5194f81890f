"""The whole command line, with help and shell completion: the only package that imports typer.

It does no work: every command makes a `Request`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ... import __version__
from ..request import OK, USAGE
from ..request_here import LATEST
from . import helps, here, project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..request import Request

app = typer.Typer(
    name="mlc",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for name, help, function in (
    ("init", helps.INIT, project.init_),
    ("compile", helps.COMPILE, project.compile_),
    ("validate", helps.VALIDATE, project.validate_),
    ("run", helps.RUN, here.run_),
    ("runs", helps.RUNS, here.runs_),
    ("logs", helps.LOGS, here.logs_),
    ("metrics", helps.METRICS, here.metrics_),
    ("graph", helps.GRAPH, project.graph_),
    ("describe", helps.DESCRIBE, project.describe_),
    ("diff", helps.DIFF, project.diff_),
    ("infra", helps.INFRA, project.infra_),
    ("lock", helps.LOCK, project.lock_),
    ("datasets", helps.DATASETS, project.datasets_),
    ("explain", helps.EXPLAIN, project.explain_),
    ("schema", helps.SCHEMA, project.schema_),
):
    app.command(name, help=help)(function)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mlc {__version__}")
        raise typer.Exit(OK)


@app.callback(help=helps.ROOT)
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    """Options of `mlc` itself."""


def parse(argv: Sequence[str]) -> Request | int:
    """The request that the arguments make; or the exit code, where typer has said all there is to say (help, mistakes, completion)."""
    requests: list[Request] = []
    try:
        typer.main.get_command(app).main(args=_with_latest(argv), prog_name="mlc", obj=requests)
    except SystemExit as end:
        if not requests:
            return end.code if isinstance(end.code, int) else USAGE
    return requests[0]


def _with_latest(argv: Sequence[str]) -> list[str]:
    """The words of `mlc run`, where `--resume` alone means the latest run: click knows no option with or without a value.

    No run is called like a file or another option, so these are not taken for its name.
    """
    words = list(argv)
    if words[:1] == ["run"] and "--resume" in words:
        at = words.index("--resume")
        following = words[at + 1] if at + 1 < len(words) else "-"
        if following.startswith("-") or "." in following or "/" in following:
            words[at] = f"--resume={LATEST}"
    return words
