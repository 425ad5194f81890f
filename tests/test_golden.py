"""Every spec compiles to exactly the manifests that are checked in, and every invalid one gets exactly the diagnostics that it should."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlc.cli.files import beside
from mlc.cli.session import failure
from mlc.diagnostics.codes import CODES, LINTS
from mlc.diagnostics.explain import explain
from mlc.diagnostics.model import Finding
from mlc.diagnostics.render import render
from mlc.driver import Result, check_environments, compile_source
from mlc.reader import decode, read
from mlc.record import replace
from mlc.source import SourceFile
from mlc.targets import TARGETS
from tests.golden import SHOWN, Goldens, difference
from tests.support import here

ROOT = Path(__file__).resolve().parent.parent
SPECS = sorted((ROOT / "specs").glob("*.yaml"))
INVALID = sorted((ROOT / "specs" / "invalid").glob("*.yaml"))

EXPECT = re.compile(r"#\s*expect(?:\s*(?P<distance>[+-]\d+))?:\s*(?P<codes>MLC\d{3}(?:\s*,\s*MLC\d{3})*)")
"""`# expect: MLC301` on the line that the diagnostic points at; `# expect -2: MLC301` where that line can hold no comment."""

BARE = {"MLC108-utf-16", "MLC109-huge", "MLC111-empty"}
"""Invalid specs that can hold no comment: they expect the code in their name, at the first line."""


HERE = "MLC43"
"""What only `mlc run` says."""


LOCKED = re.compile(r"MLC45[0-5]")
"""What only `--locked` says."""


def lock_of(spec: Path) -> SourceFile:
    """The lock file of a spec, as the command line hands it over: with an empty text where there is none."""
    path = spec.with_name(f"{spec.name}.lock")
    return SourceFile(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8") if path.is_file() else "")


def environments(spec: Path) -> tuple[str, ...]:
    """The project itself, "", and its environments."""
    found = read(SourceFile(spec.name, spec.read_text(encoding="utf-8")), [])
    assert found is not None
    return ("", *found.data.get("environments", ()))


SHAPES = [(spec, environment) for spec in SPECS for environment in environments(spec)]
"""Every valid spec in every environment that it has."""


PINNED = [(spec, environment) for spec, environment in SHAPES if lock_of(spec).text]
"""Those that have a lock file beside them: they are compiled from it, too."""


def stem(spec: Path, environment: str, *, locked: bool = False) -> str:
    """The name of a golden, without its end."""
    return ".".join(filter(None, (spec.stem, environment, "locked" if locked else "")))


def run(
    spec: Path, targets: tuple[str, ...], *, compiling: bool = False, environment: str = "", locked: bool = False
) -> tuple[Result, dict[str, str]]:
    """Check (in all environments) or compile a spec under its name relative to the project; also the sources, for the renderers."""
    name = spec.relative_to(ROOT).as_posix()
    findings: list[Finding] = []
    source = decode(name, spec.read_bytes(), findings)
    if source is None:
        return Result("", (), tuple(failure(found.code, found.message, name, found.help, found.span) for found in findings), None), {}
    source = replace(source, beside=beside(str(spec)))
    if spec.stem.startswith(HERE):
        return Result("", (), here(source), None), {name: source.text}
    lints = tuple(lint for lint, codes in LINTS.items() if spec.stem[:6] in codes)
    lock = lock_of(spec) if locked or LOCKED.match(spec.stem) else None
    sources = {name: source.text, **({lock.name: lock.text} if lock else {})}
    return (compile_source if compiling else check_environments)(source, targets, (), environment, lints, lock), sources


def expected(spec: Path) -> set[tuple[str, int]]:
    """The codes and lines that the comments of a spec and its lock file expect. Read as Latin-1: they are ASCII."""
    if spec.stem in BARE:
        return {(spec.name[:6], 1)}
    found: set[tuple[str, int]] = set()
    for text in (spec.read_text(encoding="latin-1"), lock_of(spec).text):
        for number, line in enumerate(text.split("\n"), start=1):
            for match in EXPECT.finditer(line):
                found |= {(code.strip(), number + int(match["distance"] or 0)) for code in match["codes"].split(",")}
    return found


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("spec", "environment"), SHAPES, ids=lambda part: part.stem if isinstance(part, Path) else part or "-")
def test_spec_compiles_to_its_golden(spec: Path, environment: str, target: str, goldens: Goldens) -> None:
    """A spec gives the manifest in golden/TARGET, one for each environment, or, where the target refuses it, the diagnostics there."""
    result, sources = run(spec, (target,), compiling=True, environment=environment)
    if result.outputs:
        goldens.check(f"{target}/{stem(spec, environment)}.yaml", result.outputs[0].text)
    else:
        goldens.check(f"{target}/{stem(spec, environment)}.txt", render("concise", result.diagnostics, sources))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("spec", "environment"), PINNED, ids=lambda part: part.stem if isinstance(part, Path) else part or "-")
def test_locked_spec_compiles_to_its_golden(spec: Path, environment: str, target: str, goldens: Goldens) -> None:
    """With a lock file beside it, a spec gives a second manifest, in which every image has its digest; no warnings."""
    result, _ = run(spec, (target,), compiling=True, environment=environment, locked=True)
    assert not result.diagnostics
    goldens.check(f"{target}/{stem(spec, environment, locked=True)}.yaml", result.outputs[0].text)


@pytest.mark.parametrize(("spec", "environment"), SHAPES, ids=lambda part: part.stem if isinstance(part, Path) else part or "-")
def test_spec_compiles_to_some_target(spec: Path, environment: str) -> None:
    """A spec outside specs/invalid is right: at least one target takes it, and none finds fault with anything but what it cannot do."""
    results = [run(spec, (target,), compiling=True, environment=environment)[0] for target in TARGETS]
    assert any(result.outputs for result in results)
    errors = {found.code for result in results for found in result.diagnostics if found.severity == "error"}
    assert all(code.startswith("MLC4") for code in errors)


@pytest.mark.parametrize("spec", INVALID, ids=lambda spec: str(spec.stem))
def test_invalid_spec_gets_its_diagnostics(spec: Path, goldens: Goldens) -> None:
    """An invalid spec gets the text in golden/diagnostics, for all targets and environments together."""
    result, sources = run(spec, TARGETS)
    goldens.check(f"diagnostics/{spec.stem}.txt", render("text", result.diagnostics, sources))


@pytest.mark.parametrize("spec", INVALID, ids=lambda spec: str(spec.stem))
def test_invalid_spec_expects_its_diagnostics(spec: Path) -> None:
    """The comments in an invalid spec name every diagnostic and its line, so a golden written anew cannot hide one that moved."""
    result, _ = run(spec, TARGETS)
    expects = expected(spec)
    assert {(found.code, found.span.line) for found in result.diagnostics} == expects
    assert spec.name[:6] in {code for code, _ in expects}


@pytest.mark.parametrize("target", TARGETS)
def test_no_golden_without_spec(target: str, goldens: Goldens) -> None:
    """Every file in golden/TARGET belongs to a spec, as a manifest or as a refusal, never both."""
    names = set()
    for spec, environment in SHAPES:
        result, _ = run(spec, (target,), compiling=True, environment=environment)
        names.add(f"{stem(spec, environment)}.{'yaml' if result.outputs else 'txt'}")
    names |= {f"{stem(spec, environment, locked=True)}.yaml" for spec, environment in PINNED}
    goldens.check_no_others(target, names)


def test_no_diagnostics_without_spec(goldens: Goldens) -> None:
    """Every file in golden/diagnostics belongs to an invalid spec, and golden/ holds nothing else that no test reads."""
    goldens.check_no_others("diagnostics", {f"{spec.stem}.txt" for spec in INVALID})
    assert {path.name for path in (ROOT / "golden").iterdir()} == {*TARGETS, "diagnostics", "hostile.txt"}


@pytest.mark.parametrize("code", CODES)
def test_code_has_page_and_spec(code: str) -> None:
    """Each code is explained, and is shown by a spec whose name starts with it (those about mlc and files cannot be)."""
    assert (explain(code) or "").startswith(f"# {code}")
    if not code.startswith("MLC9"):
        assert any(spec.name.startswith(f"{code}-") for spec in INVALID)


def test_goldens_fail_on_what_differs(tmp_path: Path) -> None:
    """A missing, a different and an orphan golden each fail; the difference is shown, cut, with the command that accepts it."""
    goldens = Goldens(tmp_path, update=False)
    with pytest.raises(AssertionError, match=r"a\.yaml is missing: run make golden"):
        goldens.check("argo/a.yaml", "a: 1\n")
    (tmp_path / "argo").mkdir()
    (tmp_path / "argo" / "a.yaml").write_bytes(b"a: 2\n")
    with pytest.raises(AssertionError, match=r"(?s)make golden.*-a: 2.*\+a: 1"):
        goldens.check("argo/a.yaml", "a: 1\n")
    with pytest.raises(AssertionError, match=r"that no spec makes: a\.yaml"):
        goldens.check_no_others("argo", set())
    long = difference("x", b"", b"\n" * 1000).splitlines()
    assert (len(long), long[-1]) == (SHOWN + 2, "... and 963 more lines")
    assert difference("x", b"a\r\n", b"a\n").splitlines()[1:] == ["(only line ends differ)"]


def test_goldens_are_updated(tmp_path: Path) -> None:
    """With `update`, files are added, rewritten and removed, and counted."""
    goldens = Goldens(tmp_path, update=True)
    goldens.check("argo/a.yaml", "a: 1\n")
    goldens.check("argo/a.yaml", "a: 2\n")
    goldens.check("argo/a.yaml", "a: 2\n")
    goldens.check("argo/b.yaml", "b: 1\n")
    goldens.check_no_others("argo", {"b.yaml"})
    assert [path.name for path in (tmp_path / "argo").iterdir()] == ["b.yaml"]
    assert (goldens.added, goldens.updated, goldens.removed) == (2, 1, 1)


@pytest.mark.parametrize(("ci", "arguments"), [("1", []), ("", ["-n", "2"])])
def test_update_is_refused(ci: str, arguments: list[str]) -> None:
    """`--update-golden` does not run in CI, where it would hide every difference, nor in parallel."""
    command = [sys.executable, "-m", "pytest", "--update-golden", "--collect-only", "-q", *arguments, "tests/test_layers.py"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "CI": ci}, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--update-golden" in done.stderr
