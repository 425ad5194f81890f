"""The lock file of a project: read and checked, and laid over what was resolved. A part of the driver, used with `--locked` alone."""

from __future__ import annotations

import json
from copy import copy

from . import pins, reader, resolve, schema
from .diagnostics.model import Finding
from .record import replace
from .resolve import environments
from .source import Document, SourceFile, locate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .diagnostics.model import Diagnostic, Path
    from .ir import Pipeline
    from .pins import Lock, Source

    _Needs = tuple[set[str], set[Source]]

VERSION = "v1"
_WHOLE = (40, 64)
"""The lengths of a whole commit, in SHA-1 and in SHA-256."""


def file_name(spec: str) -> str:
    """The name of a spec's lock file."""
    return f"{spec}.lock"


def way_out(name: str) -> str:
    """What to do about a lock file that cannot be used, as a help text: nobody puts it right by hand."""
    return f"write the file anew: `mlc lock {name.removesuffix('.lock')}`"


class Locked:
    """A lock file and what is wrong with it. `document` is None, and `lock` empty, where it cannot be used.

    `newer`: its form is not one of this version of mlc, which must not write over it. `programs`: whether steps that name no program get
    the one that the file has for their image.
    """

    def __init__(self, source: SourceFile, *, programs: bool = True) -> None:
        """Read a lock file."""
        self.source, self.programs = source, programs
        self.findings: list[Finding] = []
        self.newer = False
        self.document = self._read() if source.text.strip() else None
        self.lock: Lock = pins.read(self.document.data) if self.document else pins.NOTHING
        self._of_all: list[_Needs | None] = []

    def again(self) -> Locked:
        """The file for another environment of the same project, with its own findings. What all environments need is found out once."""
        other = copy(self)
        other.findings = [*self.findings]
        return other

    @property
    def missing(self) -> bool:
        """Whether there is no such file, or nothing in it."""
        return not self.source.text.strip()

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What was found, with positions in the lock file."""
        return locate(self.document or Document(self.source, {}), self.findings)

    def _read(self) -> Document | None:
        document = reader.read(self.source, self.findings)
        if document is None or self.findings:
            help = way_out(self.source.name)  # the reader's own words are for who writes a spec
            empty = "the file holds no versions"
            self.findings = [replace(one, help=help, message=empty if one.code == "MLC111" else one.message) for one in self.findings]
            return None
        problem = _problem(document.data) or _contradiction(document.data)
        if problem is None:
            return document
        message, path, help = problem
        self.newer = path == ("mlc-lock",)
        self.findings.append(Finding("MLC451", message, path, "key", help=help))
        return None

    def pinned(self, base: Document, document: Document, pipeline: Pipeline, findings: list[Finding]) -> Pipeline:
        """The pipeline at what the lock file holds.

        `document` is `base` with an environment and overrides laid over it. What the project needs and the file does not hold is added
        to `findings`, what the file holds and no environment needs (MLC453) to those of the file.
        """
        if self.missing:
            help = f"write it with `mlc lock {base.source.name}`, and keep it beside the spec"
            message = f"lock file `{self.source.name}` is empty" if self.source.text else f"there is no lock file `{self.source.name}`"
            findings.append(Finding("MLC450", message, ("name",), help=help))
            return pipeline
        if self.document is None:
            return pipeline
        pipeline_pinned = pins.pinned(document, pipeline, self.lock, findings, programs=self.programs)
        self._left_over(base, document, pipeline)
        return pipeline_pinned

    def _left_over(self, base: Document, document: Document, pipeline: Pipeline) -> None:
        """Report what neither this project nor one of its environments uses."""
        images = self.lock.images.keys() - pins.images(document, pipeline).keys()
        sources = self.lock.sources.keys() - pins.sources(document, pipeline).keys()
        if not images and not sources:
            return
        if not self._of_all:
            self._of_all.append(_needs(base))
        if self._of_all[0] is None:
            return
        images -= self._of_all[0][0]
        sources -= self._of_all[0][1]
        places: dict[str, Path] = {f"image `{reference}`": ("images", reference) for reference in self.lock.images if reference in images}
        data = self.document.data if self.document else {}
        places.update({pins.called(source): path for source, _, path in pins.entries(data) if source in sources})
        help = way_out(self.source.name)
        for what, path in places.items():
            self.findings.append(Finding("MLC453", f"the project does not use {what} any more", path, "key", help=help))


def resolved(base: Document) -> Iterator[tuple[Document, Pipeline | None]]:
    """The project, and the project in each of its environments, as the file has it; None for one with errors."""
    for name in ("", *environments.names(base.data)):
        findings: list[Finding] = []
        document = environments.apply(base, name, findings) if name else base
        yield document, resolve.resolve(document, findings) if schema.validate(document.data, findings) and not findings else None


def _needs(base: Document) -> _Needs | None:
    """The images and versions that the project or one of its environments needs; None where one has errors, so that nobody knows."""
    images: set[str] = set()
    sources: set[Source] = set()
    for document, pipeline in resolved(base):
        if pipeline is None:
            return None
        images.update(pins.images(document, pipeline))
        sources.update(pins.sources(document, pipeline))
    return images, sources


def _contradiction(data: dict[str, Any]) -> tuple[str, Path, str] | None:
    """A digest or commit that is not the one which the project itself names, as after a bad merge; where it stands, and what to do."""
    help = "the project names another one: write the file anew with `mlc lock`"
    for reference, entry in (data.get("images") or {}).items():
        named = reference.partition("@")[2]
        if named and named != entry["digest"]:
            return f"`{reference}` cannot be `{entry['digest']}`", ("images", reference, "digest"), help
    for source, (commit, *_), path in pins.entries(data):
        whole = len(source.version) in _WHOLE and not source.version.strip("0123456789abcdef")
        if (source.by == "rev" or (source.by == "ref" and whole)) and not commit.startswith(source.version):
            return f"{pins.called(source)} cannot be `{commit}`", (*path, "commit"), help
    return None


def _problem(data: dict[str, Any]) -> tuple[str, Path, str] | None:
    """What is wrong with the form of a lock file, in which part, and what to do."""
    form = json.loads(schema.schema_text("lock"))
    if schema.compile_checker(form)(data):
        return None
    help = "it is written by `mlc lock` alone: restore it, or write it anew"
    version = data.get("mlc-lock")
    if version is None:
        return "this is no lock file: it does not start with `mlc-lock: v1`", (), help
    if version != VERSION:
        return f"this version of mlc reads lock files of form `{VERSION}`, and this one is `{version}`", ("mlc-lock",), "update mlc"
    for section, value in data.items():
        node = form["properties"].get(section)
        if node is None:
            return f"a lock file has no `{section}`", (section,), help
        others = node.get("additionalProperties")
        if isinstance(others, dict) and isinstance(value, dict):
            check = schema.compile_checker({**others, "$defs": form["$defs"]})
            for name, entry in value.items():
                if not check(entry):
                    return f"the entry of `{name}` is not as `mlc lock` writes it", (section, name), help
        elif not schema.compile_checker({**node, "$defs": form["$defs"]})(value):
            return f"`{section}` is not as `mlc lock` writes it", (section,), help
    return "this is not as `mlc lock` writes it", (), help
