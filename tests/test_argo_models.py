"""Whole Workflows against models that no one here wrote (hera's), and against the oracle that every name resolves."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlc import driver
from mlc.source import SourceFile
from tests import support
from tests.oracles.argolint import problems

SPECS = sorted((Path(__file__).resolve().parent.parent / "specs").glob("*.yaml"))

WIDE = """
    params: {lr: 0.1, who: me, flag: true}
    store: {minio: {endpoint: "m:9000", bucket: b, secret: {name: s, access_key: a, secret_key: k}}}
    volumes: {data: {claim: d}, work: {size: 1Gi}}
    steps:
      a:
        image: acme/a:1
        run: "echo $1"
        args: ["--lr=${{ params.lr }}"]
        volumes: {data: /data}
        outputs: [model]
        values: {rows: {path: /tmp/rows, type: int}}
        metrics: {acc: {path: /tmp/acc.json, key: macro.f1, min: 0.5}}
        retry: {limit: 2}
      b:
        image: acme/a:1
        command: [run, "${{ steps.a.values.rows }}"]
        env: {WHO: "I am ${{ params.who }}"}
        inputs: {model: /in/model}
        gate: a
        when: params.flag and steps.a.values.rows > 3
        volumes: {work: /job}
    """
"""A spec that uses each kind of connection: what the faults below are seeded into."""


def compiled(path: Path) -> list[Any]:
    """The documents of a real project for Argo, read back; none where Argo is refused."""
    result = driver.compile_source(SourceFile(path.name, path.read_text(encoding="utf-8")), ("argo",))
    if not result.outputs:
        assert any(item.severity == "error" and item.code.startswith("MLC4") for item in result.diagnostics), result.diagnostics
        return []
    return list(yaml.safe_load_all(result.outputs[0].text))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_real_projects_hang_together(path: Path) -> None:
    """Everything that an emitted Workflow names exists, and everything that exists is used."""
    for workflow in compiled(path):
        assert problems(workflow) == []


def test_hera_accepts_what_is_emitted() -> None:
    """hera's models take every Workflow, and give back every field: none is unknown to them, none changes its type."""
    from hera.workflows.models import Workflow

    workflows = [workflow for path in SPECS for workflow in compiled(path)] + support.manifests(WIDE, "argo")
    assert len(workflows) > 5
    for workflow in workflows:
        model = Workflow.model_validate(workflow)
        assert plain(model.model_dump(by_alias=True, exclude_none=True, exclude_unset=True, mode="json")) == plain(workflow)


def plain(tree: Any) -> Any:
    """A tree with texts only as leaves: hera wraps quantities and amounts that may be numbers or texts."""
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [plain(value) for value in tree]
    return str(tree)


def wide() -> dict[str, Any]:
    """The Workflow of `WIDE`."""
    (workflow,) = support.manifests(WIDE, "argo")
    assert isinstance(workflow, dict)
    return workflow


def test_the_oracle_accepts_a_sound_workflow() -> None:
    """The faults below are what the oracle sees, not the rest."""
    assert problems(wide()) == []


FAULTS = [
    ("spec.entrypoint", "main", "the entrypoint main is no DAG template"),
    ("spec.templates.0.dag.failFast", None, "the DAG does not say failFast: false"),
    ("spec.templates.0.dag.tasks.1.template", "c", "task b has the template c, which does not exist"),
    ("spec.templates.0.dag.tasks.1.depends", "a", "task b depends on 'a'"),
    ("spec.templates.0.dag.tasks.1.depends", "c.Succeeded", "task b depends on c, which is not before it"),
    ("spec.templates.0.dag.tasks.0.depends", "b.Succeeded", "task a depends on b, which is not before it"),
    ("spec.templates.0.dag.tasks.1.when", "{{= true", "task b: '{{= true' is not one expression"),
    ("spec.templates.0.dag.tasks.1.when", "{{= (true }}", "task b: brackets or quotes of '(true' are not closed"),
    ("spec.templates.0.dag.tasks.1.when", "{{= tasks.a-b == 1 }}", "task b: a is no word of an expression"),
    ("spec.templates.0.dag.tasks.1.when", "{{= workflow.parameters['q'] }}", "task b: parameter q does not exist"),
    ("spec.templates.0.dag.tasks.1.when", "{{= '{{x}}' }}", "task b: \"{{= '{{x}}' }}\" has double braces inside"),
    (
        "spec.templates.0.dag.tasks.1.when",
        "{{= tasks['a'].outputs.parameters['q'] }}",
        "task b: q of a is no output of a step before it",
    ),
    ("spec.templates.0.dag.tasks.1.arguments.parameters.0.name", "ghost", "task b gives ghost, which its template does not take"),
    ("spec.templates.0.dag.tasks.1.arguments.parameters.0.name", "ghost", "task b does not give rows"),
    (
        "spec.templates.0.dag.tasks.1.arguments.artifacts.0.from",
        "{{tasks.a.outputs.artifacts.q}}",
        "task b takes q of a, which is no artifact of a step before it",
    ),
    ("spec.templates.0.dag.tasks.1.arguments.artifacts.0.from", "{{inputs.x}}", "task b takes an artifact from '{{inputs.x}}'"),
    ("spec.templates.2.container.command.1", "{{inputs.parameters.q}}", "template b uses q, which is no input of it"),
    ("spec.templates.2.container.command.1", "x", "template b does not use its input rows"),
    ("spec.templates.2.container.command.0", "{{workflow.name}}", "template b holds the tag 'workflow.name'"),
    ("spec.templates.1.inputs.artifacts.0.raw.data", "{{=1}}", "template a holds the tag '=1'"),
    ("spec.templates.2.container.volumeMounts.0.name", "q", "template b mounts q, which does not exist"),
    ("spec.templates.2.container.volumeMounts.0.name", "q", "volume work is not mounted"),
    ("spec.templates.2.container.volumeMounts.0.mountPath", "/in/model", "path of b /in/model is there twice"),
    ("spec.templates.1.volumes.0.name", "q", "volume q of a is not mounted"),
    ("spec.templates.1.retryStrategy.limit", 2, "the retry limit of a is no text"),
    ("spec.templates.1.outputs.parameters.1.name", "rows", "parameters of a rows is there twice"),
    ("spec.templates.1.outputs.artifacts.0.name", "a.b", "a.b of a has a name that Argo refuses"),
    ("spec.templates.2.name", "a", "two templates have one name"),
    ("spec.arguments.parameters.0.value", 0.1, "parameter lr has the value 0.1, which is no text"),
    ("spec.arguments.parameters.0.value", None, "parameter lr has both or neither of value and valueFrom"),
    ("spec.arguments.parameters.2.value", "yes", "parameter flag is not in its enum"),
    ("spec.arguments.parameters.1.name", "lr", "parameter lr is there twice"),
]


@pytest.mark.parametrize(("place", "fault", "sentence"), FAULTS)
def test_the_oracle_sees_faults(place: str, fault: object, sentence: str) -> None:
    """One fault seeded into a sound Workflow is reported (None: the key is taken away)."""
    workflow = copy.deepcopy(wide())
    *path, last = (int(part) if part.isdigit() else part for part in place.split("."))
    node: Any = workflow
    for part in path:
        node = node[part]
    if fault is None:
        del node[last]
    else:
        node[last] = fault
    assert sentence in problems(workflow)
