"""The self-check of emitted trees: it is silent on every golden, and finds every fault that is seeded into one, at its place.

The faults are data, `faults/*.yaml`, each one change of one golden. `at` leads to it: keys, and names or numbers of items of lists.
The change: `to` (another value), `drop`, `sub` (a piece of a text for another), `add` (items of a list, entries of a mapping), `again`
(the last item of a list twice), `rename` (a key), `swap` (two items), `long` (a text of so many characters). Found means: a problem
begins with `place` and holds `says`.
"""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlc import driver
from mlc.reader import read
from mlc.source import SourceFile
from mlc.targets import TARGETS
from tests import support
from tests.oracles.agreement import differences
from tests.oracles.argolint import problems
from tests.oracles.irlint import lint_documents

ROOT = Path(__file__).resolve().parent.parent
GOLDENS = sorted(path for target in TARGETS for path in (ROOT / "golden" / target).glob("*.yaml"))
SPECS = sorted((ROOT / "specs").glob("*.yaml"))


@cache
def golden(target: str, name: str) -> list[Any]:
    """The documents of a golden; not to be changed."""
    return list(yaml.load_all((ROOT / "golden" / target / f"{name}.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader))


def found(target: str, documents: list[Any], kept: list[str] | None = None) -> list[str]:
    """What the self-check of a target says."""
    return problems(*documents) if target == "argo" else lint_documents(documents, kept or [])


def kept(golden: str) -> list[str]:
    """The volumes that the project of a golden keeps, as its file says."""
    spec = yaml.safe_load((ROOT / "specs" / f"{golden.partition('.')[0]}.yaml").read_text(encoding="utf-8"))
    return [name for name, volume in spec.get("volumes", {}).items() if volume.get("keep")]


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_false_alarm(path: Path) -> None:
    """Nothing is wrong with what is checked in."""
    assert found(path.parent.name, golden(path.parent.name, path.stem), kept(path.stem)) == []


def test_claims_that_stay_and_go() -> None:
    """A claim that is to stay and goes is found, and one that is to go and stays."""
    kept, gone = golden("kfp", "kfp-cached-preprocess"), golden("kfp", "features")
    assert lint_documents(kept) == ["root.dag.tasks.x-create-checkpoints: makes a claim that nobody deletes"]
    assert lint_documents(gone, ["scratch"]) == ["root.dag.tasks.x-create-scratch: makes a claim that is to stay, and is deleted"]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_output_hangs_together(path: Path) -> None:
    """What a valid spec is compiled to today is sound in every environment, and its targets say the same about every step."""
    source = SourceFile(path.name, path.read_text(encoding="utf-8"), beside=support.beside)
    document = read(source, [])
    assert document is not None
    for environment in ("", *document.data.get("environments", ())):
        result = driver.compile_source(source, TARGETS, (), environment)
        if not result.outputs:  # one target refuses it by name
            assert {item.code[:4] for item in result.diagnostics if item.severity == "error"} == {"MLC4"}
            result = next(alone for target in TARGETS if (alone := driver.compile_source(source, (target,), (), environment)).outputs)
        assert support.unsound(result) == []


def faults(kind: str) -> list[Any]:
    """The seeded faults of a file, each with its golden."""
    listed = yaml.safe_load((ROOT / "tests" / "faults" / f"{kind}.yaml").read_text(encoding="utf-8"))
    return [pytest.param(name, item, id=f"{name}: {item['name']}") for name, items in listed.items() for item in items]


def seeded(documents: list[Any], fault: dict[str, Any]) -> list[Any]:
    """A copy of the documents with one change."""
    documents = copy.deepcopy(documents)
    *path, last = fault["at"].split(" ")
    node: Any = documents[int(path.pop(0)) if path and path[0].isdigit() else 0]
    for word in path:
        node = node[_key(node, word)]
    key = _key(node, last)
    there = key < len(node) if isinstance(node, list) else key in node
    (kind,) = fault.keys() - {"name", "at", "place", "says"}
    if kind == "drop":
        del node[key]
        return documents
    old = node[key] if there else None
    node[key] = _changed(old, kind, fault[kind])
    assert node[key] != old or type(node[key]) is not type(old), "this changes nothing"
    return documents


def _key(node: Any, word: str) -> Any:
    if not isinstance(node, list):
        return word
    names = [item.get("name", item.get("metadata", {}).get("name")) if isinstance(item, dict) else None for item in node]
    return names.index(word) if word in names else int(word)


def _changed(old: Any, kind: str, how: Any) -> Any:
    if kind == "to":
        return how
    if kind == "sub":
        assert how[0] in old, f"{how[0]!r} is not in {old!r}"
        return old.replace(*how)
    if kind == "add":
        return {**old, **how} if isinstance(old, dict) else [*old, *how]
    if kind == "long":
        return "x" * how
    if kind == "again":
        return [*old, old[-1]]
    if kind == "rename":
        return {how[1] if key == how[0] else key: value for key, value in old.items()}
    assert kind == "swap"
    return [old[how[1 - how.index(at)]] if at in how else item for at, item in enumerate(old)]


def assert_found(said: list[str], fault: dict[str, Any]) -> None:
    """One of the problems is the fault: its place, and what is wrong there."""
    assert any(one.startswith(f"{fault['place']}: ") and fault["says"] in one for one in said), said or "nothing was found"


@pytest.mark.parametrize(("name", "fault"), faults("argo"))
def test_faults_in_workflows(name: str, fault: dict[str, Any]) -> None:
    """The self-check of Workflows finds the fault."""
    assert_found(problems(*seeded(golden("argo", name), fault)), fault)


@pytest.mark.parametrize(("name", "fault"), faults("kfp"))
def test_faults_in_pipelines(name: str, fault: dict[str, Any]) -> None:
    """The self-check of KFP's documents finds the fault."""
    assert_found(lint_documents(seeded(golden("kfp", name), fault)), fault)


@pytest.mark.parametrize(("name", "fault"), faults("agreement"))
def test_faults_that_leave_a_manifest_sound(name: str, fault: dict[str, Any]) -> None:
    """What no look at one tree can find, the comparison of both targets does."""
    target, _, stem = name.partition(" ")
    both = {one: golden(one, stem) for one in TARGETS} | {target: seeded(golden(target, stem), fault)}
    assert found(target, both[target]) == []
    assert_found(differences(both["argo"][0], both["kfp"]), fault)
