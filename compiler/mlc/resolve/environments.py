"""`environments`: an overlay laid over the project, chosen with `--env NAME`.

The result is a document like any other. It remembers which of its paths came from the overlay, so that findings point there.
Entries merge by name, and an entry by its keys; in `defaults` and `steps` by the rules by which a step lies over `defaults`.
"""

from __future__ import annotations

from ..diagnostics.model import Finding, Related
from ..kinds import A, fitting, kind_of, kind_of_param
from ..record import replace
from .merge import BY_KEY, PROGRAM, same_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..diagnostics.model import At, Path
    from ..source import Document

_DECLARED = {
    "params": ("MLC303", "parameter"),
    "steps": ("MLC301", "step"),
    "finally": ("MLC301", "step"),
    "machines": ("MLC328", "machine"),
    "volumes": ("MLC316", "volume"),
}
"""Sections in which an environment changes what is there. A new entry would be a misspelt one, or one that nothing uses."""

_KINDS = {
    "volumes": ("claim", "size", "memory", "empty_dir", "ephemeral", "secret", "config_map", "host_path", "nfs"),
    "datasets": ("dvc", "git", "s3"),
}
"""Keys that say what kind of thing an entry is. One of another kind replaces the entry."""


def names(data: Any) -> tuple[str, ...]:
    """The environments of a document that the schema accepts."""
    return tuple(data.get("environments") or ())


def apply(document: Document, name: str, findings: list[Finding]) -> Document:
    """The document of an environment. `name` is one of `names`; the schema has accepted the document."""
    overlay = _Overlay(document.data, ("environments", name), findings)
    overlay.apply()
    return replace(document, data=overlay.data, moved=tuple(overlay.moved.items()), environment=name)


