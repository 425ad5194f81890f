"""The documents: their specs compile, their excerpts are what the compiler prints, their commands run, their links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mlc.diagnostics.codes import CODES
from mlc.diagnostics.render import render
from mlc.driver import Result, compile_source
from mlc.source import SourceFile
from mlc.targets import TARGETS

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
STARTS = ("mlc:", "# yaml-language-server:")
"""How a whole project starts. Other YAML is a piece of one."""


def fences(page: Path, language: str) -> list[str]:
    """The texts of a page's fences in a language."""
    return [match["text"] for match in FENCE.finditer(page.read_text(encoding="utf-8")) if match["language"] == language]


def projects() -> list[tuple[str, str]]:
    """Every whole project in the documents, with a name for it."""
    found = [(page, text) for page in PAGES for text in fences(page, "yaml") if text.startswith(STARTS)]
    return [(f"{page.stem}-{number}", text) for number, (page, text) in enumerate(found)]


def commands(page: Path) -> list[str]:
    """The commands in a page's console fences: lines that start with a prompt."""
    return [line[2:] for text in fences(page, "console") for line in text.splitlines() if line.startswith("$ ")]


def compiled(text: str, *targets: str) -> Result:
    """What becomes of a project called `digits.yaml`."""
    return compile_source(SourceFile("digits.yaml", text), targets or TARGETS)


@pytest.mark.parametrize(("name", "text"), projects(), ids=lambda value: value if "\n" not in value else "")
def test_project_in_documents_compiles(name: str, text: str) -> None:
    """A whole project in the documents compiles to both targets, or to Argo where it says so and KFP refuses it; without a warning."""
    if text.split("\n")[0].endswith("# for Argo alone"):
        assert {found.code for found in compiled(text, "kfp").diagnostics if found.severity != "note"} == {"MLC401"}
        assert [found.message for found in compiled(text, "argo").diagnostics if found.severity != "note"] == []
        return
    result = compiled(text)
    assert [f"{found.span.line}: {found.code} {found.message}" for found in result.diagnostics if found.severity != "note"] == []
    assert [output.target for output in result.outputs] == list(TARGETS)


def test_readme_shows_projects() -> None:
    """There are projects to test: the README begins with one, and the reference holds several."""
    names = [name for name, _ in projects()]
    assert any(name.startswith("README") for name in names)
    assert sum(name.startswith("language") for name in names) >= 2


@pytest.mark.parametrize(("number", "target"), [(0, "argo"), (1, "kfp")])
def test_readme_excerpts_are_true(number: int, target: str) -> None:
    """The README's excerpts of manifests are pieces of what its project compiles to, in their order."""
    (output,) = compiled(fences(README, "yaml")[0], target).outputs
    position = 0
    for piece in fences(README, "text")[number].split("# ...\n"):
        found = output.text.find(piece, position)
        assert found >= 0, f"the {target} manifest of the README's project does not hold, after what was shown before:\n{piece}"
        position = found + len(piece)


def test_readme_error_is_true() -> None:
    """The README's error is what its project gives with one letter left out."""
    spec = fences(README, "yaml")[0].replace("gate: evaluate", "gate: evalute")
    result = compiled(spec)
    assert fences(README, "text")[2].strip() == render("text", result.diagnostics, {"digits.yaml": spec}).strip()


