"""Datasets and code as steps: `x-fetch-NAME` gets a version that no step makes, `x-publish-NAME` publishes one, `x-code` the code.

To targets they are steps like others. Their program is one of `mlc.tagged`, in an image that has git, ssh, DVC and boto3. Everything
about a dataset reaches it as an argument `KEY=TEXT`; keys of Secrets come as files of a volume.

Publishers of one repository do not wait for each other: one that is skipped would hold back the others. The program itself sees to it
that two at once lose nothing.
"""

from __future__ import annotations

import re
from zlib import crc32

from ..ir import ConfigMapVolume, SecretVolume
from ..tagged import PACKAGES, program
from .merge import Merged
from .ports import CODE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ..diagnostics.model import Path
    from ..ir import Output, Volume
    from .context import Context

HELPER = "python:3.12.12-bookworm"
"""An image with git, ssh and Python: buildpack-deps has the first two (docker-library, debian/bookworm/scm/Dockerfile)."""

_VOLUME = "/mlc/volume"
"""Where a step that fetches finds the volume that the data goes to."""
_AUTHOR = "mlc <mlc@localhost>"
_KEYS = "/mlc/keys"
_INHERITED = (
    *("env", "resources", "retry", "timeout", "labels", "annotations"),
    *("service_account", "security", "node_selector", "tolerations", "affinity"),
)
"""Keys of `defaults` that say how pods run, where and as whom: a cluster that asks for them asks for them in every pod."""
_OF_A_STEP = re.compile(r"\$\{\{[^}]*\b(?:inputs|outputs|values|metrics|steps|each)\.")
"""A text that means something only to steps with those ports."""
_LONGEST = 50
_BOUNDS = frozenset(("min", "max", "above", "below"))


class Added:
    """What datasets and code add to a project: steps by section, volumes, and what `finally` reads from steps of its own."""

    def __init__(self) -> None:
        self.steps: dict[str, list[Merged]] = {"steps": [], "finally": []}
        self.volumes: dict[str, Volume] = {}
        self.own: dict[str, str] = {}
        """The steps of `finally` that fetch what one of `steps` fetches too, by the name of the dataset."""
        self.placed: dict[str, tuple[str, str]] = {}
        """Datasets that go to a volume: its name, and where they are in it."""


def add(context: Context, sections: Mapping[str, list[Merged]], producers: Mapping[str, tuple[str, Output]]) -> Added:
    """The steps that the project needs beside its own. Only for datasets without a fault."""
    made = _Maker(context)
    place = {step.name: (section, step) for section, steps in sections.items() for step in steps}
    for section, steps in sections.items():
        for name, entry in (context.data.get("datasets") or {}).items():
            readers = [step for step in steps if name in (step.get("inputs") or ())]
            if name not in producers and readers:
                made.fetch(section, name, entry, readers)
        readers = [step for step in steps if step.get("code")]
        if context.data.get("code") is not None and readers:
            made.code(section, context.data["code"], readers)
    for name, entry in (context.data.get("datasets") or {}).items():
        if name in producers:
            section, producer = place[producers[name][0]]
            made.publish(section, name, entry, producer)
    return made.added


