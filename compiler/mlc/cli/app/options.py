"""Options that several commands have, and the checks of what they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ...diagnostics.suggest import did_you_mean
from ...targets import TARGETS
from ...targets import words as target_words
from ..request import ALL, FORMATS, LINTS, SHAPES, Request
from .completion import among, environments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def ask(context: typer.Context, request: Request) -> None:
    """Hand over what the arguments of a command ask for."""
    requests: list[Request] = context.obj
    requests.append(request)


def one_of(known: Sequence[str], *, or_none: bool = False) -> Callable[[str], str]:
    """A check that a word is known; with `or_none` it may be empty."""

    def check(word: str) -> str:
        if word not in known and (word or not or_none):
            hint = did_you_mean(word, known)
            raise typer.BadParameter(f"`{word}` is none of {', '.join(known)}{f' ({hint})' if hint else ''}")
        return word

    return check


def every(known: Sequence[str]) -> Callable[[list[str] | None], list[str]]:
    """A check that all words of an option that can be repeated are known."""
    check = one_of(known)
    return lambda words: [check(word) for word in words or ()]


def not_empty(word: str | None) -> str | None:
    """A check that a name is none or has letters."""
    if word == "":
        raise typer.BadParameter("the name is empty")
    return word


def several(option: str, metavar: str, help: str) -> typer.models.OptionInfo:
    """An option that can be repeated."""
    found: typer.models.OptionInfo = typer.Option(option, metavar=metavar, help=f"{help} Can be repeated.", show_default=False)
    return found


Specs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SPEC]...",
        help="Files, folders, or - for standard input. A folder stands for every mlc.yaml, mlc.yml, *.mlc.yaml and *.mlc.yml below it, "
        "but not in hidden folders; a file that is named itself can have any name. Default: the current folder.",
        show_default=False,
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        metavar="NAME",
        help=f"{', '.join(TARGETS)} or {ALL}; with the version of the engine: argo@3.6. Can be repeated. Default: {ALL}.",
        callback=every((*target_words(), ALL)),
        autocompletion=among((*target_words(), ALL)),
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change a value of the spec, such as params.epochs=3 or images.train.tag=1.2; can be repeated. Comes after --env.",
        show_default=False,
    ),
]
Environment = Annotated[
    str | None,
    typer.Option(
        "--env",
        metavar="NAME",
        help="Lay one of the spec's environments over it.",
        callback=not_empty,
        autocompletion=among(environments),
        show_default=False,
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")]
Locked = Annotated[
    bool, typer.Option("--locked", help="Take versions from the lock file beside each spec (mlc lock), and fail where it is out of date.")
]
Lints = Annotated[
    list[str] | None,
    typer.Option(
        "--lint",
        metavar="NAME",
        help="Look for more: hygiene (tags that move, memory without a limit, parameters that nothing reads, GPUs without nodes), digests "
        "(images without one), security (root, folders of the node). Can be repeated.",
        callback=every(tuple(LINTS)),
        autocompletion=among(LINTS),
        show_default=False,
    ),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="NAME",
        help=f"How to print what is wrong, on standard error: {', '.join(FORMATS)}.",
        callback=one_of(FORMATS),
        autocompletion=among(FORMATS),
    ),
]
Shape = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="NAME",
        help=f"How to print the result: {', '.join(SHAPES)}.",
        callback=one_of(SHAPES),
        autocompletion=among(SHAPES),
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="A file; or a folder (it exists, or ends in /), for files called NAME.TARGET.yaml, or NAME.ENV.TARGET.yaml with --env. "
        "Default: standard output.",
        callback=not_empty,
        show_default=False,
    ),
]

State = Annotated[
    str,
    typer.Option(
        "--state", metavar="DIR", help="Where runs are kept. Default: MLC_STATE, or .mlc in the current folder.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
