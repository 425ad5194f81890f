"""MLC510: a claim made for the run, of the mode ReadWriteOnce, that steps use which can run at once.

Such a claim is attached to one node. The scheduler does not know that the second pod must go there too; where it lands elsewhere it
waits for the volume, and with a limit of parallelism the run may stand still.
"""

from __future__ import annotations

from ..diagnostics.model import Finding, Related
from ..ir import RunClaim, Step, loops_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..diagnostics.model import Path
    from ..ir import Group, Mount, Pipeline
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn once of each such claim, where its mode is written, and show the first two steps."""
    users: dict[str, list[tuple[Step, Mount]]] = {}
    for step in pipeline.steps:
        for mount in step.all_mounts:
            if isinstance(mount.volume, RunClaim) and mount.volume.access_mode == "ReadWriteOnce":
                users.setdefault(mount.volume.name, []).append((step, mount))
    loops = many(pipeline)
    if not any(len(found) > 1 or found[0][0].name in loops for found in users.values()):
        return
    earlier = before(pipeline)
    for name, found in users.items():
        pair = apart([step for step, _ in found], earlier, loops)
        if pair is None:
            continue
        first, second = pair
        mounts = [mount for step, mount in found if step in pair]
        mounted, mount = mounts[0], mounts[-1]
        entry = document.data["volumes"][name]
        path: Path = (*mount.volume.origin, "access_mode") if "access_mode" in entry else mount.volume.origin
        who = f"steps `{first.name}` and `{second.name}`"
        related: tuple[Related, ...] = (Related(mounted.origin, "mounted here", "key"), Related(mount.origin, "and here", "key"))
        way = "let one step need the other"
        if first is second:
            who, related, way = f"items of step `{first.name}`", related[:1], f"say `parallel: 1` in step `{loops[first.name]}`"
        message = f"{who} can run at once, and volume `{name}` is for one node at a time"
        help = f"say `access_mode: ReadWriteMany` where the storage can do that, or {way}"
        findings.append(Finding("MLC510", message, path, "value" if "access_mode" in entry else "key", related=related, help=help))


def many(pipeline: Pipeline) -> dict[str, str]:
    """The loop of each step that can run for several items at once."""
    loops = ((group, group.loop) for group in loops_of(pipeline) if group.loop)
    several = [group for group, loop in loops if loop.parallel != 1 and (loop.rows is None or len(loop.rows) > 1)]
    return {child.name: group.name for group in several for child in group.children}


def before(pipeline: Pipeline) -> dict[str, int]:
    """For each step, itself and those that have ended when it starts, as bits of a number: a thousand steps have a million pairs."""
    bits = {step.name: 1 << number for number, step in enumerate(pipeline.steps)}
    found: dict[str, int] = {}
    earlier = 0
    for group in (pipeline.run, pipeline.final):
        if group:
            earlier |= _walk(group.children, earlier, bits, found)
    return found


def _walk(children: Sequence[Step | Group], earlier: int, bits: dict[str, int], found: dict[str, int]) -> int:
    """Fills `found` for the steps of a group, before which others have ended; all that have ended after it."""
    done: dict[str, int] = {}  # by step or loop: what has ended when it has
    for child in children:
        before = earlier
        for name in child.after:
            before |= done[name]
        if isinstance(child, Step):
            done[child.name] = found[child.name] = before | bits[child.name]
        else:
            done[child.name] = _walk(child.children, before, bits, found)
    for ended in done.values():
        earlier |= ended
    return earlier


def apart(users: Sequence[Step], earlier: dict[str, int], loops: dict[str, str]) -> tuple[Step, Step] | None:
    """Two of the steps of which neither waits for the other, or one twice that runs for several items at once.

    `earlier` is what `before` says, `loops` what `many` does.
    """
    for number, second in enumerate(users):
        if second.name in loops:
            return second, second
        for first in users[:number]:
            own, other = earlier[first.name], earlier[second.name]
            if own & other not in (own, other):
                return first, second
    return None
