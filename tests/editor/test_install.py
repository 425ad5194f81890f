"""The language server is installed as it is pinned, or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.conformance.build import BuildError
from tests.editor import install

if TYPE_CHECKING:
    from pathlib import Path


def test_every_package_is_pinned() -> None:
    """The lock file has a version and a hash for each package, and sends nobody to a certain registry."""
    packages = json.loads((install.HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert packages.pop("")["dependencies"] == json.loads((install.HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert "node_modules/yaml-language-server" in packages
    assert all(package["version"] and package["integrity"].startswith("sha512-") for package in packages.values())
    assert not [name for name, package in packages.items() if "resolved" in package]


@pytest.mark.parametrize(
    ("npm", "reason"),
    [
        ("echo registry out of reach >&2; exit 1", "registry out of reach"),
        ("mkdir -p node_modules", "node"),  # it leaves something that does not start
        (None, "npm"),
    ],
)
def test_what_cannot_be_installed_is_not_kept(npm: str | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where npm fails, or leaves a server that does not start, the reason is told, and the next try begins anew."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in (("npm", npm), ("node", "echo node: no such server >&2; exit 1")):
        if script is not None:
            (programs / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/bin" if npm else str(programs))
    with pytest.raises(BuildError, match=reason):
        install.install()
    assert [path.name for path in (tmp_path / "cache" / "mlc-editor").iterdir()] == ["lock"]
    assert "make editor" in install.missing()
