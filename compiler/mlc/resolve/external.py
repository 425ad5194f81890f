"""Artifacts that nobody in the project produces: `artifacts: {NAME: {type, uri}}`."""

from __future__ import annotations

from ..diagnostics.model import Related
from ..expr.scope import Scope
from ..ir import External, ParamRef
from . import locations
from .ports import about

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..diagnostics.model import Path
    from ..ir import Output, Text
    from .context import Context


def resolve(context: Context, declared: Mapping[str, Any], producers: Mapping[str, tuple[str, Output]]) -> dict[str, External]:
    """The external artifacts by name; one that a step produces as well is reported (MLC336)."""
    found: dict[str, External] = {}
    for name, entry in declared.items():
        if isinstance(entry, dict) and "uri" in entry:
            path: Path = ("artifacts", name)
            if name in producers:
                step, output = producers[name]
                related = (Related(output.origin, f"step `{step}` produces it here", "key"),)
                message = f"artifact `{name}` comes from outside, by its `uri`, and from step `{step}`"
                context.report("MLC336", message, (*path, "uri"), at="key", related=related, help="leave `uri` out, or rename the output")
            found[name] = External(name, entry["type"], _uri(context, entry["uri"], (*path, "uri")), path, about(context, name))
    return found


def _uri(context: Context, text: str, path: Path) -> Text:
    apart = ("an address cannot hold what a step wrote: it is known before", "use a parameter, or let a step fetch the file")
    scope = Scope("`uri`", context.params, {}, {}, None, context.suggest, False, lambda _: apart)
    before = len(context.findings)
    uri = context.text(text, path, scope)
    if len(context.findings) > before:
        return uri
    for ref in uri.references:
        if not isinstance(ref, ParamRef):
            context.report("MLC311", f"`run.{ref.name}` may not stand in an address", path, help="use a parameter")  # type: ignore[union-attr]
            return uri
        if ref.param.type not in ("string", "int"):
            message = f"`params.{ref.param.name}` is of type {ref.param.type}, which cannot stand in an address"
            context.report("MLC305", message, path, help="use a parameter of type string or int")
            return uri
    constant = uri.constant
    first = uri.pieces[0] if uri.pieces else ""
    if constant is not None:
        wrong = locations.problem(constant)
    elif isinstance(first, str):
        wrong = locations.problem(first, "".join(piece for piece in uri.pieces[1:] if isinstance(piece, str)), open=True)
    elif len(uri.pieces) == 1:
        param = first.param if isinstance(first, ParamRef) else None
        wrong = locations.problem(param.default) if param and param.default is not None and param.type == "string" else None
    else:
        message = "an address is one parameter and nothing else, or starts with a scheme and a place that are written out"
        wrong = message, "write `s3://BUCKET/${{ params.KEY }}`, or `${{ params.ADDRESS }}` alone"
    if wrong is not None:
        context.report("MLC335", wrong[0], path, help=wrong[1])
    return uri