class _Maker:
    def __init__(self, context: Context) -> None:
        self.context, self.added = context, Added()
        self.names: dict[tuple[str, str], str] = {}
        self.helper: str = (context.data.get("targets") or {}).get("helper_image", "")

    def fetch(self, section: str, name: str, entry: Mapping[str, Any], readers: list[Merged]) -> None:
        twice = any(step.name == called("fetch", name) for step in self.added.steps["steps"])
        step = called("finally-fetch" if twice else "fetch", name)
        if twice:
            self.added.own[name] = step
        given, source, where = self._source(name, entry)
        volume = entry.get("into")
        if volume is None:
            data: dict[str, Any] = {"outputs": {name: f"/mlc/outputs/{name}"}, **_kept(entry, given, readers)}
            given.append((f"out=${{{{ outputs.{name} }}}}", where))
        else:
            folder = f"x-datasets/{name.lower().replace('_', '-')}/{_version(entry)}"
            self.added.placed[name] = (volume, folder)
            data = {"volumes": {volume: _VOLUME}}
            given.extend(((f"out={_VOLUME}/{folder}", (*where, "into")), (f"marker={_VOLUME}/{folder}.version", (*where, "into"))))
        self._add(section, step, source, given, entry, source, data)

    def publish(self, section: str, name: str, entry: Mapping[str, Any], producer: Merged) -> None:
        """Publish what a step makes; where it has thresholds, only if they hold: a tag cannot be taken back."""
        given, source, where = self._source(name, entry)
        gated = section == "steps" and any(
            _BOUNDS & metric.keys() for metric in (producer.get("metrics") or {}).values() if isinstance(metric, dict)
        )
        given.append((f"data=${{{{ inputs.{name} }}}}", where))
        if source == "dvc":
            given.append((f"author={entry.get('author', _AUTHOR)}", (*where, "author")))
            if entry.get("overwrite"):
                given.append(("overwrite=true", (*where, "overwrite")))
        self._add(
            section,
            called("publish", name),
            "s3" if source == "s3" else "publish",
            given,
            entry,
            source,
            {"inputs": {name: f"/mlc/inputs/{name}"}, **({"gate": producer.name} if gated else {})},
        )

    def code(self, section: str, entry: Mapping[str, Any], readers: list[Merged]) -> None:
        twice = any(step.name == CODE for step in self.added.steps["steps"])
        step = "x-finally-code" if twice else CODE
        if twice:
            self.added.own[CODE] = step
        where: Path = ("code",)
        given = [
            ("name=code", where),
            ("source=code", where),
            (f"repo={entry['git']}", (*where, "git")),
            (f"ref={entry['ref']}", (*where, "ref")),
        ]
        self._add(
            section,
            step,
            "git",
            [*given, (f"out=${{{{ outputs.{CODE} }}}}", where)],
            entry,
            "code",
            {"outputs": {CODE: "/mlc/outputs/code"}, **_kept(entry, given, readers)},
        )

    def _source(self, name: str, entry: Mapping[str, Any]) -> tuple[list[tuple[str, Path]], str, Path]:
        """The arguments that say which version of what it is."""
        where: Path = ("datasets", name)
        source = next(key for key in ("dvc", "git", "s3") if key in entry)
        given: list[tuple[str, Path]] = [(f"name={name}", where)]
        keys = ("uri", "version", "endpoint", "region") if source == "s3" else ("repo", "path", "remote")
        for key in keys:
            if key in entry[source]:
                text = entry[source][key]
                if key == "endpoint":
                    text = f"{'http' if entry[source].get('insecure') else 'https'}://{text}"
                given.append((f"{key}={text}", (*where, source, key)))
        given.extend((f"{key}={entry[key]}", (*where, key)) for key in ("tag", "rev") if key in entry)
        return given, source, where

    def _add(
        self,
        section: str,
        step: str,
        what: str,
        given: list[tuple[str, Path]],
        entry: Mapping[str, Any],
        source: str,
        data: Mapping[str, Any],
    ) -> None:
        origin = given[0][1]
        inherited = _inherited(self.context.data.get("defaults") or {})
        arguments = [*given]
        packages = () if self.helper else PACKAGES.get(source, ())
        if not self.helper:
            ssh = any(re.match("repo=(?!https:)", text) for text, _ in arguments)
            self._user(inherited.get("security") or {}, named=ssh or bool(packages and "HOME" not in inherited.get("env", ())))
        volumes: dict[str, str] = dict(data.get("volumes", {}))
        for key, kind, holder, file, path in _credentials(entry, origin, source):
            folder = f"{_KEYS}/{holder}"
            volume = self._volume(kind, holder, path, inherited.get("security"))
            arguments.append((f"{key}={volumes.setdefault(volume, folder)}/{file}", path))
        merged = {
            **inherited,
            **data,
            "image": self.helper or HELPER,
            "shell": "python",
            "run": program(what),
            "args": [text for text, _ in arguments],
            **({"volumes": volumes} if volumes else {}),
        }
        if packages:
            merged["packages"] = list(packages)
        moved: dict[Path, Path] = {("args", index): path for index, (_, path) in enumerate(arguments)}
        moved.update({(key,): ("defaults", key) for key in inherited})
        if self.helper:
            moved[("image",)] = ("targets", "helper_image")
        self.added.steps[section].append(Merged(step, merged, origin, moved, {}))

    def _user(self, security: Mapping[str, Any], *, named: bool) -> None:
        """Refuse users that `HELPER` does not have: a kubelet starts no image of root's as another user.

        `named`: the program needs a user with a name, as ssh does, or with a home, where pip installs to.
        """
        user = security.get("run_as_user")
        key = "run_as_user" if named and user else "run_as_non_root" if security.get("run_as_non_root") and not user else ""
        if key and not any(finding.code == "MLC354" for finding in self.context.findings):
            why = "has no user but root, and ssh needs one with a name, pip one with a home" if user else "runs as root"
            message = f"steps that fetch and publish data cannot have this from `defaults`: their image `{HELPER}` {why}"
            help = "name an image with such a user, git, ssh and DVC as `targets.helper_image`, or say this in the steps that need it"
            self.context.report("MLC354", message, ("defaults", "security", key), at="key", help=help)

    def _volume(self, kind: str, holder: str, path: Path, security: Mapping[str, Any] | None) -> str:
        """The volume with a Secret's keys, or a ConfigMap's. A user other than root could not read files of mode 0400."""
        name = self.names.setdefault((kind, holder), f"x-keys-{len(self.names) + 1}")
        root = not security or not (security.get("run_as_user") or security.get("run_as_non_root"))
        made = SecretVolume(name, holder, 0o400 if root else None, path) if kind == "secret" else ConfigMapVolume(name, holder, path)
        self.added.volumes.setdefault(name, made)
        return name


