"""`targets.NAME.patch`: which steps are meant. What the operations do is known only when the manifest is there."""

from __future__ import annotations

from ..ir import Patch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..diagnostics.model import Path
    from .context import Context


def resolve(context: Context, entries: Sequence[dict[str, Any]], path: Path) -> tuple[Patch, ...]:
    """The patches of a target, in order; steps of `finally` may be named too, and those that fetch and publish data."""
    steps = [name for section in ("steps", "finally") for name in context.data.get(section) or {}]
    steps += context.helpers or ()
    unsure = context.helpers is None and bool(context.data.get("datasets") or context.data.get("code"))
    for index, entry in enumerate(entries):
        step = entry.get("step", "")
        if step and step not in steps and not (unsure and step.startswith("x-")):
            context.unknown("MLC301", f"the patch is for step `{step}`, which does not exist", (*path, index, "step"), step, steps)
        if ("merge" in entry) == ("json" in entry):
            message = f"a patch has {'both' if 'merge' in entry else 'neither'} `merge` {'and' if 'merge' in entry else 'nor'} `json`"
            context.report("MLC209", message, (*path, index), help="give one of `merge` and `json`")
        for number, operation in enumerate(entry.get("json", ())):
            _check_keys(context, operation, (*path, index, "json", number))
    return tuple(
        Patch(entry.get("step", ""), entry.get("merge"), tuple(entry.get("json", ())), (*path, index))
        for index, entry in enumerate(entries)
    )


def _check_keys(context: Context, operation: dict[str, Any], path: Path) -> None:
    kind = operation["op"]
    wanted = "from" if kind in ("move", "copy") else "" if kind == "remove" else "value"
    if wanted and wanted not in operation:
        context.report("MLC209", f"`{kind}` needs a `{wanted}`", (*path, "op"), help=f"add `{wanted}`")
    for key in ("from", "value"):
        if key in operation and key != wanted:
            context.report("MLC209", f"`{kind}` has no `{key}`", (*path, key), at="key", help=f"remove `{key}`")