class _Overlay:
    """Lays one environment over a copy of the data, which shares what does not change."""

    def __init__(self, data: Any, root: Path, findings: list[Finding]) -> None:
        self.data: dict[str, Any] = dict(data)
        self.root, self.findings = root, findings
        self.overlay: dict[str, Any] = data["environments"][root[1]]
        self.moved: dict[Path, Path] = {}

    def apply(self) -> None:
        for section, given in self.overlay.items():
            base = self.data.get(section)
            if base is None:
                self.moved[(section,)] = (*self.root, section)
            if given is None:
                self.data.pop(section, None)
            elif section == "defaults":
                self.data[section] = self._step(base or {}, given, (section,), keep_nulls=False)
            elif section in ("store", "schedule"):
                self.data[section] = self._settings(base or {}, given, (section,))
            elif section == "targets":
                self.data[section] = self._each(base or {}, given, (section,))
            else:
                self.data[section] = self._entries(section, base or {}, given)

    def _entries(self, section: str, base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """A section of named entries."""
        found = dict(base)
        for name, entry in given.items():
            path: Path = (section, name)
            if name not in base and section in _DECLARED:
                self._unknown(section, name, base)
            elif entry is None:
                if found.pop(name, None) is None:
                    self._report("MLC203", f"there is no `{name}` to take away", path, help="give it a value or remove the key", at="key")
            elif name not in base:
                found[name] = self._new(entry, path)
            elif section in ("steps", "finally"):
                found[name] = self._step(base[name] or {}, entry, path, keep_nulls=True)
            elif section == "machines":
                found[name] = self._step(base[name] or {}, entry, path, keep_nulls=False)
            elif section == "params":
                found[name] = self._param(base[name], entry, path)
            elif section == "images":
                found[name] = self._image(base[name], entry, path)
            else:
                found[name] = self._of_kind(section, base[name], entry, path)
        return found

    def _settings(self, base: dict[str, Any], given: dict[str, Any], path: Path) -> dict[str, Any]:
        """`store`, whose one key is its kind; `schedule`."""
        if path != ("store",):
            return self._keys(base, given, path)
        if len(given) == 1 and given.keys() == base.keys():
            return self._each(base, given, path)
        return self._new_entries(given, path)

    def _each(self, base: dict[str, Any], given: dict[str, Any], path: Path) -> dict[str, Any]:
        """Mappings of mappings."""
        found = dict(base)
        for key, entry in given.items():
            place = (*path, key)
            both = isinstance(base.get(key), dict) and isinstance(entry, dict)
            found[key] = self._keys(base[key], entry, place) if both else self._new(entry, place)
        return found

    def _keys(self, base: dict[str, Any], given: dict[str, Any], path: Path) -> dict[str, Any]:
        """An entry by its keys; `null` takes one away."""
        found = dict(base)
        for key, value in given.items():
            if value is None:
                found.pop(key, None)
            else:
                found[key] = self._new(value, (*path, key))
        return found

    def _of_kind(self, section: str, base: dict[str, Any], given: dict[str, Any], path: Path) -> dict[str, Any]:
        """A volume or a dataset."""
        kinds = [kind for kind in _KINDS.get(section, ()) if given.get(kind) is not None]
        if section == "volumes" and kinds and not any(kind in base for kind in kinds):
            return self._new_entries(given, path)
        if section == "datasets":
            others = ("tag", "rev") if "tag" in given or "rev" in given else ()
            base = {
                key: value
                for key, value in base.items()
                if key not in others and not (kinds and key in _KINDS[section] and key not in given)
            }
        return self._keys(base, given, path)

    def _param(self, base: Any, given: Any, path: Path) -> Any:
        """A plain value is another default, of the same type; a mapping has keys of the declaration."""
        if isinstance(given, dict):
            if not isinstance(base, dict):
                self.moved.update({(*path, "default"): path})
                base = {"default": base}
            return self._keys(base, given, path)
        kind = kind_of_param(self.data, (*path, "default") if isinstance(base, dict) else path)
        value = fitting(given, kind, unquoted=not isinstance(given, (str, list)))
        actual = kind_of(value)
        if kind and actual != kind:
            message = f"parameter `{path[1]}` is {A[kind]}, and this is {A.get(actual, 'nothing')}"
            self._report("MLC305", message, path, help=f"give {A[kind]}, or say `{{type: ..., default: ...}}`")
            return base
        if isinstance(base, dict):
            self.moved.update({(*path, "default"): (*self.root, *path)})
            return {**base, "default": value}
        return self._new(value, path)

    def _image(self, base: Any, given: Any, path: Path) -> Any:
        """A text is another reference; a mapping has keys of the long form."""
        if isinstance(given, dict):
            if not isinstance(base, dict):
                self.moved.update({(*path, "ref"): path})
                base = {"ref": base}
            return self._keys(base, given, path)
        if isinstance(base, dict):
            self.moved.update({(*path, "ref"): (*self.root, *path)})
            return {**base, "ref": given}
        return self._new(given, path)

    def _step(self, base: dict[str, Any], given: dict[str, Any], path: Path, *, keep_nulls: bool) -> dict[str, Any]:
        """Keys of a step. A `null` stays where something may lie under them, which it removes too."""
        found = dict(base)
        if given.get("command") is not None or given.get("run") is not None:
            self._check_script(base, given, path)
            for key in PROGRAM:
                found.pop(key, None)
        for key, value in given.items():
            inherited = base.get(key)
            if value is None and not keep_nulls:
                found.pop(key, None)
            elif key in BY_KEY and value is not None and inherited is not None and same_form(key, inherited, value):
                found[key] = self._by_key(inherited, value, (*path, key), keep_nulls=keep_nulls)
            else:
                found[key] = self._new(value, (*path, key))
        return found

    def _by_key(self, base: dict[str, Any], given: dict[str, Any], path: Path, *, keep_nulls: bool) -> dict[str, Any]:
        found = dict(base)
        for entry, value in given.items():
            if value is None and not keep_nulls:
                found.pop(entry, None)
            else:
                found[entry] = self._new(value, (*path, entry))
        return found

    def _check_script(self, base: dict[str, Any], given: dict[str, Any], path: Path) -> None:
        """As for a script over `defaults`: `shell` and `packages` belong to the `run` they stand beside."""
        for key in ("shell", "packages"):
            if given.get("run") is not None and base.get(key) is not None and key not in given and base[key] != "sh":
                related = (Related((*path, key), "does not reach this script", "key"),)
                help = (
                    f"write `{key}` beside the `run`, or `{key}: null` if it is not meant: who sets `run` inherits nothing of the program"
                )
                message = f"this script replaces one with `{key}`, which it does not get"
                self._report("MLC209", message, (*path, "run"), help=help, at="key", related=related)

    def _new(self, value: Any, path: Path) -> Any:
        self.moved[path] = (*self.root, *path)
        return value

    def _new_entries(self, given: dict[str, Any], path: Path) -> dict[str, Any]:
        """A mapping that takes the place of another: as a whole, and key by key for those that both have."""
        self.moved[path] = (*self.root, *path)
        return {key: value for key, value in given.items() if value is not None}

    def _unknown(self, section: str, name: str, known: dict[str, Any]) -> None:
        from ..diagnostics.suggest import did_you_mean

        code, what = _DECLARED[section]
        help = did_you_mean(name, map(str, known)) or f"declare it under `{section}` of the project: an environment changes what is there"
        self._report(code, f"the project has no {what} `{name}`", (section, name), help=help, at="key")

    def _report(self, code: str, message: str, path: Path, *, help: str, at: At = "value", related: tuple[Related, ...] = ()) -> None:
        self.findings.append(Finding(code, message, (*self.root, *path), at, help=help, related=related))
