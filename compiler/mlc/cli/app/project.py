"""The commands on specs, and on the language."""

from __future__ import annotations

from typing import Annotated

import typer

from ...targets import TARGETS
from ..request import DRAWINGS, Request, targets_of
from .completion import among, explained
from .options import (
    Environment,
    Format,
    Lints,
    Locked,
    Output,
    Overrides,
    Shape,
    Specs,
    Strict,
    Targets,
    ask,
    not_empty,
    one_of,
)


def init_(
    context: typer.Context,
    folder: Annotated[str, typer.Argument(metavar="[DIR]", help="Where to; made if need be.", callback=not_empty)] = ".",
    force: Annotated[bool, typer.Option("--force", help="Replace mlc.yaml and mlc.schema.json.")] = False,
) -> None:
    """`mlc init`."""
    ask(context, Request("init", (folder,), force=force))


def compile_(
    context: typer.Context,
    specs: Specs = None,
    target: Targets = None,
    output: Output = None,
    environment: Environment = None,
    overrides: Overrides = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; compare with the files that -o names, and show the difference.")
    ] = False,
    locked: Locked = False,
    strict: Strict = False,
    format: Format = "text",
) -> None:
    """`mlc compile`."""
    request = Request(
        "compile",
        tuple(specs or ()),
        targets_of(target or []),
        output or "",
        tuple(overrides or ()),
        environment or "",
        check=check,
        strict=strict,
        format=format,
        locked=locked,
    )
    ask(context, request)


def validate_(
    context: typer.Context,
    specs: Specs = None,
    target: Targets = None,
    environment: Environment = None,
    overrides: Overrides = None,
    lint: Lints = None,
    locked: Locked = False,
    strict: Strict = False,
    format: Format = "text",
) -> None:
    """`mlc validate`."""
    request = Request(
        "validate",
        tuple(specs or ()),
        targets_of(target or []),
        "",
        tuple(overrides or ()),
        environment or "",
        strict=strict,
        format=format,
        lints=tuple(dict.fromkeys(lint or ())),
        locked=locked,
    )
    ask(context, request)


def graph_(
    context: typer.Context,
    specs: Specs = None,
    environment: Environment = None,
    overrides: Overrides = None,
    shape: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help=f"How to draw: {', '.join(DRAWINGS)}.",
            callback=one_of(DRAWINGS),
            autocompletion=among(DRAWINGS),
        ),
    ] = "text",
) -> None:
    """`mlc graph`."""
    ask(context, Request("graph", tuple(specs or ()), (), "", tuple(overrides or ()), environment or "", shape=shape))


def describe_(
    context: typer.Context,
    specs: Specs = None,
    target: Targets = None,
    environment: Environment = None,
    overrides: Overrides = None,
    locked: Locked = False,
    shape: Shape = "text",
) -> None:
    """`mlc describe`."""
    chosen = targets_of(target) if target else ()
    request = Request("describe", tuple(specs or ()), chosen, "", tuple(overrides or ()), environment or "", shape=shape, locked=locked)
    ask(context, request)


def diff_(
    context: typer.Context,
    specs: Annotated[list[str], typer.Argument(metavar="OLD NEW", help="Two specs; one may be - for standard input.", show_default=False)],
    target: Targets = None,
    environment: Environment = None,
    overrides: Overrides = None,
    shape: Shape = "text",
) -> None:
    """`mlc diff`."""
    chosen = targets_of(target) if target else ()
    ask(context, Request("diff", tuple(specs), chosen, "", tuple(overrides or ()), environment or "", shape=shape))


def infra_(
    context: typer.Context,
    specs: Specs = None,
    target: Annotated[
        str,
        typer.Option(
            "--target",
            "-t",
            metavar="NAME",
            help=f"{' or '.join(TARGETS)}.",
            callback=one_of(TARGETS),
            autocompletion=among(TARGETS),
        ),
    ] = TARGETS[0],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Default: standard output.", callback=not_empty)
    ] = None,
    skeletons: Annotated[
        bool, typer.Option("--skeletons", help="Also what somebody has to fill: secrets and config maps without values, accounts.")
    ] = False,
    claim_size: Annotated[
        str,
        typer.Option("--claim-size", metavar="SIZE", help="With --skeletons: print the claims too, this large.", show_default=False),
    ] = "",
    environment: Environment = None,
    overrides: Overrides = None,
    format: Format = "text",
) -> None:
    """`mlc infra`."""
    request = Request(
        "infra",
        tuple(specs or ()),
        (target,),
        output or "",
        tuple(overrides or ()),
        environment or "",
        format=format,
        skeletons=skeletons,
        claim_size=claim_size,
    )
    ask(context, request)


def lock_(
    context: typer.Context,
    specs: Specs = None,
    update: Annotated[
        list[str] | None,
        typer.Option(
            "--update",
            metavar="NAME",
            help="Look up only this image or dataset, by its name in the spec (code for the code), and what the lock file does not "
            "hold yet. Can be repeated.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; say what is no longer as in the lock file.")] = False,
    platform: Annotated[
        str | None,
        typer.Option(
            "--platform",
            metavar="SYSTEM/PROCESSOR",
            help="The platform of the nodes, such as linux/arm64: whose program is written down. Default: that of the lock file, "
            "or linux/amd64.",
            callback=not_empty,
            show_default=False,
        ),
    ] = None,
    insecure: Annotated[
        list[str] | None,
        typer.Option(
            "--insecure-registry",
            metavar="HOST",
            help="A registry that may be asked without TLS, as one on this machine may. Can be repeated.",
            show_default=False,
        ),
    ] = None,
    strict: Strict = False,
    format: Format = "text",
) -> None:
    """`mlc lock`."""
    request = Request(
        "lock",
        tuple(specs or ()),
        (),
        check=check,
        strict=strict,
        format=format,
        updates=tuple(update or ()),
        platform=platform or "",
        insecure=tuple(insecure or ()),
    )
    ask(context, request)


def datasets_(context: typer.Context, specs: Specs = None, shape: Shape = "text") -> None:
    """`mlc datasets`."""
    ask(context, Request("datasets", tuple(specs or ()), (), shape=shape))


def explain_(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CODE|KEY]...",
            help="A code such as MLC301, mlc301 or 301; a key such as steps.cache.",
            autocompletion=explained,
            show_default=False,
        ),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List every code.")] = False,
    keys: Annotated[bool, typer.Option("--keys", help="List every key, and what each target does with it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print keys as JSON.")] = False,
) -> None:
    """`mlc explain`."""
    ask(context, Request("explain", tuple(words or ()), listing=listing, keys=keys, shape="json" if as_json else "text"))


def schema_(context: typer.Context) -> None:
    """`mlc schema`."""
    ask(context, Request("schema"))
