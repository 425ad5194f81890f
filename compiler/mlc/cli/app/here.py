"""The commands that run a project on this machine, and look at its runs."""

from __future__ import annotations

from typing import Annotated

import typer

from ..request import Request
from ..request_here import LATEST, RUNNERS, Here
from .completion import among, params, runs, steps, tasks
from .options import Environment, Format, Json, Locked, Overrides, State, Strict, ask, not_empty, one_of, several


def run_(
    context: typer.Context,
    spec: Annotated[
        str,
        typer.Argument(
            metavar="[SPEC]",
            help="A file, a folder with one spec below it, or - for standard input. Default: the current folder.",
            show_default=False,
        ),
    ] = "",
    runner: Annotated[
        str,
        typer.Option(
            "--runner",
            metavar="NAME",
            help=f"{', '.join(RUNNERS)}. Default: the first of these that works.",
            callback=one_of(RUNNERS, or_none=True),
            autocompletion=among(RUNNERS),
            show_default=False,
        ),
    ] = "",
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", metavar="N", min=1, help="How many steps may run at once. Default: one for each CPU.", show_default=False
        ),
    ] = None,
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            "-p",
            metavar="NAME=VALUE",
            help="Give a parameter of the run a value. Can be repeated.",
            autocompletion=among(params),
            show_default=False,
        ),
    ] = None,
    overrides: Overrides = None,
    environment: Environment = None,
    volumes: Annotated[list[str] | None, several("--volume", "NAME=DIR", "A folder that stands for a volume of the spec.")] = None,
    secrets: Annotated[
        list[str] | None,
        several("--secret", "NAME/KEY=SOURCE", "Where a key of a secret comes from: file:PATH or env:VARIABLE; NAME=DIR for all its keys."),
    ] = None,
    config_maps: Annotated[
        list[str] | None,
        several("--config-map", "NAME/KEY=SOURCE", "The same for a config map: file:PATH, env:VARIABLE or value:TEXT."),
    ] = None,
    artifacts: Annotated[
        list[str] | None, several("--artifact", "NAME=PATH", "A file or folder that stands for an artifact from outside.")
    ] = None,
    settings: Annotated[
        str | None,
        typer.Option(
            "--local-settings", metavar="FILE", help="Instead of mlc.local.yaml beside the spec.", callback=not_empty, show_default=False
        ),
    ] = None,
    state: State = "",
    resume: Annotated[
        str,
        typer.Option(
            "--resume",
            metavar="[RUN]",
            help="Go on with a run that failed or was interrupted; without RUN the latest one. What is done is not repeated.",
            autocompletion=among(runs),
            show_default=False,
        ),
    ] = "",
    only: Annotated[
        str,
        typer.Option(
            "--only",
            metavar="STEP",
            help="Run one step, with what earlier runs made of the others.",
            autocompletion=among(steps),
            show_default=False,
        ),
    ] = "",
    first: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="STEP",
            help="Run a step and all that depends on it.",
            autocompletion=among(steps),
            show_default=False,
        ),
    ] = "",
    using: Annotated[
        str,
        typer.Option(
            "--using",
            metavar="RUN",
            help="With --only and --from: the run to take results from. Default: the latest that has them.",
            autocompletion=among(runs),
            show_default=False,
        ),
    ] = "",
    locked: Locked = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would run, and start nothing.")] = False,
    strict: Strict = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only how it ended, and what failed.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line: docs/run.md has their keys.")] = False,
    format: Format = "text",
) -> None:
    """`mlc run`."""
    here = Here(
        state=state,
        runner=runner,
        jobs=jobs or 0,
        params=tuple(params or ()),
        volumes=tuple(volumes or ()),
        secrets=tuple(secrets or ()),
        config_maps=tuple(config_maps or ()),
        artifacts=tuple(artifacts or ()),
        settings=settings or "",
        resume=resume,
        only=only,
        first=first,
        using=using,
        dry_run=dry_run,
        quiet=quiet,
        json=json,
    )
    request = Request(
        "run",
        (spec,) if spec else (),
        (),
        "",
        tuple(overrides or ()),
        environment or "",
        strict=strict,
        format=format,
        locked=locked,
        here=here,
    )
    ask(context, request)


def runs_(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="[RUN]", help=f"A run, or {LATEST}. Default: all.", autocompletion=among(runs), show_default=False),
    ] = "",
    remove: Annotated[
        list[str] | None,
        typer.Option(
            "--remove",
            metavar="RUN",
            help="Forget a run, and remove its logs. Can be repeated.",
            autocompletion=among(runs),
            show_default=False,
        ),
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove artifacts that no run has any more.")] = False,
    state: State = "",
    json: Json = False,
) -> None:
    """`mlc runs`."""
    here = Here(state=state, names=(name,) if name else (), remove=tuple(remove or ()), prune=prune, json=json)
    ask(context, Request("runs", here=here))


def logs_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="RUN", help=f"A run, or {LATEST}.", autocompletion=among(runs))],
    task: Annotated[
        str,
        typer.Argument(metavar="[TASK]", help="A step, or an item of a loop.", autocompletion=among(tasks), show_default=False),
    ] = "",
    attempt: Annotated[
        int | None, typer.Option("--attempt", metavar="N", min=1, help="Which attempt. Default: the last one.", show_default=False)
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing until the task, or the run, is over.")] = False,
    state: State = "",
) -> None:
    """`mlc logs`."""
    ask(context, Request("logs", here=Here(state=state, names=(name,), task=task, attempt=attempt or 0, follow=follow)))


def metrics_(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN...", help=f"Default: {LATEST}.", autocompletion=among(runs), show_default=False),
    ] = None,
    state: State = "",
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values, one line a metric of a run.")] = False,
) -> None:
    """`mlc metrics`."""
    ask(context, Request("metrics", here=Here(state=state, names=tuple(names or (LATEST,)), json=json, csv=csv)))