def test_readme_run_is_true(tmp_path: Path) -> None:
    """The README's end of a run is what `mlc run` prints for the project of `mlc init`, but for times and the letters of its name."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "compiler"), "NO_COLOR": "1"}
    for words in (["init", "my-project"], ["run", "my-project/mlc.yaml", "--runner", "process"]):
        done = subprocess.run(
            [sys.executable, "-m", "mlc", *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )

    def without_times(text: str) -> str:
        return re.sub(r" +", " ", re.sub(r"[\d.]+ s\b", "0 s", re.sub(r"my-project-[a-z0-9]{5}", "my-project-x7k2p", text)))

    shown = without_times(fences(README, "text")[3])
    assert without_times(done.stdout).endswith("\n" + shown)


def test_readme_starts_with_two_commands() -> None:
    """What to type first comes first."""
    assert commands(README)[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("command", sorted({line for page in PAGES for line in commands(page) if line.startswith("mlc ")}))
def test_command_in_documents_runs(command: str, tmp_path: Path) -> None:
    """Every `mlc` command in the documents runs and ends with 0, in a folder with the project's specs and a project of `mlc init`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "compiler"), "NO_COLOR": "1"}
    (tmp_path / "specs").symlink_to(ROOT / "specs", target_is_directory=True)
    mlc = [sys.executable, "-m", "mlc"]
    if not command.startswith("mlc init"):
        subprocess.run([*mlc, "init", "my-project"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    if command.split()[1] in ("runs", "logs", "metrics"):  # they are about a run
        words = ["run", "my-project/mlc.yaml", "--runner", "process"]
        subprocess.run([*mlc, *words], cwd=tmp_path, env=environment, check=True, capture_output=True)
    done = subprocess.run([*mlc, *shlex.split(command)[1:]], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("place", [README, ROOT / ".pre-commit-hooks.yaml"], ids=lambda path: str(path.name))
def test_arguments_of_the_hook_work(place: Path, tmp_path: Path) -> None:
    """The arguments that the documents give to `mlc-compile-check` find specs: that of `mlc init`, or those of this repository."""
    (tmp_path / "specs").symlink_to(ROOT / "specs", target_is_directory=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "compiler")}

    def mlc(*words: str) -> int:
        return subprocess.run(
            [sys.executable, "-m", "mlc", *words], cwd=tmp_path, env=environment, check=False, capture_output=True
        ).returncode

    assert mlc("init") == 0
    examples = re.findall(r"\[([^]\n]*--target[^]\n]*)\]", place.read_text(encoding="utf-8"))
    compared = [example.split(", ") for example in examples if "-o" in example]
    assert compared
    for words in compared:
        assert mlc("compile", "--check", *words) == 1
        assert mlc("compile", *words) == 0
        assert mlc("compile", "--check", *words) == 0


def test_lengths_of_the_mnist_project_are_true() -> None:
    """The README counts the lines of the MNIST project as they are."""
    spec, manifest = (len((ROOT / name / "mnist.yaml").read_text(encoding="utf-8").splitlines()) for name in ("specs", "golden/argo"))
    assert f"is {spec} lines here and [{manifest} there]" in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", sorted({line for page in PAGES for line in commands(page) if line.startswith("make ")}))
def test_make_target_in_documents_exists(command: str) -> None:
    """Every `make` target that the documents name is one."""
    target = command.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link in a document names a file of the project."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_codes_exist(page: Path) -> None:
    """A document names no code that is not in the table."""
    assert set(re.findall(r"MLC\d{3}", page.read_text(encoding="utf-8"))) <= CODES.keys()


def test_readme_lists_every_command() -> None:
    """The table of commands in the README is the command line's own list."""
    from typer.main import get_command

    from mlc.cli.app import app

    shown = re.findall(r"^\| `mlc (\w+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    group = get_command(app)
    assert sorted(shown) == sorted(getattr(group, "commands"))  # noqa: B009 - click's type of a command knows no subcommands


def test_language_page_names_every_key() -> None:
    """The reference of the language names every key that the schema knows."""
    import json

    keys: set[str] = set()

    def collect(node: object) -> None:
        if isinstance(node, dict):
            properties = node.get("properties")
            if isinstance(properties, dict):
                keys.update(properties)
            for child in node.values():
                collect(child)
        elif isinstance(node, list):
            for child in node:
                collect(child)

    collect(json.loads((ROOT / "schemas" / "v1" / "project.schema.json").read_text(encoding="utf-8")))
    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    assert sorted(key for key in keys if not re.search(rf"\b{key}\b", page)) == []
