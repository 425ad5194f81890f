"""Reads the table of scenarios; its form is described in `scenarios/README.md`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOLDER = Path(__file__).parent / "scenarios"

_KEYS = {"says", "spec", "params", "outcomes", "run", "states", "attempts", "targets"}
_ATTEMPT = {"writes", "missing", "exit", "timeout", "lost"}


@dataclass(frozen=True)
class Scenario:
    """A project, what happens, and how every step and the run must end."""

    name: str
    says: str
    spec: Mapping[str, Any]
    params: Mapping[str, str]
    outcomes: Mapping[str, Sequence[Mapping[str, Any]]]
    run: str
    states: Mapping[str, str]
    attempts: Mapping[str, int]
    targets: tuple[str, ...]


def scenarios() -> list[Scenario]:
    """Every scenario of every file, in the order of names of files and then as written."""
    found = [
        _scenario(name, entry)
        for path in sorted(FOLDER.glob("*.yaml"))
        for name, entry in YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")).items()
    ]
    names = [scenario.name for scenario in found]
    if len(set(names)) != len(names):
        raise ValueError(f"two scenarios have one name: {sorted(name for name in names if names.count(name) > 1)}")
    return found


def project(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A scenario's spec in full: with the head of a project, and a program for steps that name none."""
    defaults = {"image": "acme/step:1.0", **spec.get("defaults", {})}
    whole: dict[str, Any] = {"mlc": "v1", "name": "scenario", **spec, "defaults": defaults}
    for section in ("steps", "finally"):
        if section in spec:
            whole[section] = {
                name: {**({} if "run" in step or "command" in step else {"command": ["work"]}), **step}
                for name, step in spec[section].items()
            }
    return whole


def _scenario(name: str, entry: Mapping[str, Any]) -> Scenario:
    if not {"says", "spec", "run", "states"} <= entry.keys() <= _KEYS:
        raise ValueError(f"scenario {name}: keys {sorted(entry)}")
    outcomes = {step: [given] if isinstance(given, dict) else list(given) for step, given in entry.get("outcomes", {}).items()}
    odd = {key for attempts in outcomes.values() for attempt in attempts for key in attempt} - _ATTEMPT
    declared = {**entry["spec"]["steps"], **entry["spec"].get("finally", {})}
    alone = {name for name, step in declared.items() if "each" not in step}
    of = {name.partition("[")[0] for name in (*outcomes, *entry["states"])}
    if odd or not of <= declared.keys() or not alone <= entry["states"].keys():
        raise ValueError(f"scenario {name}: attempts know no {sorted(odd)}, or steps that the spec does not have")
    return Scenario(
        name=name,
        says=entry["says"],
        spec=project(entry["spec"]),
        params=entry.get("params", {}),
        outcomes=outcomes,
        run=entry["run"],
        states=entry["states"],
        attempts={
            step: entry.get("attempts", {}).get(step, int(state in ("Succeeded", "Failed")))
            for step, state in entry["states"].items()
            if "foreach" not in declared[step.partition("[")[0]] or "[" in step
        },
        targets=tuple(entry.get("targets", ("argo", "kfp"))),
    )
