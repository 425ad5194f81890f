"""Promise 8: the same bytes for the same input, wherever and however it is compiled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SPECS = sorted((ROOT / "specs").glob("*.yaml"))

SURROUNDINGS = (
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C", "PYTHONUTF8": "0"},
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Seoul", "LC_ALL": "C.UTF-8", "LANG": "tr_TR.UTF-8", "NO_COLOR": "1", "CI": "true"},
    {"PYTHONHASHSEED": "31337", "TZ": "America/St_Johns", "LC_ALL": "POSIX", "COLUMNS": "40", "PYTHONIOENCODING": "latin-1"},
)


def compiled(folder: Path, surroundings: dict[str, str]) -> dict[str, bytes]:
    """Everything that the specs of a folder compile to, file by file: each target those that have a golden file for it, in one call."""
    environment = {**os.environ, **surroundings, "PYTHONPATH": str(ROOT / "compiler")}
    for target in ("argo", "kfp"):
        specs = [spec.name for spec in sorted(folder.glob("*.yaml")) if (ROOT / "golden" / target / spec.name).exists()]
        command = [sys.executable, "-m", "mlc", "compile", *specs, "--target", target, "-o", "out/"]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
    return {path.name: path.read_bytes() for path in sorted((folder / "out").iterdir())}


def test_same_bytes_everywhere(tmp_path: Path) -> None:
    """Hash seeds, folders, locales, time zones and encodings of the terminal change nothing."""
    found = []
    for number, surroundings in enumerate(SURROUNDINGS):
        folder = tmp_path / ("deep" * number) / f"folder {number}"
        folder.mkdir(parents=True)
        for spec in SPECS:
            shutil.copy(spec, folder)
        shutil.copytree(ROOT / "specs" / "objects", folder / "objects")
        found.append(compiled(folder, surroundings))
    assert len(found[0]) > len(SPECS)
    assert found[0] == found[1] == found[2]


def test_a_second_compile_changes_nothing(tmp_path: Path) -> None:
    """Nothing depends on what an earlier compile left."""
    shutil.copy(ROOT / "specs" / "mnist.yaml", tmp_path)
    first = compiled(tmp_path, {})
    assert compiled(tmp_path, {}) == first
