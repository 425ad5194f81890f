"""The reference is what the schema and the compiler say; every key of the schema is used, and does something on every target."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

import pytest

from mlc.targets import TARGETS
from tests.reference import ROOT, Outcome, Support, _edited, page, properties

if TYPE_CHECKING:
    from tests.reference import Pointer


@cache
def support() -> Support:
    """What the compiler does with every key, asked once."""
    return Support()


CHECKED = ("mlc", "version")
"""The version of the language, and of the engine that the manifest is for: they may leave no trace."""

PROPERTIES = [pointer for pointer, _ in properties()]


@pytest.mark.parametrize("pointer", PROPERTIES, ids="/".join)
def test_every_key_does_something(pointer: Pointer) -> None:
    """A property is used by a valid spec; on each target it changes the manifest, is handed over, or is refused by a code."""
    assert support().uses[pointer], "no spec uses it"
    for target in TARGETS:
        found = support().of(pointer, target)
        assert found, f"nothing shows that {target} reads it"
        assert found != "checked" or pointer[-1] in CHECKED


def test_a_key_that_does_nothing_is_found() -> None:
    """The test above can fail: what is changed for nothing is told from what changes the manifest."""
    data = {"mlc": "v1", "name": "demo", "steps": {"a": {"image": "x:1", "command": "c", "resources": {"cpu": 1}}}}
    base = Outcome(data, "argo", "")
    assert [Outcome(edited, "argo", "").made == base.made for edited in _edited(data, ("steps", "a", "resources", "cpu"), ())] == [
        False,
        False,
    ]
    unused = {**data, "images": {"spare": "y:1"}}
    assert {Outcome(edited, "argo", "").made == base.made for edited in _edited(unused, ("images", "spare"), ())} == {True}


def test_reference_is_up_to_date(pytestconfig: pytest.Config) -> None:
    """docs/reference.md is what the generator says now; `make golden` writes it."""
    file = ROOT / "docs" / "reference.md"
    text = page(support())
    if pytestconfig.getoption("--update-golden") and not os.environ.get("CI"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, "docs/reference.md is not what the compiler does: run make golden"
