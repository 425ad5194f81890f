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
    """What an assignment to `images.NAME`, to a key of it, or to a key of the `image` of a step means. Others stay as they are."""
    if path[0] in _HOLDERS and path[-2:-1] == ("image",):
        return _of_holder(data, path, value)
    section = data.get(path[0])
    entry = section.get(path[1]) if isinstance(section, dict) and len(path) > 1 else None
    keys = path[2:]
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


_HOLDERS = ("steps", "finally", "defaults", "templates")


def _of_holder(data: Any, path: Path, value: Any) -> Placed:
    """`KEY.image.tag`: of a step, a layer under it or a container beside it, where the image is a reference in that very place."""
    at, key = path[:-1], str(path[-1])
    shown = ".".join(map(str, at))
    holder: Any = data
    for part in at[:-1]:
        holder = holder.get(part) if isinstance(holder, dict) else None
    named = holder.get("image") if isinstance(holder, dict) else None
    known = data.get("images") or ()
    if isinstance(named, str):
        if named in known:
            message = f"`{shown}` is the name `{named}`: its `{key}` stands in `images`"
            return data, path, value, Problem(message, f"write `images.{named}.{key}=...`", False)
        if key == "tag":
            return _tag(data, at, named, value)
        help_ = "give the image a name under `images` in the file, and set its key there"
        return (
            data,
            path,
            value,
            Problem(f"`{shown}` is a reference, which has no `{key}`", f"write `{shown}=...`" if key == "ref" else help_, False),
        )
    layer, inherited = _layer(data, holder) if path[0] in ("steps", "finally") and len(path) == 4 else ("", "")
    if layer:
        help_ = f"write `{f'images.{inherited}' if inherited in known else f'{layer}.image'}.{key}=...`"
        return data, path, value, Problem(f"`{shown}` is not there: the step has the image of `{layer}`", help_, False)
    return data, path, value, Problem(f"`{shown}` is not there", f"write the whole reference, `{shown}=...`", False)


def _layer(data: Any, step: Any) -> tuple[str, str]:
    """Where a step without an image of its own has it from, and what stands there."""
    template = step.get("use") if isinstance(step, dict) else None
    for place in ([("templates", template)] if isinstance(template, str) else []) + [("defaults",)]:
        layer: Any = data
        for part in place:
            layer = layer.get(part) if isinstance(layer, dict) else None
        if isinstance(layer, dict) and isinstance(layer.get("image"), str):
            return ".".join(place), layer["image"]
    return "", ""


def _tag(data: Any, path: Path, reference: str, tag: Any) -> Placed:
    """The reference with another tag. A digest would still name the old image, so it goes."""
    if not isinstance(tag, str) or re.fullmatch(_TAG, tag, re.ASCII) is None:
        plain = "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(tag))[:60]
        help_ = "letters, digits, `_`, `.` and `-`, not starting with `.` or `-`, at most 128 characters"
        return data, path, tag, Problem(f"`{plain}` cannot be the tag of an image", help_, True)
    name = reference.partition("@")[0]
    before, colon, last = name.rpartition(":")
    return data, path, f"{before if colon and '/' not in last else name}:{tag}", None
