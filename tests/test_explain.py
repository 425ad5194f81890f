"""The pages about codes: complete, of one form, and found by the ways people type a code."""

from __future__ import annotations

import os
import re

import pytest

from mlc.diagnostics.codes import CODES
from mlc.diagnostics.explain import PAGES, explain, listing

HEADINGS = ["What it finds", "Why", "Example", "Instead"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections(page: str) -> dict[str, str]:
    """The text under each second-level heading of a page; fences may hold lines that look like headings."""
    parts = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    """No code without a page, and no page that `mlc explain` cannot show."""
    assert sorted(os.listdir(PAGES)) == sorted(f"{code}.md" for code in CODES)


@pytest.mark.parametrize("code", CODES)
def test_page_has_the_form(code: str) -> None:
    """The title says what the table says, and the four headings follow, in order, each with something under it."""
    page = explain(code)
    assert page is not None
    assert page.splitlines()[0] == f"# {code}: {CODES[code].summary}"
    found = sections(page)
    assert list(found) == HEADINGS
    assert all(text.strip() for text in found.values())
    assert page.endswith("\n")
    assert not page.endswith("\n\n")


@pytest.mark.parametrize("code", CODES)
def test_page_has_one_example_and_one_remedy(code: str) -> None:
    """Under `Example` and `Instead` there is exactly one fence each, a whole spec (`yaml`) or a piece of one (`text`)."""
    found = sections(explain(code) or "")
    for heading in ("Example", "Instead"):
        fences = FENCE.findall(found[heading])
        assert [language for language, _ in fences] in (["yaml"], ["text"]), heading
        assert "```" not in FENCE.sub("", found[heading]), heading
    for heading in ("What it finds", "Why"):
        assert "```" not in found[heading]


@pytest.mark.parametrize("code", [code for code in CODES if code.startswith("MLC4") and code[:5] not in ("MLC43", "MLC45")])
def test_target_pages_name_the_target(code: str) -> None:
    """An example of a problem of one target says for which target it has to be compiled, in the form of the command line."""
    assert re.search(r"With `--target (argo|kfp)`", sections(explain(code) or "")["Example"])


@pytest.mark.parametrize("code", [code for code in CODES if code.startswith("MLC43")])
def test_pages_of_runs_here_say_so(code: str) -> None:
    """What only `mlc run` refuses is said to be that."""
    assert sections(explain(code) or "")["What it finds"].strip().startswith("With `mlc run")


@pytest.mark.parametrize("spelling", ["MLC301", "mlc301", "301", " Mlc301\n"])
def test_code_is_found_however_it_is_typed(spelling: str) -> None:
    """Lower case, and the number alone, are the same code."""
    page = explain(spelling)
    assert page is not None
    assert page.startswith("# MLC301: an unknown step\n")


@pytest.mark.parametrize("spelling", ["", "MLC", "MLC000", "3010", "../codes", "MLC301.md", "unknown"])
def test_unknown_code_has_no_page(spelling: str) -> None:
    """What is no code gives nothing, and never another file."""
    assert explain(spelling) is None


def test_listing_has_every_code_in_columns() -> None:
    """One line per code, aligned, without trailing spaces."""
    lines = listing().splitlines()
    assert len(lines) == len(CODES)
    assert lines[0] == "MLC101  error    the text is not YAML"
    assert "MLC404  warning  a manifest near the engine's size limit" in lines
    assert "MLC405  note     a field that is handed over to another command" in lines
    assert all(line == line.rstrip() for line in lines)
