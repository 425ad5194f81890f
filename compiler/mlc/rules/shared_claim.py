"""MLC510: a claim made for the run, of the mode ReadWriteOnce, that steps use which can run at once.

Such a claim is attached to one node. The scheduler does not know that the second pod must go there too; where it lands elsewhere it
waits for the volume, and with a limit of parallelism the run may stand still.
"""

from __future__ import annotations

from ..diagnostics.model import Finding, Related
from ..ir import RunClaim, steps_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..diagnostics.model import Path
    from ..ir import Mount, Pipeline, Step
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn once of each such claim, where its mode is written, and show the first two steps."""
    users: dict[str, list[tuple[Step, Mount]]] = {}
    for step in pipeline.steps:
        for mount in step.all_mounts:
            if isinstance(mount.volume, RunClaim) and mount.volume.access_mode == "ReadWriteOnce":
                users.setdefault(mount.volume.name, []).append((step, mount))
    if not any(len(found) > 1 for found in users.values()):
        return
    earlier = before(pipeline)
    for name, found in users.items():
        pair = apart([step for step, _ in found], earlier)
        if pair is None:
            continue
        first, second = pair
        mounted, mount = (mount for step, mount in found if step in pair)
        entry = document.data["volumes"][name]
        path: Path = (*mount.volume.origin, "access_mode") if "access_mode" in entry else mount.volume.origin
        message = f"steps `{first.name}` and `{second.name}` can run at once, and volume `{name}` is for one node at a time"
        related = (Related(mounted.origin, "mounted here", "key"), Related(mount.origin, "and here", "key"))
        help = "say `access_mode: ReadWriteMany` where the storage can do that, or let one step need the other"
        findings.append(Finding("MLC510", message, path, "value" if "access_mode" in entry else "key", related=related, help=help))


def before(pipeline: Pipeline) -> dict[str, int]:
    """For each step, itself and those that have ended when it starts, as bits of a number: a thousand steps have a million pairs."""
    found: dict[str, int] = {}
    bits = {step.name: 1 << number for number, step in enumerate(pipeline.steps)}
    earlier = 0
    for group in (pipeline.run, pipeline.final):
        steps = steps_of(group) if group else ()
        for step in steps:
            found[step.name] = earlier | bits[step.name]
            for name in step.after:
                found[step.name] |= found[name]
        earlier = sum(bits[step.name] for step in steps)
    return found


def apart(users: Sequence[Step], earlier: dict[str, int]) -> tuple[Step, Step] | None:
    """Two of the steps of which neither waits for the other; `earlier` is what `before` says."""
    for number, second in enumerate(users):
        for first in users[:number]:
            own, other = earlier[first.name], earlier[second.name]
            if own & other not in (own, other):
                return first, second
    return None
