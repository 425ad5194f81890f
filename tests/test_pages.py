"""The pages of the codes keep their promises: the example gives the code, what stands under "Instead" does not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlc import driver
from mlc.diagnostics.codes import CODES, LINTS
from mlc.source import SourceFile
from mlc.targets import TARGETS
from tests import support
from tests.support import here

PAGES = Path(__file__).parents[1] / "compiler" / "mlc" / "diagnostics" / "pages"
INVALID = sorted((Path(__file__).parents[1] / "specs" / "invalid").glob("*.yaml"))


def part(code: str, heading: str) -> str:
    """The text under a heading of a page."""
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    return text.split(f"## {heading}\n")[1].split("\n## ")[0]


def fence(text: str) -> str | None:
    """The first YAML example of a text."""
    found = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    return found[1] if found else None


def codes(spec: str, targets: tuple[str, ...], lints: tuple[str, ...] = ()) -> set[str]:
    """The codes that a spec gives."""
    return {item.code for item in driver.compile_source(SourceFile("spec.yaml", spec), targets, lints=lints).diagnostics}


@pytest.mark.parametrize("code", CODES)
def test_example_and_instead(code: str) -> None:
    """Every example that is a spec is compiled."""
    example, instead = fence(part(code, "Example")), fence(part(code, "Instead"))
    named = re.search(r"--target (\w+)", part(code, "Example"))
    targets = (named[1],) if named else TARGETS
    lints = tuple(lint for lint, found in LINTS.items() if code in found)
    if example is not None:
        assert code in codes(example, targets, lints)
    if instead is not None:
        assert code not in codes(instead, targets, lints)
    for lint in lints:
        assert f"`mlc validate --lint {lint}`" in part(code, "What it finds")
    assert example is not None or "```text" in part(code, "Example")


@pytest.mark.parametrize("spec", INVALID, ids=lambda spec: spec.stem)
def test_every_problem_has_a_way_out(spec: Path) -> None:
    """Each diagnostic of each invalid spec says what to do, in one style."""
    try:
        text = spec.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return  # never becomes a text: the reader's own tests look at those
    source = SourceFile(spec.name, text, beside=support.beside)
    said = driver.compile_source(source, TARGETS, lints=tuple(LINTS)).diagnostics
    for item in (*said, *(here(source) if spec.stem.startswith("MLC43") else ())):
        assert item.help, item
        for sentence in (item.message, item.help):
            assert not sentence.endswith("."), sentence
            assert sentence[0] == "`" or not sentence[0].isupper() or sentence.split()[0].strip(",") in ("Argo", "GPUs", "KFP", "YAML"), (
                sentence
            )
