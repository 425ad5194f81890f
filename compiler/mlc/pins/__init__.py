"""What a lock file holds, laid over a project: images by their digests, with the programs that only a registry knows; data and
source code by their commits.

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
    from typing import Literal as Choice

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
class Source:
    """A version of something in a repository, as the project names it: a dataset, or with the `name` "" the project's code.

    `kind` is what reads it, `path` where it is in the repository ("" for all of it), and `by` says what `version` is.
    """

    name: str
    kind: Choice["dvc", "git"]
    repo: str
    path: str
    by: Choice["tag", "rev", "ref"]
    version: str


@record
class LockedSource:
    """What a version stood for.

    `hash` is that of DVC, with its algorithm before a colon; `size` is bytes, `files` how many: "" and -1 for what is unknown.
    """

    commit: str
    hash: str = ""
    size: int = -1
    files: int = -1


@record
class Lock:
    """The content of a lock file. `images` is by reference as the project writes it."""

    images: dict[str, LockedImage]
    sources: dict[Source, LockedSource]


NOTHING = Lock({}, {})


def read(data: dict[str, Any]) -> Lock:
    """The content of a lock file of the right form."""
    images = {
        reference: LockedImage(entry["digest"], entry["platform"], tuple(entry["entrypoint"]), tuple(entry["command"]))
        for reference, entry in (data.get("images") or {}).items()
    }
    return Lock(images, {source: LockedSource(*facts) for source, facts, _ in entries(data)})


def entries(data: dict[str, Any]) -> Iterator[tuple[Source, tuple[Any, ...], Path]]:
    """The versions in a lock file of the right form, what is known of each, and where it stands in the file."""
    places = [
        *((name, one, ("datasets", name, index)) for name, ones in (data.get("datasets") or {}).items() for index, one in enumerate(ones)),
        *(("", one, ("code", index)) for index, one in enumerate(data.get("code") or ())),
    ]
    for name, one, path in places:
        kind: Choice["dvc", "git"] = "dvc" if "dvc" in one else "git"
        by: Choice["tag", "rev", "ref"] = "tag" if "tag" in one else "rev" if "rev" in one else "ref"
        facts = (one["commit"], one.get("hash", ""), one.get("size", -1), one.get("files", -1))
        yield Source(name, kind, one[kind], one.get("path", ""), by, one[by]), facts, path


# --- what a project needs -----------------------------------------------------------------------------------------------------


def images(document: Document, pipeline: Pipeline) -> dict[str, Path]:
    """Every reference of an image that a lock file can hold, in the order of the steps, with the first place where it is written."""
    found: dict[str, Path] = {}
    for image in _images(pipeline):
        if image.ref and image.text is None and image.ref not in found:
            found[image.ref] = _written(document, image)
    return found


def sources(document: Document, pipeline: Pipeline) -> dict[Source, Path]:
    """Every version of data that is fetched, and of code, that a lock file can hold, with the place where it is written."""
    found: dict[Source, Path] = {}
    for name, entry in _fetched(document, pipeline):
        kind: Choice["dvc", "git"] = "dvc" if "dvc" in entry else "git"
        by: Choice["tag", "rev"] = "tag" if "tag" in entry else "rev"
        if "s3" not in entry and "${{" not in entry[by]:
            place = entry[kind]
            found[Source(name, kind, place["repo"], place["path"], by, entry[by])] = ("datasets", name, by)
    code = document.data.get("code")
    if code and ("code",) in _made(pipeline):
        found[Source("", "git", code["git"], "", "ref", code["ref"])] = ("code", "ref")
    return found


def _fetched(document: Document, pipeline: Pipeline) -> Iterator[tuple[str, dict[str, Any]]]:
    """The datasets that steps read and no step makes: each has a step that fetches it, to a volume or not."""
    datasets = document.data.get("datasets") or {}
    written = {port.name for step in pipeline.steps for port in step.outputs if not step.made}
    moved = _made(pipeline)
    return ((name, entry) for name, entry in datasets.items() if ("datasets", name) in moved and name not in written)


def _made(pipeline: Pipeline) -> set[Path]:
    """What the compiler made steps for: the places of datasets, and of the code."""
    return {step.origin for step in pipeline.steps if step.made}


def open_ends(document: Document, pipeline: Pipeline) -> Iterator[Finding]:
    """Warn of each image and each version that no lock file can hold (MLC454), once for each place where one is written."""
    for name, entry in _fetched(document, pipeline):
        if "s3" in entry and "version" not in entry["s3"]:
            help = "write the `version` that the bucket has for the object; where it keeps none, nothing can be pinned"
            message = f"dataset `{name}` is what its bucket holds when a run starts: no lock file holds that"
            yield Finding("MLC454", message, ("datasets", name, "s3"), "key", help=help)
        elif "${{" in entry.get("tag", ""):
            help = "write the tag out, and let environments or `--set` change it; or leave it to the run on purpose"
            message = f"only a run knows which version of dataset `{name}` is fetched, so no lock file holds it"
            yield Finding("MLC454", message, ("datasets", name, "tag"), help=help)
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


def pinned(document: Document, pipeline: Pipeline, lock: Lock, findings: list[Finding], *, programs: bool = True) -> Pipeline:
    """The pipeline with each image at its digest, and (with `programs`) with the command of its image where a step has none.

    What the lock does not hold is reported (MLC452), as is an image that a step cannot start (MLC455), and stays as it is.
    """
    for reference, path in images(document, pipeline).items():
        if reference not in lock.images:
            findings.append(Finding("MLC452", f"image `{reference}` is not in the lock file", path, help=_add(document, path)))
    commits: dict[Path, str] = {}
    for source, path in sources(document, pipeline).items():
        if source in lock.sources:
            commits[path] = lock.sources[source].commit
        else:
            findings.append(Finding("MLC452", f"{called(source)} is not in the lock file", path, help=_add(document, path)))
    findings.extend(open_ends(document, pipeline))
    pins = _Pins(lock, commits, findings, programs=programs)
    for step in pipeline.steps:
        pins.place(step)
    done = replace(pipeline, run=pins.group(pipeline.run), final=pins.group(pipeline.final) if pipeline.final else None)
    if any(step.cache is not None and step.cache.enabled for step in done.steps):
        from . import caches

        return caches.by_version(done, pins.fetched)
    return done


def _add(document: Document, path: Path) -> str:
    """How something comes into the lock file, which is about what is written in the project."""
    if any(path[: len(override)] == override for override, _ in document.overrides):
        return "a lock file holds what the spec and its environments say: write it there, or leave out `--locked`"
    return f"look it up and write it there: `mlc lock {document.source.name}`"


def called(source: Source) -> str:
    """A version in words: `tag `v1.0` of dataset `reviews``."""
    return (
        f"{'commit' if source.by == 'rev' else source.by} `{source.version}` of {f'dataset `{source.name}`' if source.name else '`code`'}"
    )


def at_digest(reference: str, digest: str) -> str:
    """The reference with a digest. Its tag stays, for people: with both, a container runtime goes by the digest alone.

    distribution/reference, which kubelets and containerd parse images with, takes `name:tag@digest` (`reference.go`, `Parse`).
    """
    return f"{reference.partition('@')[0]}@{digest}"


class _Pins:
    """Replaces the images of steps, and the versions that the compiler's own steps fetch.

    `commits` is by the place where a version is written. `fetched` becomes the commit that a step fetches, by the name of the step, and
    `folders` the folder of a commit, by the volume and the folder of the name that stands for it.
    """

    def __init__(self, lock: Lock, commits: dict[Path, str], findings: list[Finding], *, programs: bool) -> None:
        self.lock, self.commits, self.findings, self.programs = lock, commits, findings, programs
        self.fetched: dict[str, str] = {}
        self.folders: dict[tuple[str, str], str] = {}

    def place(self, step: Step) -> None:
        """Give what a step fetches to a volume a folder for its commit: a run with another one, or without a lock, may use the volume."""
        commit = next((commit for index in range(len(step.args)) if (commit := self.commits.get(step.where("args", index)))), "")
        for key, _, path in ((word.constant or "").partition("=") for word in step.args if step.made and commit):
            for mount in step.mounts:
                if key == "out" and path.startswith(f"{mount.path}/"):
                    folder = path[len(mount.path) + 1 :]
                    self.folders[mount.volume.name, folder] = f"{folder}-{commit[:12]}"

    def group(self, group: Group) -> Group:
        """A group with the images of its steps pinned."""
        children = tuple(self.group(child) if isinstance(child, Group) else self.step(child) for child in group.children)
        return replace(group, children=children)

    def step(self, step: Step) -> Step:
        """A step with its own image and those of the containers beside it."""
        image, program = self.pinned(step, f"step `{step.name}`")
        init = tuple(self.container(one, step) for one in step.init)
        sidecars = tuple(self.container(one, step) for one in step.sidecars)
        if self.commits and step.made:
            program["args"] = tuple(self.version(step, index) for index in range(len(step.args)))
        if self.folders:
            folders = ((mount, self.folders.get((mount.volume.name, mount.sub_path), mount.sub_path)) for mount in step.mounts)
            program["mounts"] = tuple(replace(mount, sub_path=folder) for mount, folder in folders)
        return replace(step, image=image, **program, init=init, sidecars=sidecars)

    def version(self, step: Step, index: int) -> Text:
        """An argument of a step that fetches; one that says which version says the commit."""
        commit = self.commits.get(step.where("args", index))
        if commit is None:
            return self.placed(step, step.args[index])
        self.fetched[step.name] = commit
        return replace(step.args[index], pieces=(f"rev={commit}",))

    def placed(self, step: Step, word: Text) -> Text:
        """An argument of a step that fetches; one that says where on a volume names the folder of the commit."""
        text = word.constant or ""
        for (volume, old), new in self.folders.items():
            for mount in step.mounts:
                place = f"{mount.path}/{old}"
                if mount.volume.name == volume and text in (f"out={place}", f"marker={place}.version"):
                    return replace(word, pieces=(text.replace(place, f"{mount.path}/{new}"),))
        return word

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
        if part.command is not None or part.script is not None or not self.programs:
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
