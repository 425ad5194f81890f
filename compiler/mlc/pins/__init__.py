"""What a lock file holds, laid over a project: images by their digests, with the programs that only a registry knows.

A pipeline with its pins is one like any other: rules and targets see references with a digest and steps with a command.
"""

from __future__ import annotations

from ..diagnostics.model import Finding
from ..ir import Group, Image, Text
from ..record import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..diagnostics.model import Path
    from ..ir import Container, Pipeline, Step
    from ..source import Document


@record
class LockedImage:
    """What a registry had under a reference. `digest` is of the manifest or, of an image for several platforms, of its index.

    `entrypoint` and `command` are those of the image for `platform`, each () where it has none.
    """

    digest: str
    platform: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]


@record
class Lock:
    """The content of a lock file. `images` is by reference as the project writes it."""

    images: dict[str, LockedImage]


NOTHING = Lock({})


def read(data: dict[str, Any]) -> Lock:
    """The content of a lock file of the right form."""
    images = {
        reference: LockedImage(entry["digest"], entry["platform"], tuple(entry["entrypoint"]), tuple(entry["command"]))
        for reference, entry in (data.get("images") or {}).items()
    }
    return Lock(images)


# --- what a project needs -----------------------------------------------------------------------------------------------------


def images(document: Document, pipeline: Pipeline) -> dict[str, Path]:
    """Every reference of an image that a lock file can hold, in the order of the steps, with the first place where it is written."""
    found: dict[str, Path] = {}
    for image in _images(pipeline):
        if image.ref and image.text is None and image.ref not in found:
            found[image.ref] = _written(document, image)
    return found


def open_ends(document: Document, pipeline: Pipeline) -> Iterator[Finding]:
    """Warn of each image that no lock file can hold (MLC454), once for each place where one is written."""
    seen: set[Path] = set()
    for image in _images(pipeline):
        path = _written(document, image)
        if image.text is None or path in seen:
            continue
        seen.add(path)
        help = "write the reference out, and let environments or `--set` change it; or leave it to the run on purpose"
        yield Finding("MLC454", f"only a run knows which image `{image.ref}` is, so no lock file holds it", path, help=help)


def _images(pipeline: Pipeline) -> Iterator[Image]:
    for step in pipeline.steps:
        yield step.image
        yield from (container.image for container in step.beside)


def _written(document: Document, image: Image) -> Path:
    """Where the reference of an image stands."""
    if not image.settings_origin:
        return image.origin
    entry = document.data["images"][image.settings_origin[1]]
    return (*image.settings_origin, "ref") if isinstance(entry, dict) else image.settings_origin


# --- the project with its pins ------------------------------------------------------------------------------------------------


def pinned(document: Document, pipeline: Pipeline, lock: Lock, findings: list[Finding]) -> Pipeline:
    """The pipeline with each image at its digest, and with the command of its image where a step has none.

    What the lock does not hold is reported (MLC452), as is an image that a step cannot start (MLC455), and stays as it is.
    """
    for reference, path in images(document, pipeline).items():
        if reference not in lock.images:
            help = f"look it up and write it there: `mlc lock {document.source.name}`"
            findings.append(Finding("MLC452", f"image `{reference}` is not in the lock file", path, help=help))
    findings.extend(open_ends(document, pipeline))
    pins = _Pins(lock, findings)
    return replace(pipeline, run=pins.group(pipeline.run), final=pins.group(pipeline.final) if pipeline.final else None)


def at_digest(reference: str, digest: str) -> str:
    """The reference with a digest. Its tag stays, for people: with both, a container runtime goes by the digest alone.

    distribution/reference, which kubelets and containerd parse images with, takes `name:tag@digest` (`reference.go`, `Parse`).
    """
    return f"{reference.partition('@')[0]}@{digest}"


class _Pins:
    """Replaces the images of steps."""

    def __init__(self, lock: Lock, findings: list[Finding]) -> None:
        self.lock, self.findings = lock, findings

    def group(self, group: Group) -> Group:
        """A group with the images of its steps pinned."""
        children = tuple(self.group(child) if isinstance(child, Group) else self.step(child) for child in group.children)
        return replace(group, children=children)

    def step(self, step: Step) -> Step:
        """A step with its own image and those of the containers beside it."""
        image, program = self.pinned(step, f"step `{step.name}`")
        init = tuple(self.container(one, step) for one in step.init)
        return replace(step, image=image, **program, init=init, sidecars=tuple(self.container(one, step) for one in step.sidecars))

    def container(self, container: Container, step: Step) -> Container:
        """A container beside a step."""
        image, program = self.pinned(container, f"container `{container.name}` of step `{step.name}`")
        return replace(container, image=image, **program)

    def pinned(self, part: Step | Container, who: str) -> tuple[Image, dict[str, Any]]:
        """The image of a step or container, and its `command` and `args` where the image has to say them."""
        image = part.image
        entry = self.lock.images.get(image.ref) if image.text is None else None
        if entry is None:
            return image, {}
        new = replace(image, ref=at_digest(image.ref, entry.digest))
        if part.command is not None or part.script is not None:
            return new, {}
        return new, self.program(part, entry, who)

    def program(self, part: Step | Container, entry: LockedImage, who: str) -> dict[str, Any]:
        """What runs where the image says it, as Kubernetes has it: its entrypoint with the `args` given, or else with its command.

        Without an entrypoint, what would be its arguments is the program.
        """
        origin = part.image.origin
        args = part.args or tuple(Text((word,) if word else (), origin) for word in entry.command)
        if entry.entrypoint:
            return {"command": tuple(Text((word,) if word else (), origin) for word in entry.entrypoint), "args": args}
        if args and args[0].constant:
            return {"command": args[:1], "args": args[1:]}
        message = f"the image of {who} names no program, and neither does the {'step' if who.startswith('step') else 'container'}"
        if args:
            message = f"the image of {who} has no entrypoint, so its program would be the first of `args`, which only a run knows"
        self.findings.append(Finding("MLC455", message, origin, help="say what to run with `command`"))
        return {}
