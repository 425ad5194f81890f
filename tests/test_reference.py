"""The reference is what the schema and the compiler say; every key of the schema is used, and does something on every target."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from mlc.keys import show
from mlc.keys import support as shipped
from mlc.keys.language import keys
from mlc.targets import TARGETS
from tests.reference import ROOT, Outcome, Support, _edited, _without

if TYPE_CHECKING:
    from mlc.keys.language import Pointer
    from tests.reference import Where


@cache
def support() -> Support:
    """What the compiler does with every key, asked once."""
    return Support()


CHECKED = ("mlc", "version")
"""The version of the language, and of the engine that the manifest is for: they may leave no trace."""


@pytest.mark.parametrize("pointer", keys(), ids="/".join)
def test_every_key_does_something(pointer: Pointer) -> None:
    """A property is used by a valid spec; on each target it changes the manifest, is handed over, or is refused by a code."""
    assert support().uses[pointer], "no spec uses it"
    for target in TARGETS:
        found = support().of(pointer, target)
        assert found, f"nothing shows that {target} reads it"
        assert found != "checked" or pointer[-1] in CHECKED


DEFAULTS = [(pointer, key.node["default"]) for pointer, key in keys().items() if "default" in key.node]

SAID = {
    ("concurrency", "Allow"): "concurrencyPolicy: Allow",
    ("suspend", False): "suspend: false",
    ("operator", "Equal"): "operator: Equal",
}
"""What is the engine's own default, and is written where the project writes it."""


@pytest.mark.parametrize(("pointer", "default"), DEFAULTS, ids=lambda value: "/".join(value) if isinstance(value, tuple) else str(value))
def test_defaults(pointer: Pointer, default: object) -> None:
    """A key that says its default means what its absence means, wherever a valid spec has the key."""
    tried = 0
    for name, path in support().uses[pointer][:6]:
        data = support().documents[name]
        if path[0] == "steps" and path[-1] in data.get("defaults", {}):
            continue  # its absence means those
        absent = _without(data, path)
        for target in TARGETS:
            without, said = Outcome(absent, target, ""), Outcome(_with(data, path, default), target, "")
            if without.made is None or said.made is None:
                assert {code for code, _ in without.codes} == {code for code, _ in said.codes}
                continue
            tried += 1
            line = SAID.get((pointer[-1], default), "\0")
            texts = ["\n".join(row for row in one.made[0].splitlines() if line not in row) for one in (said, without)]
            assert texts[0] == texts[1], (name, target)
    assert tried or pointer[-1] in ("code", "overwrite")  # not lowered yet


def _with(data: Any, path: Where, value: object) -> Any:
    copy = json.loads(json.dumps(data))
    parent = copy
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return copy


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


def test_support_and_reference_are_up_to_date(pytestconfig: pytest.Config) -> None:
    """What `mlc explain` says of each key is what the compiler does, and docs/reference.md is made of it; `make golden` writes both."""
    table = support().table()
    files = {shipped.FILE: shipped.text(table), ROOT / "docs" / "reference.md": show.reference(table)}
    for file, text in files.items():
        if pytestconfig.getoption("--update-golden") and not os.environ.get("CI"):
            file.write_text(text, encoding="utf-8")
            shipped.table.cache_clear()
        assert file.read_text(encoding="utf-8") == text, f"{file.name} is not what the compiler does: run make golden"
    assert shipped.table() == table
