"""What a project finds around it on this machine: folders for its volumes, values of its secrets and config maps, artifacts from outside.

STATE/volumes/CLAIM          a claim that exists on a cluster: kept, shared by all runs
STATE/runs/RUN/.volumes/NAME a claim that is made for a run
ATTEMPT/pod/NAME             what is one per pod: `empty_dir`, `ephemeral`; config maps
/dev/shm/mlc-UID/...         `memory`, and the files of secrets, which never lie on a disk (where there is no /dev/shm: ATTEMPT/pod)
"""

from __future__ import annotations

import hashlib
import os
import socket
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ..diagnostics.model import Finding
from ..diagnostics.suggest import did_you_mean
from ..ir import Claim, ConfigMapKey, ConfigMapVolume, FieldPath, HostPath, Memory, Nfs, RunClaim, SecretKey, SecretVolume
from ..tagged import keys_in
from . import memory
from .copies import make_empty, remove
from .job import Mounted
from .settings import of_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..ir import External, Image, Mount, Pipeline, Step, Volume
    from .job import Place
    from .masking import Masks
    from .settings import Keys, Settings, Source

FETCHED = ("http", "https", "file")
"""Schemes of addresses that an artifact is fetched from."""

_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.podIP",
    "status.hostIP",
)


class Around:
    """`job.Surroundings`, from settings. `state` is the folder that holds all state of runs (`.mlc`)."""

    def __init__(self, settings: Settings, state: Path, masks: Masks) -> None:
        self._settings = settings
        self._state = state.absolute()
        self._masks = masks
        self._steps: dict[str, Step] = {}

    # --- what is there

    def check(self, pipeline: Pipeline, findings: list[Finding]) -> None:
        """Refuse what nobody gave (MLC430, all of it at once) and fields of a pod that mean nothing here (MLC432)."""
        self._steps = {step.name: step for step in pipeline.steps}
        missing = _Missing()
        for step in pipeline.steps:
            for env in step.all_env:
                if isinstance(env.value, FieldPath):
                    if self._field(env.value.path) is None:
                        message = f"`{env.name}` of step `{step.name}` is the field `{env.value.path}` of a pod, which has no value here"
                        help = f"some that have one: {', '.join(f'`{name}`' for name in _FIELDS)}"
                        findings.append(Finding("MLC432", message, env.origin, help=help))
                elif isinstance(env.value, SecretKey):
                    self._need_key(missing, "secret", env.value.secret, env.value.key, env.origin)
                elif isinstance(env.value, ConfigMapKey):
                    self._need_key(missing, "config map", env.value.config_map, env.value.key, env.origin)
            for mount in step.all_mounts:
                self._need_volume(missing, mount, _keys_of(step, mount))
            for port in step.inputs:
                if port.external is not None:
                    self._need_artifact(missing, port.external)
        missing.report(findings)

    def notes(self, pipeline: Pipeline) -> list[str]:
        """Claims in which nothing lies: on the cluster something may."""
        claims = {mount.volume.name: mount.volume for step in pipeline.steps for mount in step.all_mounts}
        found = []
        for name, volume in claims.items():
            if isinstance(volume, Claim) and name not in self._settings.volumes:
                folder = self._state / "volumes" / volume.claim
                if not folder.is_dir() or not any(folder.iterdir()):
                    found.append(f"volume `{name}` is an empty folder, `{folder}`: `--volume {name}=DIR` names one of yours")
        return found

    def _need_key(self, missing: _Missing, kind: str, name: str, key: str, origin: tuple[str | int, ...]) -> None:
        problem = self._key_problem(self._all_keys(kind), name, key)
        if problem is None:
            return
        section, option = _WORDS[kind]
        variable = "".join(char if char.isalnum() else "_" for char in key).upper()
        entry = f"{section}: {{{name}: {{{key}: {{env: {variable}}}}}}}"
        near = did_you_mean(name, self._all_keys(kind)) if name not in self._all_keys(kind) else ""
        missing.add(f"key `{key}` of {kind} `{name}`{problem}", entry, f"{option} {name}/{key}=env:{variable}", origin, near)

    def _need_volume(self, missing: _Missing, mount: Mount, keys: Sequence[str]) -> None:
        """What a mount needs; `keys` are the files in it that are known to be read."""
        volume = mount.volume
        given = self._settings.volumes.get(volume.name)
        if given is not None:
            if isinstance(volume, SecretVolume):  # what lies in any other folder is not masked in logs
                why = "a folder under `volumes` or of `--volume` cannot stand for it"
                what = f"secret `{volume.secret}`, for volume `{volume.name}`: {why}"
                missing.add(what, f"secrets: {{{volume.secret}: {{folder: {given}}}}}", f"--secret {volume.secret}={given}", volume.origin)
            elif not given.exists():
                missing.add(f"volume `{volume.name}`: `{given}` is not there", f"volumes: {{{volume.name}: ./folder}}", "", mount.origin)
            elif not given.is_dir() and not isinstance(volume, HostPath):
                missing.add(f"volume `{volume.name}`: `{given}` is no folder", f"volumes: {{{volume.name}: ./folder}}", "", mount.origin)
            return
        match volume:
            case SecretVolume(secret=name):
                self._need_all(missing, "secret", name, volume, mount, keys)
            case ConfigMapVolume(config_map=name):
                self._need_all(missing, "config map", name, volume, mount, keys)
            case HostPath() | Nfs():
                kind = "folder of a node" if isinstance(volume, HostPath) else "folder of an NFS server"
                near = did_you_mean(volume.name, self._settings.volumes)
                entry = f"volumes: {{{volume.name}: ./{volume.name}}}"
                missing.add(f"volume `{volume.name}`, a {kind}", entry, f"--volume {volume.name}=./{volume.name}", volume.origin, near)

    def _need_all(self, missing: _Missing, kind: str, name: str, volume: Volume, mount: Mount, keys: Sequence[str]) -> None:
        """The files of a volume: `keys`, or every key that is known; of a secret or config map that nobody gave none are."""
        known = self._all_keys(kind)
        section, option = _WORDS[kind]
        entry = f"{section}: {{{name}: {{folder: ./{name}}}}}"
        near = did_you_mean(name, known) if name not in known else ""
        for key in keys:
            if self._key_problem(known, name, key) == "":
                one = f"{section}: {{{name}: {{{key}: {{file: ./{key}}}}}}}"
                missing.add(f"key `{key}` of {kind} `{name}`", one, f"{option} {name}/{key}=file:./{key}", volume.origin, near)
        if name not in known and keys:
            return
        if name not in known:
            missing.add(f"{kind} `{name}`, for volume `{volume.name}`", entry, f"{option} {name}=./{name}", volume.origin, near)
            return
        for key in known[name].keys:
            if (problem := self._key_problem(known, name, key)) is not None:
                missing.add(f"key `{key}` of {kind} `{name}`{problem}", entry, "", volume.origin)
        folder = known[name].folder
        if folder is not None and not folder.is_dir():
            missing.add(f"{kind} `{name}`: `{folder}` is no folder", entry, "", volume.origin)
        elif mount.sub_path and mount.sub_path.split("/")[0] not in (*known[name].keys, *(_file_names(folder) if folder else ())):
            missing.add(f"key `{mount.sub_path}` of {kind} `{name}`", entry, "", mount.origin)

    def _need_artifact(self, missing: _Missing, external: External) -> None:
        given = self._settings.artifacts.get(external.name)
        if given is not None:
            if not given.exists():
                missing.add(
                    f"artifact `{external.name}`: `{given}` is not there", f"artifacts: {{{external.name}: ./file}}", "", external.origin
                )
            return
        uri = external.uri.constant
        if uri is not None and urlsplit(uri).scheme not in FETCHED:
            near = did_you_mean(external.name, self._settings.artifacts)
            entry, option = f"artifacts: {{{external.name}: ./{external.name}}}", f"--artifact {external.name}=./{external.name}"
            missing.add(f"artifact `{external.name}`, which is not fetched from `{uri}` here", entry, option, external.origin, near)

    def _all_keys(self, kind: str) -> Mapping[str, Keys]:
        return self._settings.secrets if kind == "secret" else self._settings.config_maps

    def _key_problem(self, known: Mapping[str, Keys], name: str, key: str) -> str | None:
        """Why the value of a key cannot be had, "" where nobody gave one; None where it can."""
        if name not in known:
            return ""
        source = known[name].keys.get(key)
        folder = known[name].folder
        if source is None:
            return None if folder is not None and (folder / key).is_file() else ""
        if source.kind == "env" and source.text not in os.environ:
            return f": the variable `{source.text}` is not set"
        if source.kind == "file" and not os.path.isfile(source.text):
            return f": `{source.text}` is no file"
        return None

    # --- images, values

    def image(self, image: Image, reference: str) -> str:
        """The image to use for one, `reference` with parameters filled in: what its name or its reference is mapped to, or itself."""
        return of_image(self._settings.images, image, reference) or reference

    def env_value(self, source: SecretKey | ConfigMapKey | FieldPath, place: Place) -> str:
        """The value of a variable. Raises OSError where it cannot be had any more."""
        match source:
            case SecretKey(secret=name, key=key):
                raw = self._value("secret", name, key)
                self._masks.add(raw)
                return os.fsdecode(raw)
            case ConfigMapKey(config_map=name, key=key):
                return os.fsdecode(self._value("config map", name, key))
            case FieldPath(path=path):
                return self._field(path, place) or ""

    def _value(self, kind: str, name: str, key: str) -> bytes:
        keys = self._all_keys(kind).get(name)
        problem = self._key_problem(self._all_keys(kind), name, key)
        if keys is None or problem is not None:
            raise OSError(f"key `{key}` of {kind} `{name}` cannot be had any more{problem or ''}")
        source = keys.keys.get(key)
        return _read(source) if source is not None else Path(keys.folder or "", key).read_bytes()

    def _field(self, path: str, place: Place | None = None) -> str | None:
        """A field of the pod, None where it has no value here. Without a place only whether it has one counts."""
        task = place.task if place else ""
        if path.startswith(("metadata.labels['", "metadata.annotations['")):
            step = self._steps.get(task.partition("[")[0])
            labels = (step.labels if path.startswith("metadata.labels") else step.annotations) if step else {}
            return labels.get(path.partition("['")[2].removesuffix("']"), "")
        if path == "metadata.name":
            return f"{place.run}-{task.replace('[', '-').replace(']', '')}-{place.attempt}" if place else ""
        if path == "metadata.uid":
            return str(uuid.uuid5(uuid.UUID(place.run_id), f"{task}/{place.attempt}")) if place else ""
        known = {
            "metadata.namespace": "default",
            "spec.serviceAccountName": "default",
            "spec.nodeName": socket.gethostname(),
            "status.podIP": "127.0.0.1",
            "status.hostIP": "127.0.0.1",
        }
        return known.get(path)

    # --- volumes

    def mounts_for(self, mounts: Sequence[Mount], place: Place) -> tuple[Mounted, ...]:
        """The folders for the mounts of one container, made where they are not there yet. Raises OSError."""
        return tuple(self._mounted(mount, place) for mount in mounts)

    def mounts_as_planned(self, mounts: Sequence[Mount], place: Place) -> tuple[Mounted, ...]:
        """What `mounts_for` would give. Nothing is made or looked at."""
        return tuple(Mounted(mount, self._where(mount.volume, place) / mount.sub_path, _read_only(mount)) for mount in mounts)

    def _mounted(self, mount: Mount, place: Place) -> Mounted:
        folder = self._folder(mount.volume, place)
        if mount.sub_path:
            folder = below(folder, mount.sub_path, mount.volume.name, make=not _keyed(mount.volume))
        return Mounted(mount, folder, _read_only(mount))

    def _where(self, volume: Volume, place: Place) -> Path:
        """Where the folder of a volume is, whether or not it is there."""
        given = self._settings.volumes.get(volume.name)
        if given is not None:
            return given
        match volume:
            case Claim(claim=claim):
                return self._state / "volumes" / claim
            case RunClaim():
                return self._claim_folder(place.run, volume)
            case Memory() | SecretVolume():
                return self._memory(place) / volume.name
        return place.folder / "pod" / volume.name

    def _folder(self, volume: Volume, place: Place) -> Path:
        folder = self._where(volume, place)
        if volume.name in self._settings.volumes:
            return folder
        match volume:
            case Memory() if folder.is_relative_to(memory.SHARED):
                return memory.make(folder)
            case SecretVolume():
                return self._files("secret", volume.secret, folder, 0o644 if volume.mode is None else volume.mode)
            case ConfigMapVolume():
                return self._files("config map", volume.config_map, folder, 0o644)
            case HostPath() | Nfs():
                raise OSError(f"volume `{volume.name}` has no folder on this machine")
        return _open_folder(folder)

    def _files(self, kind: str, name: str, folder: Path, mode: int) -> Path:
        """A folder with the keys of a secret or config map as files. Another container of the pod may have made it already."""
        if folder.is_dir():
            return folder
        keys = self._all_keys(kind).get(name)
        if keys is None:
            raise OSError(f"{kind} `{name}` cannot be had any more")
        names = {**dict.fromkeys(_file_names(keys.folder) if keys.folder else ()), **dict.fromkeys(keys.keys)}
        values = {key: self._value(kind, name, key) for key in names}
        if folder.is_relative_to(memory.SHARED):
            memory.make(folder.parent)
        made = folder.with_name(f".{folder.name}")
        make_empty(made, 0o755)
        for key, value in values.items():
            if kind == "secret":
                self._masks.add(value)
            with open(os.open(made / key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(value)
                os.fchmod(file.fileno(), mode)
        made.rename(folder)
        return folder

    def _memory(self, place: Place) -> Path:
        """The attempt's folder in memory, where the machine has a place for one."""
        return memory.of_attempt(place.folder) or place.folder / "pod"

    def release(self, place: Place) -> None:
        """Remove what is there for the attempt's pod alone."""
        remove(place.folder / "pod")
        memory.clear(memory.of_attempt(place.folder))

    def sweep(self, run: str) -> None:
        """Remove what attempts of a run left in memory: after the process of `mlc run` was killed."""
        memory.clear(memory.of_run(self._state / "runs" / run))

    def identity(self, mount: Mount) -> str:
        """What tells the content of a mount from that of another."""
        volume = mount.volume
        given = self._settings.volumes.get(volume.name)
        where = f"/{mount.sub_path}" if mount.sub_path else ""
        if given is not None:
            return f"folder {given}{where}"
        match volume:
            case Claim(claim=claim):
                return f"claim {claim}{where}"
            case RunClaim(name=name):
                return f"run claim {name}{where}"
            case SecretVolume(secret=name):
                return f"secret {name}{where}"
            case ConfigMapVolume(config_map=name):
                return f"config map {name}{where} {self._digest(name)}"
        return ""

    def _digest(self, config_map: str) -> str:
        """Of the values of a config map, which are no secret."""
        keys = self._settings.config_maps.get(config_map)
        if keys is None:
            return ""
        names = sorted({*keys.keys, *(_file_names(keys.folder) if keys.folder else ())})
        found = hashlib.sha256()
        for name in names:
            value = self._value("config map", config_map, name)
            found.update(b"%d %d " % (len(os.fsencode(name)), len(value)) + os.fsencode(name) + value)
        return found.hexdigest()

    # --- artifacts from outside

    def fetch(self, external: External, uri: str, to: Path) -> Path:
        """An artifact from outside: where it lies on this machine, or a copy made at `to`. Raises OSError."""
        given = self._settings.artifacts.get(external.name)
        if given is not None:
            return given
        parts = urlsplit(uri)
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            path = Path(unquote(parts.path))
            if not path.exists():
                raise FileNotFoundError(f"`{path}` is not there")
            return path
        if parts.scheme not in ("http", "https"):
            raise OSError(f"artifact `{external.name}` is not fetched from `{uri}` here: give one with `--artifact {external.name}=PATH`")
        from .fetching import download

        download(uri, to)
        return to

    # --- claims of a run

    def make_claims(self, run: str, claims: Sequence[RunClaim]) -> None:
        """Make the folders of claims that are made for a run, where they are not there yet. Raises OSError."""
        for claim in claims:
            if claim.name not in self._settings.volumes:
                _open_folder(self._claim_folder(run, claim))

    def has_claim(self, run: str, claim: RunClaim) -> bool:
        """Whether the folder of a claim that was made for a run is still there."""
        given = self._settings.volumes.get(claim.name)
        return (given or self._claim_folder(run, claim)).is_dir()

    def remove_claims(self, run: str, claims: Sequence[RunClaim]) -> None:
        """Remove the folders of claims that were made for a run; one to `keep`, and a folder that somebody named, stay. Raises OSError."""
        for claim in claims:
            if not claim.keep:
                remove(self._claim_folder(run, claim))

    def _claim_folder(self, run: str, claim: RunClaim) -> Path:
        return self._state / "runs" / run / ".volumes" / claim.name


def _keyed(volume: Volume) -> bool:
    """Whether it holds the keys of a secret or a config map."""
    return isinstance(volume, (SecretVolume, ConfigMapVolume))


def _read_only(mount: Mount) -> bool:
    return mount.read_only or _keyed(mount.volume)


def below(folder: Path, sub_path: str, volume: str, *, make: bool) -> Path:
    """What lies at `sub_path` in a volume's folder; with `make`, a folder where nothing is. Raises OSError where a link leads out of it."""
    base = Path(os.path.realpath(folder))
    found = Path(os.path.realpath(base / sub_path))
    if not found.is_relative_to(base):
        raise OSError(f"`sub_path` `{sub_path}` leads out of volume `{volume}`, to `{found}`")
    if not found.exists():
        if not make:
            raise OSError(f"there is no `{sub_path}` in volume `{volume}`")
        _open_folder(found, base)
    return found


def _keys_of(step: Step, mount: Mount) -> list[str]:
    """The files of a mount that a step which the compiler made up reads, by its arguments; none for other steps."""
    return keys_in(mount.path, (word.constant or "" for word in step.args)) if step.made else []


_WORDS = {"secret": ("secrets", "--secret"), "config map": ("config_maps", "--config-map")}


class _Missing:
    """What is missing, to be told at once: each thing, the line that gives it, and where the first one is asked for."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, str, str]] = {}
        self._origin: tuple[str | int, ...] | None = None

    def add(self, what: str, entry: str, option: str, origin: tuple[str | int, ...], near: str = "") -> None:
        self._found.setdefault(what, (entry, option, near))
        self._origin = origin if self._origin is None else self._origin

    def report(self, findings: list[Finding]) -> None:
        if self._origin is None:
            return
        message = f"this machine has to give what the cluster would: {'; '.join(self._found)}"
        near = next((near for _, _, near in self._found.values() if near), "")
        entries = "; ".join(dict.fromkeys(f"`{entry}`" for entry, _, _ in self._found.values()))
        option = next((option for _, option, _ in self._found.values() if option), "")
        help = f"{near} " * bool(near) + f"write in `mlc.local.yaml` beside the spec: {entries}" + f"; or say `{option}`" * bool(option)
        findings.append(Finding("MLC430", message, self._origin, help=help))


def _read(source: Source) -> bytes:
    match source.kind:
        case "file":
            return Path(source.text).read_bytes()
        case "env":
            return os.fsencode(os.environ[source.text])
        case "value":
            return source.text.encode()


def _file_names(folder: Path) -> Iterable[str]:
    """The keys that a folder has: its files, but hidden ones."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_file() and not entry.name.startswith("."))
    except OSError:
        return ()


def _open_folder(folder: Path, top: Path | None = None) -> Path:
    """A folder that the user of any container can write to: a cluster's volumes know no users of this machine."""
    missing = []
    at = folder
    while not at.exists() and at != top:
        missing.append(at)
        at = at.parent
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing[: None if top else 1]:
        try:
            made.chmod(0o777)
        except OSError:  # somebody else's, who was as quick
            continue
    return folder
