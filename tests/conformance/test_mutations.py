"""Nothing gets past `mlc` that an engine would stop: what it accepts of hundreds of mutated specs, every engine accepts.

`MLC_MUTATIONS=5000 MLC_SEED=x pytest tests/conformance/test_mutations.py` tries more, and others, than the test run does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from mlc import driver
from mlc.diagnostics.codes import CODES
from mlc.reader import read
from mlc.source import SourceFile
from mlc.targets import TARGETS
from tests import support
from tests.conformance.draft import ROOT, Draft, document, specs
from tests.conformance.engines import ARGO, CONTROLLERS, KFP, engine
from tests.conformance.mutate import KINDS, OFTEN, Mutation, mutation, takers
from tests.conformance.plausible import SCHEMA
from tests.conformance.playing import differences
from tests.conformance.versions import takes

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlc.ir import Pipeline

COUNT = int(os.environ.get("MLC_MUTATIONS", "600"))
SEED = os.environ.get("MLC_SEED", "mlc")
PARTS = 8
"""Tests that the mutations are shared out to, so that workers share the time."""
PLAYED_EVERY = 5
"""One in so many accepted mutations is also run, once for each target."""

ENGINES = {"argo": ARGO, "kfp": KFP}
PLAYERS = {"argo": CONTROLLERS, "kfp": KFP}
LINE = (
    "mutations: {tried} tried (a spec, a target), {accepted} accepted, {refused} refused, {played} played, "
    "accepted by us and refused by an engine: {faults}"
)


def params(data: Any) -> dict[str, str]:
    """A text for every parameter that has no default, such as it allows."""
    found = {}
    for name, entry in (data.get("params") or {}).items():
        if isinstance(entry, dict) and "default" not in entry:
            low, high = entry.get("min"), entry.get("max")
            number = low if low is not None else high if high is not None else 1
            fair = {"string": "a", "int": str(number), "float": str(number), "bool": "true", "list": "[]", "dict": "{}"}[entry["type"]]
            choice = entry["choices"][0] if entry.get("choices") else None
            found[name] = fair if choice is None else choice if isinstance(choice, str) else json.dumps(choice)
    return found


def problems(mutated: Mutation, target: str, pipeline: Pipeline, manifest: str, *, play: bool) -> list[str]:
    """What the engines have against a manifest; with `play`, also where a run in which every program succeeds is not what the spec says."""
    found = []
    for name in (name for name in ENGINES[target] if takes(pipeline, name)):
        found += [f"{name}: {fault['check']}: {fault['message']}" for fault in engine(name).ask("check", manifest=manifest)["faults"]]
    if play and not found and any(takes(pipeline, name) for name in PLAYERS[target]):
        document = read(SourceFile("spec.yaml", mutated.text), [])
        assert document is not None
        data = json.loads(json.dumps(document.data))
        players = [name for name in PLAYERS[target] if takes(pipeline, name)]
        name = players[mutated.number // PLAYED_EVERY % len(players)]
        found += [f"{name}: {text}" for text in differences(data, {}, params(data), manifest, engine(name))]
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_accepted_is_accepted_by_the_engines(part: int, counted: Callable[..., None]) -> None:
    """Each mutation, each target that takes the spec: it is refused, or every engine takes the manifest, and a sample runs as it should."""
    tried = accepted = played = 0
    faults: list[str] = []
    for number in range(part, COUNT, PARTS):
        mutated = mutation(SEED, number)
        for target in takers(mutated.spec):
            tried += 1
            result = driver.compile_source(SourceFile("spec.yaml", mutated.text, beside=support.beside), (target,))
            if not result.outputs:
                assert any(CODES[item.code].severity == "error" and item.code != "MLC901" for item in result.diagnostics), mutated.title
                continue
            accepted += 1
            play = accepted % PLAYED_EVERY == 0
            played += play
            assert result.pipeline is not None
            found = problems(mutated, target, result.pipeline, result.outputs[0].text, play=play)
            if found:
                faults.append("\n".join([f"{mutated.title}, for {target}", *found, mutated.diff()]))
    counted(LINE, tried=tried, accepted=accepted, refused=tried - accepted, played=played, faults=len(faults))
    assert not faults, "\n\n".join(faults[:10])
    assert accepted > tried / 3, "too much is refused to say anything about the rest"


def test_kinds_of_mutations() -> None:
    """Every kind comes in the run and changes something, most are accepted at times, and most give at times what is refused."""
    changed: set[str] = set()
    fates: dict[bool, set[str]] = {True: set(), False: set()}
    for number in range(4 * (len(KINDS) + len(OFTEN))):
        mutated = mutation(SEED, number)
        if mutated.text != mutated.before:
            changed.update(mutated.kinds)
        result = driver.compile_source(SourceFile("spec.yaml", mutated.text, beside=support.beside), TARGETS[number % 2 :][:1])
        fates[bool(result.outputs)].update(mutated.kinds)
    assert changed == set(KINDS)
    assert len(KINDS) >= 15
    assert min(map(len, fates.values())) > len(KINDS) / 2


def test_every_key_is_drawn() -> None:
    """Each key of a step and of the project comes with a value that some target accepts: a key that is new in the schema, too."""
    wanted = {*SCHEMA["$defs"]["step"]["properties"], *SCHEMA["properties"]} - {"mlc", "name", "steps", "defaults"}
    for number in range(6000):
        rng = Random(f"keys {number}")
        draft = Draft(document(rng.choice(sorted(specs()))), rng)
        done = KINDS["legal_key" if number % 4 else "legal_top"](draft)
        key = done.partition(" = ")[0].rpartition(".")[2]
        text = json.dumps(draft.data, ensure_ascii=False)
        if key in wanted and driver.compile_source(SourceFile("spec.yaml", text, beside=support.beside), TARGETS[number % 2 :][:1]).outputs:
            wanted.remove(key)
        if not wanted:
            break
    assert wanted == set()


def test_mutations_are_the_same_for_the_same_seed() -> None:
    """Another process, with another hash seed, draws the same mutations; another seed draws others."""
    code = "from tests.conformance.mutate import mutation; [print(ascii(mutation('s', number).text)) for number in range(100)]"
    prints = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT / 'compiler'}{os.pathsep}{ROOT}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert prints[0] == prints[1]
    assert [mutation("s", number).text for number in range(20)] != [mutation("t", number).text for number in range(20)]
