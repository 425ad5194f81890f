"""What stands for a cluster on this machine: `mlc.local.yaml` beside the spec, the options of the command line, and `MLC_...` variables.

The file is read by the caller, who knows YAML; here its form is checked (MLC2xx, as in a spec) and its paths are made absolute: relative
ones start at the file, those of options at the current folder, and `~` is the home folder.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ..diagnostics.model import Finding
from ..diagnostics.suggest import did_you_mean
from ..scalars import source_text, spelling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..diagnostics.model import Path as Place
    from ..ir import Image

FILE = "mlc.local.yaml"

Found = TypeVar("Found")

RUNNERS = ("podman", "docker", "process")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Misuse(ValueError):
    """An option or an `MLC_...` variable that cannot be understood; the message is for a person."""


@dataclass(frozen=True)
class Source:
    """Where a value comes from: a file, a variable of the environment, or (config maps alone) the settings themselves."""

    kind: Literal["file", "env", "value"]
    text: str


@dataclass(frozen=True)
class Keys:
    """The keys of a secret or config map: each file of `folder`, and `keys`, which go before those."""

    folder: Path | None = None
    keys: Mapping[str, Source] = field(default_factory=dict)


@dataclass(frozen=True)
class Engine:
    """How podman or docker is called: `PROGRAM OPTIONS run ... ARGS IMAGE`.

    `runtime` is the OCI runtime, "" for the engine's own choice. `limits`: whether memory and CPU are limited as the spec says.
    `gpu`: whether steps get the GPUs that they ask for, None where that depends on whether this machine has some.
    """

    program: str
    options: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    runtime: str = ""
    limits: bool = True
    gpu: bool | None = None


@dataclass(frozen=True)
class Processes:
    """How steps run as processes. `sandbox`: in a namespace of bubblewrap; None where that depends on whether it works here.

    A process has no image: `folders` says for an image of the spec, and `folder` for all others, in which folder of this machine
    programs start. `env` are variables of this process that programs get, too. `python` is the interpreter of `shell: python`.
    """

    sandbox: bool | None = None
    folder: Path | None = None
    folders: Mapping[str, Path] = field(default_factory=dict)
    env: tuple[str, ...] = ()
    python: str = ""


@dataclass(frozen=True)
class Settings:
    """All of it. `volumes` and `artifacts` are paths by name, `images` references by a name of the spec's `images` or by reference.

    `folder` is where the spec is; `runner` is "" where nothing is said.
    """

    folder: Path
    volumes: Mapping[str, Path] = field(default_factory=dict)
    secrets: Mapping[str, Keys] = field(default_factory=dict)
    config_maps: Mapping[str, Keys] = field(default_factory=dict)
    artifacts: Mapping[str, Path] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    runner: str = ""
    podman: Engine = Engine("podman")
    docker: Engine = Engine("docker")
    process: Processes = Processes()


def read(data: object, folder: Path, findings: list[Finding]) -> Settings:
    """The settings in the plain data of a file in `folder`. Every mistake in it is added to `findings`; what is right is returned."""
    return _Reader(Path(os.path.abspath(folder)), findings).settings(data)


def with_options(
    settings: Settings,
    *,
    volumes: Sequence[str] = (),
    secrets: Sequence[str] = (),
    config_maps: Sequence[str] = (),
    artifacts: Sequence[str] = (),
    folder: Path | None = None,
) -> Settings:
    """The settings with the texts of `--volume`, `--secret`, `--config-map` and `--artifact` over them.

    `folder` is where their relative paths start, the current one if None. Raises Misuse.
    """
    here = Path.cwd() if folder is None else folder
    return replace(
        settings,
        volumes={**settings.volumes, **dict(_named_path("--volume", "data=./data", text, here) for text in volumes)},
        artifacts={**settings.artifacts, **dict(_named_path("--artifact", "reviews=./reviews.csv", text, here) for text in artifacts)},
        secrets=_with_keys(settings.secrets, "--secret", secrets, ("file", "env"), here),
        config_maps=_with_keys(settings.config_maps, "--config-map", config_maps, ("file", "env", "value"), here),
    )


def with_environment(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """The settings with what `MLC_PODMAN_ARGS`, `MLC_PODMAN_OPTIONS`, `MLC_PODMAN_RUNTIME` (`MLC_DOCKER_...`) and `MLC_RUNNER` say.

    Arguments and options are words as a shell splits them, and come after those of the file. Raises Misuse.
    """
    runner = environ.get("MLC_RUNNER", "") or settings.runner
    if runner and runner not in RUNNERS:
        raise Misuse(f"`MLC_RUNNER` cannot be `{runner}`: allowed: {_words(RUNNERS)}")
    podman = _engine_with(settings.podman, "MLC_PODMAN_", environ)
    return replace(settings, runner=runner, podman=podman, docker=_engine_with(settings.docker, "MLC_DOCKER_", environ))


def of_image(known: Mapping[str, Found], image: Image, reference: str) -> Found | None:
    """What is said of an image: under its name in the spec's `images`, or under its reference, with its digest or without."""
    name = str(image.settings_origin[1]) if len(image.settings_origin) > 1 else ""
    return next((known[key] for key in (name, reference, reference.partition("@")[0]) if key and key in known), None)


