"""Artifacts that nobody in the project produces: `artifacts: {NAME: {type, uri}}`."""

from __future__ import annotations

import re

from ..diagnostics.model import Related
from ..expr.scope import Scope
from ..ir import External, ParamRef
from .ports import about

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..diagnostics.model import Path
    from ..ir import Output, Text
    from .context import Context

_HOST = r"[A-Za-z0-9](?:[-.A-Za-z0-9]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
_KEY = r"[-A-Za-z0-9_.~!*'()=@+/:%&?,;]"
"""No character that a shell, a kubelet, an engine's templates or YAML take for their own."""
_BUCKET = r"[A-Za-z0-9$][-._A-Za-z0-9]*"
_FORMS = {
    **dict.fromkeys(("s3", "minio", "gs", "oss", "azure"), rf"{_BUCKET}/{_KEY}*"),
    **dict.fromkeys(("https", "http"), rf"{_HOST}/{_KEY}*"),
    "git+https": rf"{_HOST}/[-A-Za-z0-9_.~/]+(?:@{_KEY}*)?",
    "oci": rf"{_HOST}/[-A-Za-z0-9_.~/]+(?::[-A-Za-z0-9_.]+|@sha256:[0-9a-f]+)?",
}
_EXAMPLES = (
    "`s3://BUCKET/KEY` (or `gs`, `minio`, `oss`, `azure`), `https://HOST/PATH`, `git+https://HOST/REPOSITORY@REVISION`, `oci://IMAGE`"
)


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
    if constant is not None:
        _check(context, constant, path, "")
    elif uri.references and isinstance(uri.pieces[0], str):
        _check(context, uri.pieces[0], path, "".join(piece for piece in uri.pieces[1:] if isinstance(piece, str)) or " ")
    elif len(uri.pieces) == 1 and isinstance(ref := uri.references[0], ParamRef):
        if ref.param.default is not None and ref.param.type == "string":
            _check(context, ref.param.default, path, "")
    elif uri.references:
        message = "an address is one parameter and nothing else, or starts with a scheme and a place that are written out"
        context.report("MLC335", message, path, help="write `s3://BUCKET/${{ params.KEY }}`, or `${{ params.ADDRESS }}` alone")
    return uri


def _check(context: Context, text: str, path: Path, more: str) -> None:
    """The form of an address; `more` is what follows its first piece, parameters left out, and not empty if anything does."""
    scheme, colon, rest = text.partition("://")
    form = _FORMS.get(scheme) if colon else None
    if form is None:
        context.report("MLC335", f"`{text}` is no address that can be fetched", path, help=f"write {_EXAMPLES}")
    elif more and (scheme == "oci" or (scheme == "git+https" and "@" not in rest)):
        message = f"a parameter may stand in the revision of a `{scheme}` address only" if scheme != "oci" else "an image is written out"
        context.report("MLC335", message, path, help="write the repository out: `git+https://HOST/REPOSITORY@${{ params.REVISION }}`")
    elif not re.fullmatch(form, rest) or not re.fullmatch(rf"(?:{_KEY}| (?!.))*", more) or (not more and rest.endswith(("/", "@"))):
        context.report("MLC335", f"`{text}` is no address of the form `{scheme}://`", path, help=f"write {_EXAMPLES}")
