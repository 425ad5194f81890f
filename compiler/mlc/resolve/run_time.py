"""`${{ params.X }}` in what a pod is made of, not in what its program reads: the reference of an image."""

from __future__ import annotations

from ..ir import ParamRef, PathRef, Text, type_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..diagnostics.model import Path
    from ..ir import Param
    from .context import Context


def image(context: Context, given: str, path: Path, valid: Callable[[str], bool]) -> Text | None:
    """The reference of an image with parameters in it; None if it is a constant after all, or wrong.

    Whatever is known of the parameters now, their defaults and `choices`, must make a reference that is `valid`.
    """
    before = len(context.findings)
    text = context.text(given, path, context.scope("`image`", {}))
    if len(context.findings) > before:
        return None
    if not text.references:
        if not valid(text.constant or ""):
            context.report("MLC317", f"`{text.constant}` is not an image reference", path, help="take the expression out")
        return text
    for ref in text.references:
        if not isinstance(ref, ParamRef):
            help = "use a parameter, or run the program in an image that has all that the step may need"
            context.report("MLC311", "an image knows `params` only: it is chosen before the step is asked", path, help=help)
            return None
        if type_of(ref) not in ("string", "int"):
            help = "declare the parameter with `type: string`"
            message = f"parameter `{ref.param.name}` is of type {ref.param.type}, which is no part of an image's reference"
            context.report("MLC339", message, path, help=help)
            return None
    for made, how in _made(text):
        if not valid(made):
            help = "references look like `python:3.12-slim`; change the default or the choice, or the text around the parameter"
            context.report("MLC339", f"{how} the image is `{made}`, which is no reference", path, help=help)
            return None
    return text


def _made(text: Text) -> Iterator[tuple[str, str]]:
    """What is known now of the text: with the defaults, and with each choice of one parameter and the defaults of the others."""
    params = {ref.param.name: ref.param for ref in text.references if isinstance(ref, ParamRef)}
    yield _filled(text, {}), "with the defaults of its parameters"
    for param in params.values():
        for choice in param.choices:
            yield _filled(text, {param.name: choice}), f"with `{choice}` for parameter `{param.name}`"


def _filled(text: Text, chosen: dict[str, str]) -> str:
    return "".join(_piece(part.param, chosen) if isinstance(part, ParamRef) else _known(part) for part in text.pieces)


def _piece(param: Param, chosen: dict[str, str]) -> str:
    if param.name in chosen:
        return chosen[param.name]
    return "1" if param.default is None else param.default  # what a run must give is taken for good


def _known(part: object) -> str:
    return part if isinstance(part, str) else part.path if isinstance(part, PathRef) else ""