def _engine_with(engine: Engine, prefix: str, environ: Mapping[str, str]) -> Engine:
    found: dict[str, tuple[str, ...]] = {}
    for name in ("ARGS", "OPTIONS"):
        try:
            found[name] = tuple(shlex.split(environ.get(prefix + name, "")))
        except ValueError as error:
            raise Misuse(f"`{prefix}{name}` has a quote that is never closed") from error
    runtime = environ.get(f"{prefix}RUNTIME", "") or engine.runtime
    return replace(engine, options=engine.options + found["OPTIONS"], args=engine.args + found["ARGS"], runtime=runtime)


# --- options ------------------------------------------------------------------------------------------------------------------


def _named_path(option: str, example: str, text: str, here: Path) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise Misuse(f"`{option} {text}` names no path: write it as `{option} {example}`")
    return name, _absolute(path, here)


def _with_keys(known: Mapping[str, Keys], option: str, texts: Sequence[str], kinds: Sequence[str], here: Path) -> dict[str, Keys]:
    """What is known with the options over it: `NAME/KEY=file:PATH`, or `NAME=PATH` for a folder whose files are the keys."""
    found = dict(known)
    for text in texts:
        name, equals, source = text.partition("=")
        name, slash, key = name.partition("/")
        before = found.get(name, Keys())
        if name and equals and source and not slash:
            found[name] = replace(before, folder=_absolute(source, here))
            continue
        kind, colon, what = source.partition(":")
        if not (name and key and equals and colon) or kind not in kinds or (kind != "value" and not what):
            if option == "--secret":  # whatever stands there may be the secret itself
                text = f"{name}{slash}{key}=..."
            raise Misuse(f"`{option} {text}` cannot be understood: write it as {_examples(option, kinds)}")
        value = str(_absolute(what, here)) if kind == "file" else what
        found[name] = replace(before, keys={**before.keys, key: Source(kind, value)})  # type: ignore[arg-type] # one of `kinds`
    return found


def _examples(option: str, kinds: Sequence[str]) -> str:
    shown = {"file": "file:./token", "env": "env:TOKEN", "value": "value:debug"}
    return " or ".join((*(f"`{option} NAME/KEY={shown[kind]}`" for kind in kinds), f"`{option} NAME=./folder`"))


def _absolute(path: str, here: Path) -> Path:
    return Path(os.path.normpath(os.path.join(here, os.path.expanduser(path))))


