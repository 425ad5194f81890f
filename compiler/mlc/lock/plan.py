"""What a project needs to have locked, what becomes of its lock file, and how that differs from what it was."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import locked, pins
from ..diagnostics.model import Diagnostic, Finding, Note
from ..driver import header
from ..emit import to_yaml
from ..pins import Lock, LockedImage, LockedSource, Source
from ..record import replace
from ..source import Document, locate, order, suppress
from .failure import Failure

if TYPE_CHECKING:
    from ..diagnostics.model import Path

Key = str | Source
"""What a lock file has an entry for: the reference of an image, or a version of data or code."""

CODE = "code"
"""What `--update` calls the project's code."""


@dataclass(frozen=True)
class Place:
    """Where something is written: a path in the document of the project, or of one of its environments."""

    document: Document
    path: Path

    def diagnostic(self, failure: Failure) -> Diagnostic:
        """A diagnostic that points there."""
        return locate(self.document, [Finding(failure.code, failure.message, self.path, help=failure.help)])[0]


def diagnostics(failures: Iterable[tuple[Place, Failure]]) -> list[Diagnostic]:
    """What could not be looked up. A reason is told once, such as a server that does not answer: at the first place that needs it."""
    reasons: dict[tuple[str, str, str], set[Diagnostic]] = {}
    for place, failure in failures:
        reasons.setdefault((failure.code, failure.message, failure.help), set()).add(place.diagnostic(failure))
    told = []
    for places in reasons.values():
        first, *others = sorted(places, key=order)
        told.append(replace(first, notes=tuple(dict.fromkeys(Note(one.file, one.span, "needed here, too") for one in others))))
    return sorted(told, key=order)


@dataclass
class Plan:
    """What a lock file of the project holds, each with the first place where it is written, and what it cannot hold.

    `names` says what the names of images and datasets mean, in the project and its environments.
    """

    places: dict[Key, Place] = field(default_factory=dict)
    names: dict[str, set[Key]] = field(default_factory=dict)
    open_ends: list[Diagnostic] = field(default_factory=list)

    def named(self, name: str) -> set[Key]:
        """What a name of `--update` means: a name of an image or a dataset, `code`, or the reference of an image."""
        return self.names.get(name) or {key for key in self.places if key == name}

    @property
    def known(self) -> list[str]:
        """What `--update` can name."""
        return [*self.names, *(key for key in self.places if isinstance(key, str))]


def plan(base: Document) -> Plan:
    """The plan of a project without errors."""
    found = Plan()
    for document, pipeline in locked.resolved(base):
        if pipeline is None:
            continue
        for reference, path in pins.images(document, pipeline).items():
            found.places.setdefault(reference, Place(document, path))
            if path[0] == "images":
                found.names.setdefault(str(path[1]), set()).add(reference)
        for source, path in pins.sources(document, pipeline).items():
            found.places.setdefault(source, Place(document, path))
            found.names.setdefault(source.name or CODE, set()).add(source)
        kept = suppress(document, locate(document, pins.open_ends(document, pipeline)))
        found.open_ends += [one for one in kept if one.code == "MLC454" and one not in found.open_ends]
    return found


def text(lock: Lock, project: str) -> str:
    """The text of a lock file: sorted, a value a line."""
    data: dict[str, object] = {"mlc-lock": locked.VERSION}
    if lock.images:
        data["images"] = {reference: _image(lock.images[reference]) for reference in sorted(lock.images)}
    sources = sorted(lock.sources, key=_order)
    if any(source.name for source in sources):
        datasets: dict[str, list[object]] = {}
        for source in sources:
            if source.name:
                datasets.setdefault(source.name, []).append(_source(source, lock.sources[source]))
        data["datasets"] = datasets
    code = [_source(source, lock.sources[source]) for source in sources if not source.name]
    if code:
        data["code"] = code
    return to_yaml([data], header(project))


def _order(source: Source) -> tuple[str, ...]:
    return (source.name, source.kind, source.repo, source.path, source.by, source.version)


def _image(entry: LockedImage) -> dict[str, object]:
    return {
        "digest": entry.digest,
        "platform": entry.platform,
        "entrypoint": list(entry.entrypoint),
        "command": list(entry.command),
    }


def _source(source: Source, entry: LockedSource) -> dict[str, object]:
    where = {source.kind: source.repo, **({"path": source.path} if source.path else {})}
    return {**where, source.by: source.version, **_facts(entry)}


def _facts(entry: LockedSource) -> dict[str, object]:
    known: dict[str, object] = {"commit": entry.commit}
    if entry.hash:
        known["hash"] = entry.hash
    known.update((name, number) for name, number in (("size", entry.size), ("files", entry.files)) if number >= 0)
    return known


def changes(old: Lock, new: Lock) -> list[str]:
    """What is different in a new lock file, a line each, for people."""
    images = {f"image {reference}": (old.images.get(reference), new.images.get(reference)) for reference in {*old.images, *new.images}}
    sources = {
        pins.called(source).replace("`", ""): (old.sources.get(source), new.sources.get(source))
        for source in sorted({*old.sources, *new.sources}, key=_order)
    }
    return [line for both in (images, sources) for what in sorted(both) for line in _changes(what, *both[what])]


def _changes(what: str, before: LockedImage | LockedSource | None, after: LockedImage | LockedSource | None) -> Iterable[str]:
    if before == after:
        return
    if before is None:
        yield f"{what}: new, {next(iter(_values(after).values()))}"
    elif after is None:
        yield f"{what}: no longer used"
    else:
        was, now = _values(before), _values(after)
        for key in {**was, **now}:
            if was.get(key) != now.get(key):
                yield f"{what}: {key} was {_shown(was.get(key))}, is {_shown(now.get(key))}"


def _values(entry: LockedImage | LockedSource | None) -> dict[str, object]:
    return _image(entry) if isinstance(entry, LockedImage) else _facts(entry) if entry is not None else {}


def _shown(value: object) -> str:
    return "unknown" if value is None else json.dumps(value, ensure_ascii=False) if isinstance(value, list) else str(value)
