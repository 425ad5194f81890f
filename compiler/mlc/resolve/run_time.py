"""`${{ params.X }}` in what a pod is made of, not in what its program reads: images, names of objects, values of labels."""

from __future__ import annotations

from ..ir import ParamRef, PathRef, Text, type_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..diagnostics.model import Path
    from ..ir import Param
    from .context import Context


def image(context: Context, given: str, path: Path, valid: Callable[[str], bool]) -> Text | None:
    """The reference of an image with parameters in it; None if it is a constant after all, or wrong.

    Whatever is known of the parameters now, their defaults and `choices`, must make a reference that is `valid`.
    """
    help = "use a parameter, or run the program in an image that has all that the step may need"
    text = _read(context, given, path, "image", ("MLC339", "an image's reference"), ("string", "int"), help)
    if text is None:
        return None
    if not text.references:
        if not valid(text.constant or ""):
            context.report("MLC317", f"`{text.constant}` is not an image reference", path, help="take the expression out")
        return text
    for made, how in _made(text):
        if not valid(made):
            help = "references look like `python:3.12-slim`; change the default or the choice, or the text around the parameter"
            context.report("MLC339", f"{how} the image is `{made}`, which is no reference", path, help=help)
            return None
    return text


def named(
    context: Context, given: str, path: Path, what: str, valid: Callable[[str], bool], rule: str, types: Sequence[str] = ("string", "int")
) -> tuple[str, Text | None]:
    """The name of an object, or the value of a label (`what`), as the language writes it, and with parameters in it also its text.

    What is known now must be `valid`, by the `rule` that a help text says. Parameters are of one of the `types`.
    """
    help = "use a parameter; a step can find out only what its own program reads"
    text = _read(context, given, path, "label" if "label" in what else "name", ("MLC340", what), types, help)
    if text is None:
        return given, None
    if not text.references:
        constant = text.constant or ""
        if not valid(constant):
            context.report("MLC323", f"`{constant}` cannot be {what}", path, help=rule)
        return constant, None
    for made, how in _made(text):
        if not valid(made):
            help = f"{rule}; change the default or the choice, or the text around the parameter"
            context.report("MLC340", f"{how} this is `{made}`, which cannot be {what}", path, help=help)
            return given, None
    return "".join(f"${{{{ params.{part.param.name} }}}}" if isinstance(part, ParamRef) else _known(part) for part in text.pieces), text


def _read(context: Context, given: str, path: Path, place: str, wrong: tuple[str, str], types: Sequence[str], help: str) -> Text | None:
    """The text with its parameters, of one of the `types`; `wrong` is the code for others, and what they are no part of."""
    before = len(context.findings)
    text = context.text(given, path, context.scope(f"`{place}`", {}))
    if len(context.findings) > before:
        return None
    article = "an" if place == "image" else "a"
    for ref in text.references:
        if not isinstance(ref, ParamRef):
            message = f"{article} {place} knows `params` only: it is chosen before the step is asked"
            context.report("MLC311", message, path, help=help)
            return None
        if type_of(ref) not in types:
            code, what = wrong
            message = f"parameter `{ref.param.name}` is of type {ref.param.type}, which is no part of {what}"
            context.report(code, message, path, help="declare the parameter with `type: string`")
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
