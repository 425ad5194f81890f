"""Every golden manifest is one that every engine takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlc.driver import Result, compile_source
from mlc.source import SourceFile
from mlc.targets import TARGETS
from tests import support
from tests.conformance.draft import ROOT, document, specs
from tests.conformance.engines import ARGO, KFP, engine
from tests.conformance.versions import takes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENGINES = {"argo": ARGO, "kfp": KFP}
LINE = (
    f"conformance: {{argo}} argo manifests x {len(ARGO)} versions, {{kfp}} kfp manifests x {len(KFP)}, {{checks}} checks, {{faults}} faults"
)


LOCKED = ".locked"
"""How the name of a golden that was made with a lock file ends."""


def result(file: Path, *targets: str) -> Result:
    """What becomes of a golden's project, in the golden's environment; from its lock file where the name ends with `locked`."""
    name, _, environment = file.stem.removesuffix(LOCKED).partition(".")
    spec = ROOT / "specs" / f"{name}.yaml"
    lock = spec.with_name(f"{spec.name}.lock")
    locked = SourceFile(lock.name, lock.read_text(encoding="utf-8")) if file.stem.endswith(LOCKED) else None
    source = SourceFile(spec.name, spec.read_text(encoding="utf-8"), beside=support.beside)
    return compile_source(source, targets, (), environment, (), locked)


def files(target: str) -> list[Path]:
    """The goldens of a target that are manifests; the others (`.txt`) are refusals."""
    return sorted((ROOT / "golden" / target).glob("*.yaml"))


@pytest.mark.parametrize("target", TARGETS)
def test_goldens_are_accepted(target: str, counted: Callable[..., None]) -> None:
    """Each manifest under golden/TARGET, checked by each version of the engine that it is for, and the project compiled for that version.

    No fault, and something was checked in each.
    """
    faults, checks = [], 0
    for file in files(target):
        for name in ENGINES[target]:
            golden, own, pipeline = file.read_text(encoding="utf-8"), result(file, name.replace("-", "@")).outputs, result(file).pipeline
            assert pipeline is not None
            texts = dict.fromkeys([*([golden] if takes(pipeline, name) else ()), *(output.text for output in own)])
            assert texts or target == "kfp"  # every version of Argo has a way to run every project
            for text in texts:
                answer = engine(name).ask("check", manifest=text)
                assert answer["checks"] > 0
                checks += answer["checks"]
                faults += [f"{file.name}, {name}: {fault}" for fault in answer["faults"]]
    counted(LINE, **{other: len(files(other)) if other == target else 0 for other in TARGETS}, checks=checks, faults=len(faults))
    assert faults == []


@pytest.mark.parametrize("target", TARGETS)
def test_goldens_are_all_of_them(target: str) -> None:
    """A folder of goldens holds manifests, no file that is neither manifest nor refusal, and one for every spec and environment."""
    assert ENGINES[target], f"no engine checks {target}"
    found = sorted(path.name for path in (ROOT / "golden" / target).iterdir())
    assert {name.rpartition(".")[2] for name in found} <= {"yaml", "txt"}
    assert files(target)
    wanted = [name if not environment else f"{name}.{environment}" for name in specs() for environment in ("", *overlays(name))]
    wanted += [f"{one}{LOCKED}" for one in wanted if (ROOT / "specs" / f"{one.partition('.')[0]}.yaml.lock").exists()]
    assert sorted(name.rpartition(".")[0] for name in found) == sorted(wanted)


def overlays(name: str) -> list[str]:
    """The environments of a spec, each of which has goldens of its own."""
    return list(document(name).get("environments", ()))
