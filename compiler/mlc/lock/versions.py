"""The versions that a dataset has: every tag of its repository at which it is there."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..pins import NOTHING, Lock
from ..scalars import source_text
from ..source import Document
from .dvc import Facts, kept
from .failure import Failure
from .git import Repository
from .plan import Place
from .pool import answers
from .work import Servers, Settings

VERSION = 1
"""Of the JSON."""


@dataclass(frozen=True)
class Dataset:
    """A dataset as the project, or one of its environments, declares it. `environments` has "" for the project itself."""

    name: str
    kind: str
    address: str
    path: str
    place: Place
    environments: tuple[str, ...]
    named: dict[str, tuple[str, ...]]
    """The versions that are named, `tag v1.0` or `rev 9fceb02`, with the environments that do; by the default of a parameter, too."""
    written: tuple[str, ...]
    """The tags that hold parameters, as they are written."""


@dataclass(frozen=True)
class Version:
    """A tag, or a commit that the project names (`tag` is "" then): its commit, its date (ISO 8601) and what is known of the data."""

    tag: str
    commit: str
    date: str
    facts: Facts


def declared(documents: Iterable[Document]) -> list[Dataset]:
    """The datasets of a project and its environments; one that differs in more than its version is listed for each form."""
    found: dict[tuple[str, str, str, str], tuple[Place, list[str], dict[str, list[str]], dict[str, None]]] = {}
    for document in documents:
        for name, entry in (document.data.get("datasets") or {}).items():
            kind = next(kind for kind in ("dvc", "git", "s3") if kind in entry)
            key = (name, kind, entry[kind].get("repo") or entry[kind]["uri"], entry[kind].get("path", ""))
            _, environments, named, written = found.setdefault(key, (Place(document, ("datasets", name)), [], {}, {}))
            environments.append(document.environment)
            by = next((by for by in ("tag", "rev") if by in entry), "")
            version = entry[by] if by else ""
            if "${{" in version:
                written[version] = None
                version = _by_default(version, document.data.get("params") or {})
            if version and "${{" not in version:
                named.setdefault(f"{by} {version}", []).append(document.environment)
    return [
        Dataset(*key, place, tuple(environments), {version: tuple(by) for version, by in named.items()}, tuple(written))
        for key, (place, environments, named, written) in found.items()
    ]


def _by_default(text: str, params: Mapping[str, Any]) -> str:
    """A text with the defaults of parameters in it; what has none stays."""

    def default(found: re.Match[str]) -> str:
        known = params.get(found[1])
        value = known.get("default") if isinstance(known, dict) else known
        return found[0] if value is None else source_text(value)

    return re.sub(r"\$\{\{\s*params\.([\w-]+)\s*\}\}", default, text)


def look_up(datasets: Sequence[Dataset]) -> list[tuple[Dataset, list[Version] | Failure]]:
    """The versions of each dataset, newest first. Objects of buckets have none."""
    asked = [dataset for dataset in datasets if dataset.kind != "s3"]
    with tempfile.TemporaryDirectory(prefix="mlc-datasets-", ignore_cleanup_errors=True) as folder:
        servers = Servers(Path(folder), NOTHING, Settings(), ())

        def versions(dataset: Dataset) -> list[Version]:
            repository = servers.git().repository(dataset.address)
            with repository.guard:
                return _versions(repository, dataset)

        try:
            found = {id(dataset): answer for dataset, answer in answers(asked, versions)}
        finally:
            servers.stop()
    return [(dataset, found.get(id(dataset), [])) for dataset in datasets]


def _versions(repository: Repository, dataset: Dataset) -> list[Version]:
    tagged = list(repository.tags().items())
    named = [repository.of_commit(version[4:]) for version in dataset.named if version.startswith("rev ")]
    commits = dict.fromkeys(commit for _, commit in tagged)
    tagged += [("", commit) for commit in named if commit not in commits]
    commits.update(dict.fromkeys(named))
    if dataset.kind == "dvc":
        known = kept(repository, commits, dataset.path)
    else:
        known = dict.fromkeys(repository.having(commits, dataset.path), Facts())
    found = [Version(tag, commit, repository.date(commit), known[commit]) for tag, commit in tagged if commit in known]
    return sorted(found, key=lambda version: (version.date, version.tag), reverse=True)


def used_by(dataset: Dataset, version: Version) -> list[str]:
    """The environments that name a version, "" for the project itself."""
    return [
        environment
        for named, environments in dataset.named.items()
        if (version.commit.startswith(named[4:]) if named.startswith("rev ") else bool(version.tag) and named == f"tag {version.tag}")
        for environment in environments
    ]


def marks(dataset: Dataset, version: Version, lock: Lock) -> list[str]:
    """What a version is to the project: named by it (`spec`) or else by environments, and in the lock file, perhaps with another commit."""
    users = used_by(dataset, version)
    found = ["spec"] if "" in users else users
    for source, entry in lock.sources.items():
        if (source.name, source.kind, source.repo, source.path) != (dataset.name, dataset.kind, dataset.address, dataset.path):
            continue
        if source.version == version.tag if source.by == "tag" else entry.commit == version.commit:
            found.append("locked" if entry.commit == version.commit else f"locked at {entry.commit[:10]}")
    return list(dict.fromkeys(found))


def lost(dataset: Dataset, versions: Sequence[Version]) -> dict[str, tuple[str, ...]]:
    """The tags that are named and at which the dataset is not, `tag v1.0`, with the environments that name them."""
    if dataset.kind == "s3":
        return {}
    there = {f"tag {version.tag}" for version in versions}
    return {named: by for named, by in dataset.named.items() if named.startswith("tag ") and named not in there}


def document(project: str, found: Sequence[tuple[Dataset, list[Version]]], lock: Lock) -> dict[str, object]:
    """The datasets of a project as plain data."""
    return {
        "project": project,
        "datasets": [
            {
                "name": dataset.name,
                "source": dataset.kind,
                "address": dataset.address,
                "path": dataset.path,
                "environments": list(dataset.environments),
                "not_there": [{"tag": named[4:], "used_by": list(by)} for named, by in lost(dataset, versions).items()],
                "versions": [
                    {
                        "tag": version.tag or None,
                        "commit": version.commit,
                        "date": version.date,
                        "hash": version.facts.hash or None,
                        "size": version.facts.size if version.facts.size >= 0 else None,
                        "files": version.facts.files if version.facts.files >= 0 else None,
                        "used_by": used_by(dataset, version),
                        "locked": next((mark for mark in marks(dataset, version, lock) if mark.startswith("locked")), None),
                    }
                    for version in versions
                ],
            }
            for dataset, versions in found
        ],
    }


def text(project: str, found: Sequence[tuple[Dataset, list[Version]]], lock: Lock) -> str:
    """The datasets of a project as a table each."""
    if not found:
        return f"{project}: no datasets\n"
    blocks = []
    for dataset, versions in found:
        where = "" if "" in dataset.environments else f" in {', '.join(dataset.environments)}"
        path = f" {dataset.path}" if dataset.path else ""
        at = f" at {' or '.join(dataset.written)}" if dataset.written else ""
        lines = [f"{dataset.name}: {dataset.kind} {dataset.address}{path}{at}{where}"]
        rows = [("TAG", "COMMIT", "DATE", "SIZE", "FILES", "HASH", "USED")]
        for version in versions:
            known = version.facts
            row = (
                version.tag or "-",
                version.commit[:10],
                version.date[:10],
                _size(known.size),
                "" if known.files < 0 else str(known.files),
            )
            rows.append((*row, known.hash.partition(":")[2][:10], ", ".join(marks(dataset, version, lock))))
        if dataset.kind == "s3":
            lines.append("  an object: its bucket knows the versions")
        elif not versions:
            lines.append("  no tag has it")
        else:
            used = [column for column in range(7) if column < 3 or any(row[column] for row in rows[1:])]
            widths = {column: max(len(row[column]) for row in rows) for column in used}
            lines += ["  " + "  ".join(row[column].ljust(widths[column]) for column in used).rstrip() for row in rows]
        lines += [f"  {named} is not there ({', '.join(one or 'spec' for one in by)})" for named, by in lost(dataset, versions).items()]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _size(size: int) -> str:
    """Bytes for people: three digits and a unit."""
    if size < 0:
        return ""
    amount, unit = float(size), "B"
    for bigger in ("kB", "MB", "GB", "TB", "PB"):
        if amount < 999.5:
            break
        amount, unit = amount / 1000, bigger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.5 else f"{amount:.3g} {unit}"
