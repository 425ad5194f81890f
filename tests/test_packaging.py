"""The wheel: what is in it, and that it works on its own, away from the checkout."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from mlc import __version__
from mlc.diagnostics.codes import CODES
from mlc.driver import compile_source
from mlc.schema import schema_text
from mlc.source import SourceFile
from mlc.targets import TARGETS

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    output_of(command)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def mlc(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `mlc` of a fresh environment that holds the wheel, and sees what it depends on where the tests have it."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    output_of(install)
    site = next(folder.glob("lib/python*/site-packages"))
    # A path in a .pth file is added as it is: an editable install of the checkout, itself a .pth file over there, stays out.
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return folder / "bin" / "mlc"


def output_of(command: list[str], cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Standard output of a command that must succeed; what it says on standard error where it does not."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run(mlc: Path, *arguments: str, cwd: Path) -> str:
    """Standard output of a command that must succeed, in an environment that knows nothing of the checkout."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return output_of([str(mlc), *arguments], cwd, env)


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """The package, its data and its metadata are in the wheel; tests, specs and caches are not."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = email.message_from_bytes(archive.read(f"mlc_compiler-{__version__}.dist-info/METADATA"))
    assert {name.split("/")[0] for name in names} == {"mlc", f"mlc_compiler-{__version__}.dist-info"}
    source = {path.relative_to(ROOT / "compiler").as_posix() for path in (ROOT / "compiler" / "mlc").rglob("*") if path.is_file()}
    wanted = {name for name in source if "__pycache__" not in name} | {f"mlc/schemas/v1/{form}.schema.json" for form in ("lock", "project")}
    assert {name for name in names if name.startswith("mlc/")} == wanted
    assert {f"mlc/diagnostics/pages/{code}.md" for code in CODES} <= names
    assert {"mlc/py.typed", "mlc/cli/template/mlc.yaml"} <= names
    assert (metadata["Name"], metadata["Version"], metadata["License-Expression"]) == ("mlc-compiler", __version__, "Apache-2.0")
    assert metadata["Requires-Python"] == ">=3.10"
    required = {line.split(";")[0].strip() for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line}
    assert required == {"pyyaml>=6", "jsonschema>=4.20", "rich>=13.8", "typer<0.29,>=0.20", "tzdata>=2025.2"}


def test_installed_schema(mlc: Path, tmp_path: Path) -> None:
    """The installed command prints the schema of the checkout, from its own copy."""
    assert run(mlc, "schema", cwd=tmp_path) == schema_text()


def test_installed_compiler(mlc: Path, tmp_path: Path) -> None:
    """The installed command makes the same bytes as the checkout, from any folder; so does `python -m mlc`."""
    source = SourceFile("mnist.yaml", (ROOT / "specs" / "mnist.yaml").read_text(encoding="utf-8"))
    wanted = "---\n".join(output.text for output in compile_source(source, TARGETS).outputs)
    arguments = ("compile", str(ROOT / "specs" / "mnist.yaml"), "--target", "all")
    assert run(mlc, *arguments, cwd=tmp_path) == wanted != ""
    assert run(mlc.with_name("python"), "-m", "mlc", *arguments, cwd=tmp_path) == wanted


def test_installed_help_and_pages(mlc: Path, tmp_path: Path) -> None:
    """The parts that are read when they are needed are there: typer, the pages of the codes, the project that `init` writes."""
    assert run(mlc, "--version", cwd=tmp_path) == f"mlc {__version__}\n"
    assert run(mlc, "explain", "MLC301", cwd=tmp_path).startswith("# MLC301")
    assert run(mlc, "explain", "steps.cache", cwd=tmp_path).startswith("# steps.cache")
    run(mlc, "init", "new", cwd=tmp_path)
    assert run(mlc, "graph", "new", cwd=tmp_path).startswith("new: 3 steps\n")
