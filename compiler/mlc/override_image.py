"""`--set` of an image: its reference whichever form it has in the file, or the tag alone, which is what a build knows."""

from __future__ import annotations

import re

from .record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .diagnostics.model import Path

    Placed = tuple[Any, Path, Any, "Problem | None"]
    """The data, the path and the value to store there; or what is wrong."""

_TAG = r"\w[\w.-]{0,127}"  # distribution/reference, regexp.go


@record
class Problem:
    """What is wrong with the value of the assignment (`at_value`), or else with its key."""

    message: str
    help: str
    at_value: bool


def place(data: Any, path: Path, value: Any) -> Placed:
    """What an assignment to `images.NAME`, to a key of it, or to `steps.NAME.image.tag` means. Others stay as they are."""
    section = data.get(path[0])
    entry = section.get(path[1]) if isinstance(section, dict) and len(path) > 1 else None
    keys = path[2:]
    if path[0] == "steps" and keys == ("image", "tag") and isinstance(entry, dict) and isinstance(entry.get("image"), str):
        named = entry["image"]
        if named in (data.get("images") or ()):
            help_ = f"write `images.{named}.tag=...`"
            return (
                data,
                path,
                value,
                Problem(f"the image of step `{path[1]}` is the name `{named}`: its tag stands in `images`", help_, False),
            )
        return _tag(data, path[:3], named, value)
    if path[0] != "images":
        return data, path, value, None
    if isinstance(entry, dict):
        if not keys and not isinstance(value, dict):
            return data, (*path, "ref"), value, None
        if keys == ("tag",) and isinstance(entry.get("ref"), str):
            return _tag(data, (*path[:2], "ref"), entry["ref"], value)
    elif isinstance(entry, str) and len(keys) == 1:
        if keys == ("ref",):
            return data, path[:2], value, None
        if keys == ("tag",):
            return _tag(data, path[:2], entry, value)
        return {**data, "images": {**section, path[1]: {"ref": entry}}}, path, value, None  # the long form, to have a place for the key
    return data, path, value, None


def _tag(data: Any, path: Path, reference: str, tag: Any) -> Placed:
    """The reference with another tag. A digest would still name the old image, so it goes."""
    if not isinstance(tag, str) or re.fullmatch(_TAG, tag, re.ASCII) is None:
        plain = "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(tag))[:60]
        help_ = "letters, digits, `_`, `.` and `-`, not starting with `.` or `-`, at most 128 characters"
        return data, path, tag, Problem(f"`{plain}` cannot be the tag of an image", help_, True)
    name = reference.partition("@")[0]
    before, colon, last = name.rpartition(":")
    return data, path, f"{before if colon and '/' not in last else name}:{tag}", None
