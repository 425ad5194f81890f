"""`images`, and the image of a step."""

from __future__ import annotations

import re

from ..ir import Image
from ..patterns import lazy
from .names import check_alike, check_object, is_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..diagnostics.model import Path
    from ..ir import Text
    from .context import Context
    from .merge import Merged

_REFERENCE = lazy(
    r"(?:[a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?(?::\d+)?/)?"
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::\w[\w.-]{0,127})?(?:@(?:sha256:[0-9a-f]{64}|(?!sha256:)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)
"""The grammar of distribution/reference (`regexp.go`): optional domain, lower-case path, tag, digest. One of SHA-256 has 64 hexadecimal
digits in lower case (opencontainers/go-digest, `algorithm.go`): clients check that, too."""
_LONGEST = 500
"""Characters. The grammar allows 255 before the tag, 128 in it and a digest; no pattern need look at more."""


def check(context: Context, declared: Mapping[str, Any]) -> None:
    """Check the entries of `images`, used or not."""
    check_alike(context, {name: ("images", name) for name in declared})
    for name, entry in declared.items():
        path: Path = ("images", name)
        plain = isinstance(entry, str)
        text = _reference(context, entry, path) if plain else _reference(context, entry["ref"], (*path, "ref"))
        if text is not None:
            context.images[name] = text
        if not plain and "pull_secret" in entry:
            check_object(context, entry["pull_secret"], (*path, "pull_secret"), "a Secret")


def resolve(context: Context, step: Merged, declared: Mapping[str, Any]) -> tuple[Image, Any]:
    """The image of a step, and the `entrypoint` that it declares (None if it does not)."""
    named = step.get("image")
    path = step.where("image")
    if named is None:
        if not step.incomplete:
            help = "name one of `images`, or write a reference such as `python:3.12-slim`; `defaults` may hold it for every step"
            context.report("MLC202", f"step `{step.name}` has no `image`", step.origin, at="key", help=help)
        return Image("", "", "", step.origin), None
    entry = declared.get(named)
    if entry is None:
        if not check_name(context, named, path, declared):
            return Image(named, "", "", path), None
        return Image(named, "", "", path, (), _reference(context, named, path)), None
    origin: Path = ("images", named)
    text = context.images.get(named)
    if isinstance(entry, str):
        return Image(entry, "", "", path, origin, text), None
    return Image(entry["ref"], entry.get("pull_policy", ""), entry.get("pull_secret", ""), path, origin, text), entry.get("entrypoint")


def check_name(context: Context, named: str, path: Path, declared: Mapping[str, Any]) -> bool:
    """Whether this is a name of `images`, or the reference of an image. A name that is not there is reported (MLC317)."""
    if named in declared or "${{" in named or any(mark in named for mark in "/:@"):
        return True
    help = "declare it under `images`, or write a full reference with a tag, such as `python:3.12-slim`"
    context.unknown("MLC317", f"there is no image `{named}`", path, named, declared, help)
    return False


def _reference(context: Context, text: str, path: Path) -> Text | None:
    """Check a reference. With parameters in it, it is a text of the run."""
    if "${{" in text:
        from .run_time import image

        return image(context, text, path, is_reference)
    if not is_reference(text):
        help = "references look like `python:3.12-slim` or `registry.example.com/team/train:1.0`; the path is in lower case"
        name, at, _ = text.partition("@sha256:")
        if at and is_reference(name):
            help = "copy the whole digest: after `@sha256:` come 64 digits of `0` to `9` and `a` to `f`"
        context.report("MLC317", f"`{text}` is not an image reference", path, help=help)
    return None


def is_reference(text: str) -> bool:
    """Whether a text is a reference of an image."""
    return _is_plain(text) or (len(text) <= _LONGEST and _REFERENCE.fullmatch(text) is not None)


def _is_plain(text: str) -> bool:
    """Whether a reference is plain names between slashes, with a tag perhaps: what most are, told without the pattern."""
    path, colon, tag = text.rpartition(":")
    if not colon:
        path, tag = text, "latest"
    plain_tag = (
        tag.isascii() and tag.replace(".", "0").replace("-", "0").replace("_", "0").isalnum() and tag[0] not in "-." and len(tag) < 128
    )
    return plain_tag and len(path) < _LONGEST and all(is_plain(part) for part in path.split("/"))
