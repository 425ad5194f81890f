"""`resource: {file}`: the object of a step in a file beside the spec, read in place of a `manifest`. A part of the reader.

Paths are relative to the spec, whoever runs `mlc` wherever; the caller, who knows the spec's folder, reads them
(`SourceFile.beside`). What is wrong in such a file is reported where the spec names it (`source.locate`).
"""

from __future__ import annotations

from . import reader
from .diagnostics.model import Finding
from .record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .diagnostics.model import Path
    from .source import Document, SourceFile

_SECTIONS = ("steps", "finally", "templates")
_HELP = "name a file beside the project, or in a folder below it, such as `objects/service.yaml`"


def include(document: Document, findings: list[Finding]) -> Document:
    """The document with the objects of all files in the places where `manifest` would hold them. Its form is that of the language."""
    files: list[tuple[Path, SourceFile]] = []
    data = document.data
    for section, name, resource in list(_resources(data)):
        path: Path = (section, name, "resource")
        source = _source(document, resource["file"], (*path, "file"), findings)
        tree = _tree(source, (*path, "file"), findings) if source is not None else None
        if source is None or tree is None:
            continue
        files.append(((*path, "manifest"), source))
        kept = {key: value for key, value in resource.items() if key != "file"}
        data = {**data, section: {**data[section], name: {**data[section][name], "resource": {**kept, "manifest": tree}}}}
    return replace(document, data=data, files=tuple(files)) if files else document


def _resources(data: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for section in _SECTIONS:
        for name, entry in (data.get(section) or {}).items():
            resource = entry.get("resource")
            if resource and "file" in resource and "manifest" not in resource:
                yield section, name, resource


def _source(document: Document, name: str, path: Path, findings: list[Finding]) -> SourceFile | None:
    """The text of a file; None where it cannot be had, which is reported."""
    parts = name.split("/")
    if "${{" in name:
        return None  # reported with all expressions that stand where they may not
    if name.startswith(("/", "~")) or "\\" in name or ".." in parts or "" in parts:
        findings.append(Finding("MLC342", f"`{name}` is no path of a file beside the project or below its folder", path, help=_HELP))
        return None
    if document.source.beside is None:
        message = f"there is no folder in which `{name}` could be: the project is read from standard input"
        findings.append(Finding("MLC342", message, path, help="name the spec's file in the command, or write the object under `manifest`"))
        return None
    try:
        raw = document.source.beside(name)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        findings.append(Finding("MLC342", f"`{name}` cannot be read: {reason[:1].lower()}{reason[1:]}", path, help=_HELP))
        return None
    found: list[Finding] = []
    source = reader.decode(name, raw, found)
    findings.extend(_here(finding, name, path) for finding in found)
    return source


def _tree(source: SourceFile, path: Path, findings: list[Finding]) -> dict[str, Any] | None:
    """The one mapping of a file."""
    found: list[Finding] = []
    builder = reader.Builder(source.text, found)
    data = builder.build()
    findings.extend(_here(finding, source.name, path) for finding in found)
    if builder.failed:
        return None
    if not isinstance(data, dict):
        what = "is empty" if data is None else f"holds a {'list' if isinstance(data, list) else 'single value'}"
        findings.append(Finding("MLC342", f"`{source.name}` {what}, and no object", path, help="an object is one mapping, in YAML or JSON"))
        return None
    return data


def _here(finding: Finding, name: str, path: Path) -> Finding:
    """What the reader found in a file, told where the spec names the file."""
    line = f" on line {finding.span.line}" if finding.span else ""
    return Finding(finding.code, f"{finding.message}, in `{name}`{line}", path, help=finding.help)
