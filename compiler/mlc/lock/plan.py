"""What a project needs to have locked, what becomes of its lock file, and how that differs from what it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import locked, pins
from ..diagnostics.model import Diagnostic, Finding
from ..driver import header
from ..emit import to_yaml
from ..pins import Lock, LockedImage
from ..source import Document, locate, suppress

if TYPE_CHECKING:
    from ..diagnostics.model import Path


@dataclass(frozen=True)
class Place:
    """Where something is written: a path in the document of the project, or of one of its environments."""

    document: Document
    path: Path

    def diagnostic(self, code: str, message: str, help: str) -> Diagnostic:
        """A diagnostic that points there."""
        return locate(self.document, [Finding(code, message, self.path, help=help)])[0]


@dataclass
class Plan:
    """The references that a lock file of the project holds, each with the first place where it is written, and what it cannot hold.

    `names` says which references the names under `images` mean, in the project and its environments.
    """

    images: dict[str, Place] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)
    open_ends: list[Diagnostic] = field(default_factory=list)

    def named(self, name: str) -> set[str]:
        """The references that a name of `--update` means: a name under `images`, or a reference itself."""
        return self.names.get(name, set()) or {name} & self.images.keys()

    @property
    def known(self) -> list[str]:
        """What `--update` can name."""
        return [*self.names, *self.images]


def plan(base: Document) -> Plan:
    """The plan of a project without errors."""
    found = Plan()
    for document, pipeline in locked.resolved(base):
        if pipeline is None:
            continue
        for reference, path in pins.images(document, pipeline).items():
            found.images.setdefault(reference, Place(document, path))
            if path[0] == "images":
                found.names.setdefault(str(path[1]), set()).add(reference)
        kept = suppress(document, locate(document, pins.open_ends(document, pipeline)))
        found.open_ends += [one for one in kept if one.code == "MLC454" and one not in found.open_ends]
    return found


def text(lock: Lock, project: str) -> str:
    """The text of a lock file: sorted, an entry a line where it has one value."""
    data: dict[str, object] = {"mlc-lock": locked.VERSION}
    if lock.images:
        data["images"] = {reference: _image(lock.images[reference]) for reference in sorted(lock.images)}
    return to_yaml([data], header(project))


def _image(entry: LockedImage) -> dict[str, object]:
    return {
        "digest": entry.digest,
        "platform": entry.platform,
        "entrypoint": list(entry.entrypoint),
        "command": list(entry.command),
    }


def changes(old: Lock, new: Lock) -> list[str]:
    """What is different in a new lock file, a line each, for people."""
    return list(_changes("image", old.images, new.images))


def _changes(kind: str, old: Mapping[str, LockedImage], new: Mapping[str, LockedImage]) -> Iterable[str]:
    for reference in sorted({*old, *new}):
        before, after = old.get(reference), new.get(reference)
        if before == after:
            continue
        start = f"{kind} {reference}"
        if before is None and after is not None:
            yield f"{start}: new, {after.digest}"
        elif after is None:
            yield f"{start}: no longer used"
        elif before is not None:
            yield from (f"{start}: {line}" for line in _differences(_image(before), _image(after)))


def _differences(before: Mapping[str, object], after: Mapping[str, object]) -> Iterable[str]:
    for key in after:
        if before[key] != after[key]:
            yield f"{key} was {_shown(before[key])}, is {_shown(after[key])}"


def _shown(value: object) -> str:
    return str(value) if isinstance(value, str) else "[" + ", ".join(map(repr, value)) + "]" if isinstance(value, list) else str(value)
