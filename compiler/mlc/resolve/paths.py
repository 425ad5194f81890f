"""Paths in containers: their form, and who owns which."""

from __future__ import annotations

import posixpath

from ..diagnostics.model import Related
from ..ir import Claim, EmptyDir, Ephemeral, HostPath, Memory, Nfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..diagnostics.model import Path
    from ..ir import Input, Metric, Mount, Output, Value
    from .context import Context

_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-")


_SCRATCH = (Memory, EmptyDir, Ephemeral)
"""Volumes that are empty when a pod starts: other paths of a step may lie below them."""
_LASTING = (Claim, HostPath, Nfs)
"""Volumes that outlive the run: what an earlier run left there would pass for this one's."""


def check_form(context: Context, text: str, path: Path, *, root: bool = False) -> None:
    """Absolute, `[A-Za-z0-9._/-]`, in its shortest form; `/` alone only where it may be the `root`."""
    if "${{" in text:
        return  # reported with all other expressions that may not stand where they are
    if not text.startswith("/"):
        meant = text.removeprefix("./")
        help = f"paths in containers are absolute: `/{meant if meant[:1].isalnum() and _SAFE.issuperset(meant) else 'job'}`, for example"
        context.report("MLC309", f"`{text}` is a relative path", path, help=help)
    elif (text == "/" and not root) or not _SAFE.issuperset(text):
        context.report("MLC309", f"`{text}` is not a path", path, help="use letters, digits, `.`, `_`, `-` and `/`, and not `/` alone")
    elif ".." in text.split("/"):
        context.report("MLC309", f"`{text}` goes up with `..`", path, help="write the path that is meant")
    elif posixpath.normpath(text) != text or text.startswith("//"):
        help = f"write `/{posixpath.normpath(text).lstrip('/')}`"
        context.report("MLC309", f"`{text}` is not in its shortest form", path, help=help)


def check_sub_path(context: Context, text: str, path: Path) -> None:
    """A path inside a volume: relative, of the same characters, without `..`.

    Kubernetes: pkg/apis/core/validation, validateLocalDescendingPath.
    """
    if "${{" in text:
        return
    plain = posixpath.normpath(f"/{text}").strip("/")
    if text.startswith("/") or not plain or not _SAFE.issuperset(text) or ".." in text.split("/"):
        help = "write it relative to the volume, such as `models/v2`: letters, digits, `.`, `_`, `-` and `/`, without `..`"
        context.report("MLC309", f"`{text}` is not a path inside a volume", path, help=help)
    elif plain != text:
        context.report("MLC309", f"`{text}` is not in its shortest form", path, help=f"write `{plain}`")


class Place:
    """A path that a step uses, and for what."""

    def __init__(self, path: str, what: str, origin: Path, port: object) -> None:
        self.path, self.what, self.origin, self.port = path, what, origin, port


def check_places(
    context: Context,
    inputs: tuple[Input, ...],
    outputs: tuple[Output, ...],
    values: tuple[Value, ...],
    metrics: tuple[Metric, ...],
    mounts: tuple[Mount, ...],
) -> None:
    """No two paths of a step are equal or nested; what is declared lies in no volume that outlives the run.

    Below a `memory`, `empty_dir` or `ephemeral` mount is fine, and metrics may share a file. A file in a claim, on a node or a server may
    be an earlier run's: it would pass the gate. Nothing can be put into a mount that is read-only.
    """
    places = [Place(mount.path, mount.what, mount.origin, mount) for mount in mounts]
    places += [Place(port.path, f"input `{port.name}`", port.origin, port) for port in inputs]
    places += [Place(port.path, f"output `{port.name}`", port.origin, port) for port in outputs]
    places += [Place(port.path, f"value `{port.name}`", port.origin, port) for port in values]
    places += [Place(port.path, f"metric `{port.name}`", port.origin, port) for port in metrics]
    if len(places) < 2:
        return
    places.sort(key=lambda place: f"{place.path}/")
    open_places: list[Place] = []
    for place in places:
        while open_places and not f"{place.path}/".startswith(f"{open_places[-1].path}/"):
            open_places.pop()
        if open_places and not _compare(context, open_places[-1], place):
            continue
        open_places.append(place)


def _compare(context: Context, outer: Place, inner: Place) -> bool:
    """Report a clash; whether `inner` itself may still hold others."""
    from ..ir import Metric, Mount, Output, Value

    equal = outer.path == inner.path
    if isinstance(outer.port, Mount):
        volume = outer.port.volume
        if outer.port.read_only and not outer.port.dataset and not isinstance(inner.port, Mount):
            help = "mount it without `read_only`, or put the file elsewhere"
            related = (Related(outer.origin, "mounted here"),)
            context.report(
                "MLC331", f"{inner.what} lies in {outer.what}, which is mounted read-only", inner.origin, related=related, help=help
            )
            return False
        if isinstance(volume, _SCRATCH) and not equal:
            return True
        if isinstance(volume, _LASTING) and isinstance(inner.port, (Output, Value, Metric)):
            context.report(
                "MLC320",
                f"the file of {inner.what} lies in {outer.what}, which outlives the run",
                inner.origin,
                related=(Related(outer.origin, "mounted here"),),
                help="write it outside the volume: an earlier run's file would be taken for this run's",
            )
            return False
    if equal and type(outer.port) is type(inner.port) is Metric:
        return False
    first, second = sorted((outer, inner), key=lambda place: _order(context, place.origin))
    relation = "have the same path" if equal else "lie inside each other"
    context.report(
        "MLC309",
        f"{first.what} and {second.what} {relation}",
        second.origin,
        related=(Related(first.origin, f"{first.what} is here"),),
        help="give each its own path; only below a `memory`, `empty_dir` or `ephemeral` volume may others lie",
    )
    return not equal


def _order(context: Context, origin: Path) -> tuple[int, ...]:
    """The place of a path in the document, so that the later one of two gets the caret."""
    order: list[int] = []
    node: Any = context.data
    for part in origin:
        if isinstance(node, dict) and part in node:
            order.append(list(node).index(part))
            node = node[part]
        elif isinstance(node, list) and isinstance(part, int):
            order.append(part)
            node = node[part]
        else:
            break
    return tuple(order)
