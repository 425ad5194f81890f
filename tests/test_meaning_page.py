"""docs/meaning.md, without the engines: the rules in plain Python write it. The engines are asked in tests/conformance/test_meaning.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conformance.meaning import Rules
from tests.conformance.meaning_loops import LoopRules
from tests.conformance.meaning_page import Page

if TYPE_CHECKING:
    from tests.golden import Goldens


def test_the_page(goldens: Goldens) -> None:
    """docs/meaning.md is what the rules say, to the byte."""
    goldens.check("../docs/meaning.md", Page(Rules(), LoopRules()).text())


def test_what_cannot_be_read_stops_every_run() -> None:
    """Of the page itself: nothing that is no number runs a step, or leaves the run green."""
    page = Page(Rules(), LoopRules()).no_numbers()
    assert page.count("fails the run") == 1
    assert "skipped" not in page