def _inherited(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What a step that is made gets from `defaults`. It computes nothing, so no GPU."""
    found = {key: defaults[key] for key in _INHERITED if defaults.get(key) is not None}
    if "env" in found:
        found["env"] = {name: text for name, text in found["env"].items() if not (isinstance(text, str) and _OF_A_STEP.search(text))}
    if "resources" in found:
        found["resources"] = _without_gpu(found["resources"])
    return found


def _kept(entry: Mapping[str, Any], given: Iterable[tuple[str, Path]], readers: Iterable[Merged]) -> dict[str, Any]:
    """The `cache` of a step that fetches what cannot change, for steps that have one.

    To KFP an artifact that is fetched again is another one, so that a step which reads it would find no result of an earlier run.
    """
    s3 = entry.get("s3", {}).get("version", "${{")
    fixed = "${{" not in s3 or re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", entry.get("rev") or entry.get("ref", ""))
    if not fixed or not any(step.get("cache") for step in readers):
        return {}
    from hashlib import sha256  # not on the way of projects that cache nothing

    return {"cache": {"key": sha256("\n".join(text for text, _ in given).encode()).hexdigest()[:16]}}


def _without_gpu(amounts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _without_gpu(entry) if isinstance(entry, dict) else entry for key, entry in amounts.items() if key != "gpu"}


def _version(entry: Mapping[str, Any]) -> str:
    """A folder for the version of a dataset, and for where it comes from: other projects may use the volume, and this one may change.

    A version that only a run knows is on a volume that is made for the run, and alone there.
    """
    text = str(entry.get("tag") or entry.get("rev") or entry.get("s3", {}).get("version") or "newest")
    if "${{" in text:
        return "run"
    plain = re.sub("[^A-Za-z0-9_-]", lambda found: "." if found[0] == "." else "-", text)[:100]
    source = next(entry[key] for key in ("dvc", "git", "s3") if key in entry)
    whole = "\n".join((text, *(source.get(key, "") for key in ("repo", "path", "remote", "uri", "endpoint"))))
    return f"{plain}-{crc32(whole.encode()):08x}"


def called(what: str, name: str) -> str:
    """The name of a step that is made up. Names of datasets do not differ only in case, or in `-` and `_`."""
    plain = name.lower().replace("_", "-")
    whole = f"x-{what}-{plain}"
    if len(whole) <= _LONGEST:
        return whole
    return f"{whole[: _LONGEST - 9].rstrip('-')}-{crc32(whole.encode()):08x}"


def _credentials(entry: Mapping[str, Any], where: Path, source: str) -> list[tuple[str, str, str, str, Path]]:
    """What the program gets as files: the argument, Secret or ConfigMap, its name, the key in it, and where that was written."""
    found: list[tuple[str, str, str, str, Path]] = []
    for key in ("ssh_key", "token"):
        if key in entry:
            found.append((key, "secret", entry[key]["secret"], entry[key]["key"], (*where, key)))
    hosts = entry.get("known_hosts")
    if hosts is not None:
        kind = "secret" if "secret" in hosts else "config_map"
        found.append(("known_hosts", kind, hosts[kind], hosts["key"], (*where, "known_hosts")))
    elif "ssh_key" in entry:
        found.append(("known_hosts", "secret", entry["ssh_key"]["secret"], "known_hosts", (*where, "ssh_key")))
    pair = entry.get("secret")
    if pair is not None:
        found.extend((key, "secret", pair["name"], pair[key], (*where, "secret")) for key in ("access_key", "secret_key"))
    return found
