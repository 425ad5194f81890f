"""Promise 2, by mutation: nothing in a spec is dropped.

Every scalar of every valid spec is changed, and every key is taken out, one at a time. For each target the manifest (or what
`mlc infra` prints) must change, or a diagnostic must say so: a new one, or one that hands over or refuses the very place. What is
taken out may leave no trace only where it was written out of good will: the resolved project is then the same without it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlc import driver, infra
from mlc.reader import read
from mlc.source import SourceFile
from mlc.targets import TARGETS
from tests import support

if TYPE_CHECKING:
    from collections.abc import Iterator

SPECS = sorted((Path(__file__).parents[1] / "specs").glob("*.yaml"))

ELSEWHERE = {"argo": ("targets", "kfp"), "kfp": ("targets", "argo")}
"""Settings of another target mean nothing to this one."""

Where = tuple[str | int, ...]


def places(node: Any, path: Where = ()) -> Iterator[Where]:
    """The path of every node below the top."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def at(node: Any, path: Where) -> Any:
    """The node at a path."""
    for key in path:
        node = node[key]
    return node


def changed(node: Any) -> Any:
    """Another value of the same type, such as a user could have written."""
    if isinstance(node, bool):
        return not node
    if isinstance(node, (int, float)):
        return node + 1
    text = str(node)
    flipped = {"Always": "Never", "IfNotPresent": "Always", "ReadWriteOnce": "ReadWriteMany", "ReadWriteMany": "ReadWriteOnce"}
    flipped |= {"sh": "bash", "bash": "sh", "string": "int", "failure": "error", "always": "error", "json": "kfp-v1", "model": "dataset"}
    return flipped.get(text) or (f"1{text}" if text[:1].isdigit() else f"{text}x")


def edited(data: Any, path: Where, *, remove: bool) -> Any:
    """A copy of the document with one node changed, or taken out."""
    copy = json.loads(json.dumps(data))
    parent = at(copy, path[:-1])
    if remove:
        del parent[path[-1]]
    else:
        parent[path[-1]] = changed(parent[path[-1]])
    return copy


class Outcome:
    """What a target makes of a document, and of each of its environments: manifest and infra, and diagnostics without their positions."""

    def __init__(self, data: Any, target: str, *, sound: bool = True) -> None:
        # JSON is YAML: the text keeps the data, and the order of its keys
        source = SourceFile("spec.yaml", json.dumps(data, ensure_ascii=False), beside=support.beside)
        overlays = data.get("environments")
        names = ("", *overlays) if isinstance(overlays, dict) else ("",)
        results = [driver.compile_source(source, (target,), (), name) for name in names]
        if sound:
            assert [fault for result in results for fault in support.unsound(result)] == []
        self.manifest = [output.text for result in results for output in result.outputs]
        self.infra = [infra.manifests(result.pipeline, target) for result in results if result.pipeline is not None]
        self.pipelines = [result.pipeline for result in results]
        self.diagnostics = [(item.code, item.message, item.path, item.help) for result in results for item in result.diagnostics]

    def differs(self, other: Outcome) -> bool:
        """Whether a user could tell the two apart."""
        return (self.manifest, self.infra, self.diagnostics) != (other.manifest, other.infra, other.diagnostics)

    def speaks_of(self, path: Where) -> bool:
        """Whether a diagnostic hands over or refuses the place, or what it lies in."""
        return any(code in ("MLC401", "MLC405") and path[: len(place)] == place for code, _, place, _ in self.diagnostics)


def document(spec: Path) -> Any:
    """The data of a spec, aliases resolved; numbers as JSON has them."""
    found = read(SourceFile(spec.name, spec.read_text(encoding="utf-8")), [])
    assert found is not None
    return json.loads(json.dumps(found.data))


@pytest.fixture
def _short_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs for datasets are thousands of lines in a manifest, the same in each of hundreds here."""
    monkeypatch.setattr("mlc.resolve.tagged.program", lambda name: f"print({name!r})\n")


@pytest.mark.usefixtures("_short_programs")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_no_field_is_dropped(spec: Path, target: str) -> None:
    """A change anywhere is seen, or spoken of."""
    data = document(spec)
    base = Outcome(data, target)
    if None in base.pipelines:
        assert any(code.startswith("MLC4") for code, *_ in base.diagnostics)  # refused by name: there is no output to lack anything
        return
    silent = []
    count = 0
    for path in places(data):
        node = at(data, path)
        if ELSEWHERE[target] in (path[:2], path[2:4]) or (path[-1] == "targets" and set(node) == {ELSEWHERE[target][1]}):
            continue  # of the project, or of an environment
        for remove in (False, True):
            if not remove and isinstance(node, (dict, list)):
                continue
            if remove and (node in ({}, [], "", False, None) or (path[-2:-1] in (("argo",), ("kfp",)) and path[-1] == "version")):
                continue  # an empty value is what its absence means, and a version is only a promise about the cluster
            count += 1
            # the self-check takes as long as the compile; and a patch may say what it does not know
            outcome = Outcome(edited(data, path, remove=remove), target, sound="patch" not in path and count % 3 == 0)
            if remove and outcome.pipelines == base.pipelines:
                continue
            if not outcome.differs(base) and not outcome.speaks_of(path) and not base.speaks_of(path):
                silent.append(("removed" if remove else "changed", ".".join(map(str, path))))
    assert silent == []
    assert count > 10