def _words(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


# --- the file -----------------------------------------------------------------------------------------------------------------


class _Reader:
    """Reads the plain data of a file. Every method takes a value and its path and returns what it means, None where it is wrong."""

    def __init__(self, folder: Path, findings: list[Finding]) -> None:
        self.folder = folder
        self.findings = findings

    def settings(self, data: object) -> Settings:
        sections: dict[str, Callable[[Any, Place], Any]] = {
            "volumes": self.paths,
            "secrets": self.secrets,
            "config_maps": self.config_maps,
            "artifacts": self.paths,
            "images": self.texts,
            "runner": self.runner,
            "podman": lambda value, path: self.engine(value, path, "podman"),
            "docker": lambda value, path: self.engine(value, path, "docker"),
            "process": self.process,
        }
        return Settings(self.folder, **self.fields({} if data is None else data, (), sections))

    # --- sections

    def paths(self, value: object, path: Place) -> dict[str, Path]:
        """Names and paths of this machine."""
        return self.entries(value, path, self.path)

    def texts(self, value: object, path: Place) -> dict[str, str]:
        """Names and texts."""
        return self.entries(value, path, self.text)

    def secrets(self, value: object, path: Place) -> dict[str, Keys]:
        """Secrets by name."""
        return self.entries(value, path, lambda entry, place: self.keys(entry, place, ("file", "env")))

    def config_maps(self, value: object, path: Place) -> dict[str, Keys]:
        """Config maps by name."""
        return self.entries(value, path, lambda entry, place: self.keys(entry, place, ("file", "env", "value")))

    def keys(self, value: object, path: Place, kinds: tuple[str, ...]) -> Keys | None:
        """The keys of one secret or config map. `folder` with a text is a folder, with a mapping a key of that name."""
        if not isinstance(value, dict):
            self.no_mapping(value, path)
            return None
        folder = value.get("folder")
        keys = {key: entry for key, entry in value.items() if key != "folder" or isinstance(entry, dict)}
        found = {key: self.source(entry, (*path, key), kinds) for key, entry in keys.items()}
        return Keys(
            None if folder is None or isinstance(folder, dict) else self.path(folder, (*path, "folder")),
            {str(key): source for key, source in found.items() if source is not None},
        )

    def source(self, value: object, path: Place, kinds: tuple[str, ...]) -> Source | None:
        """Where the value of a key comes from."""
        shown = {"file": "{file: ./token}", "env": "{env: TOKEN}", "value": "{value: debug}"}
        help = "write " + " or ".join(f"`{shown[kind]}`" for kind in kinds)
        if not isinstance(value, dict):
            secret = "; a secret itself does not belong into a file" if "value" not in kinds else ""
            self.wrong(path, f"`{path[-1]}` of `{path[-2]}` is no mapping that says where its value comes from", help + secret)
            return None
        unknown = [key for key in value if key not in kinds]
        for key in unknown:
            if key == "value":
                self.add("MLC201", f"a secret has no `value`: `{path[-1]}` of `{path[-2]}`", (*path, key), help, at="key")
            else:
                self.unknown(key, path, kinds)
        if unknown:
            return None
        if len(value) != 1:
            self.add("MLC209", f"`{path[-1]}` of `{path[-2]}` comes from one place", path, help, at="key")
            return None
        [(kind, what)] = value.items()
        if kind == "file":
            file = self.path(what, (*path, kind))
            return None if file is None else Source("file", str(file))
        if kind == "value":
            return Source("value", source_text(what))
        name = self.variable(what, (*path, kind))
        return None if name is None else Source("env", name)

    def runner(self, value: object, path: Place) -> str | None:
        """The name of a runner."""
        if value not in RUNNERS:
            help = did_you_mean(str(value), RUNNERS) if isinstance(value, str) else ""
            self.add("MLC204", f"`runner` cannot be `{spelling(value)}`", path, f"{help} ".lstrip() + f"allowed: {_words(RUNNERS)}")
            return None
        return str(value)

    def engine(self, value: object, path: Place, name: str) -> Engine:
        """`podman` or `docker`."""
        found = self.fields(
            value,
            path,
            {
                "program": self.program,
                "options": self.words,
                "args": self.words,
                "runtime": self.text,
                "limits": self.flag,
                "gpu": self.flag,
            },
        )
        return Engine(**{"program": name, **found})

    def process(self, value: object, path: Place) -> Processes:
        """`process`."""
        sections: dict[str, Callable[[Any, Place], Any]] = {
            "sandbox": self.flag,
            "folder": self.path,
            "folders": self.paths,
            "env": self.variables,
            "python": self.program,
        }
        return Processes(**self.fields(value, path, sections))

    # --- values

    def path(self, value: object, path: Place) -> Path | None:
        """A path of this machine."""
        text = self.text(value, path)
        return None if text is None else _absolute(text, self.folder)

    def program(self, value: object, path: Place) -> str | None:
        """A program: a name that is looked up, or a path."""
        text = self.text(value, path)
        return str(_absolute(text, self.folder)) if text is not None and "/" in text else text

    def text(self, value: object, path: Place) -> str | None:
        """A text that is not empty."""
        if isinstance(value, str) and value and "\0" not in value:
            return value
        self.wrong(path, f"`{path[-1]}` is {'an empty text' if value == '' else 'no text'}", "give it a value, or remove the key")
        return None

    def flag(self, value: object, path: Place) -> bool | None:
        """`true` or `false`."""
        if isinstance(value, bool):
            return value
        self.wrong(path, f"`{path[-1]}` is neither `true` nor `false`", "write `true` or `false`")
        return None

    def words(self, value: object, path: Place) -> tuple[str, ...] | None:
        """A list of words. Numbers are taken for what was written."""
        if not isinstance(value, list):
            self.wrong(path, f"`{path[-1]}` is no list", f"write one word after the other: `{path[-1]}: [--ulimit, nofile=1024:1024]`")
            return None
        return tuple(spelling(word) for word in value)

    def variables(self, value: object, path: Place) -> tuple[str, ...] | None:
        """A list of names of variables."""
        if not isinstance(value, list):
            self.wrong(path, f"`{path[-1]}` is no list", f"write `{path[-1]}: [NAME, OTHER]`")
            return None
        return tuple(name for index, word in enumerate(value) if (name := self.variable(word, (*path, index))) is not None)

    def variable(self, value: object, path: Place) -> str | None:
        """The name of a variable of the environment."""
        if isinstance(value, str) and _NAME.fullmatch(value):
            return value
        # The text is not shown: somebody may have written the secret itself.
        self.add("MLC205", "this is no name of an environment variable", path, "write the name of a variable, such as `TOKEN`")
        return None

    # --- mappings

    def entries(self, value: object, path: Place, meaning: Callable[[Any, Place], Any]) -> dict[str, Any]:
        """Every entry of a mapping, whatever its key."""
        if not isinstance(value, dict):
            self.no_mapping(value, path)
            return {}
        found = {str(key): meaning(entry, (*path, key)) for key, entry in value.items()}
        return {key: entry for key, entry in found.items() if entry is not None}

    def fields(self, value: object, path: Place, known: Mapping[str, Callable[[Any, Place], Any]]) -> dict[str, Any]:
        """The entries of a mapping with certain keys."""
        if not isinstance(value, dict):
            self.no_mapping(value, path)
            return {}
        found: dict[str, Any] = {}
        for key, entry in value.items():
            if key not in known:
                self.unknown(key, path, known)
            elif (meant := known[key](entry, (*path, key))) is not None:
                found[key] = meant
        return found

    def no_mapping(self, value: object, path: Place) -> None:
        what = f"`{path[-1]}`" if path else "the file"
        message = f"{what} {'has an empty value' if value is None else 'is no mapping'}"
        self.wrong(path, message, "write `key: value` below it, or remove it")

    def unknown(self, key: object, path: Place, known: Any) -> None:
        where = f" in `{'.'.join(map(str, path))}`" if path else ""
        help = did_you_mean(str(key), known) or f"allowed: {_words(list(known))}"
        self.add("MLC201", f"unknown key `{key}`{where}", (*path, str(key)), help, at="key")

    def wrong(self, path: Place, message: str, help: str) -> None:
        self.add("MLC203", message, path, help)

    def add(self, code: str, message: str, path: Place, help: str, at: Literal["key", "value"] = "value") -> None:
        self.findings.append(Finding(code, message, path, at, help=help))
