"""A pipeline as one Argo Workflow."""

from __future__ import annotations

from . import volumes
from .arguments import Arguments
from .names import ENTRYPOINT, REPOSITORY_KEY, repository
from .notes import parameter
from .templates import task, template

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ir import Param, Pipeline

_DESCRIPTION = "workflows.argoproj.io/description"
"""Shown by the UI in the list of workflows (docs/title-and-description.md)."""


def lower(pipeline: Pipeline) -> tuple[dict[str, Any], ...]:
    """The Workflow: a DAG template `entrypoint`, then one template per step, in the order of the run."""
    tasks: list[dict[str, Any]] = []
    templates: list[dict[str, Any]] = []
    for step in pipeline.steps:
        arguments = Arguments()
        templates.append(template(step, arguments))
        tasks.append(task(step, arguments))
    # the default of failFast would end branches that wait for a free slot when another branch fails (controller/dag.go)
    entrypoint = {"name": ENTRYPOINT, "dag": {"failFast": False, "tasks": tasks}}
    claims = volumes.claim_templates(pipeline)
    spec: tuple[tuple[str, Any], ...] = (
        ("entrypoint", ENTRYPOINT),
        ("arguments", {"parameters": [_parameter(param) for param in pipeline.params]} if pipeline.params else {}),
        ("imagePullSecrets", [{"name": name} for name in _pull_secrets(pipeline)]),
        ("artifactRepositoryRef", {"configMap": repository(pipeline.name), "key": REPOSITORY_KEY} if pipeline.store else {}),
        ("volumes", volumes.of_workflow(pipeline)),
        ("volumeClaimTemplates", claims),
        ("volumeClaimGC", {"strategy": "OnWorkflowCompletion"} if claims else {}),
        ("templates", [entrypoint, *templates]),
    )
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": _metadata(pipeline),
        "spec": {key: value for key, value in spec if value},
    }
    return (manifest,)


def _metadata(pipeline: Pipeline) -> dict[str, Any]:
    annotations = dict(pipeline.annotations)
    if pipeline.description:
        annotations["mlc/description" if _DESCRIPTION in annotations else _DESCRIPTION] = pipeline.description
    parts = (("labels", dict(pipeline.labels)), ("annotations", annotations))
    return {"generateName": f"{pipeline.name}-", **{key: value for key, value in parts if value}}


def _parameter(param: Param) -> dict[str, Any]:
    """A workflow argument. Values are texts; without a default the run must give one (validate.go, validateArgumentsValues)."""
    made: dict[str, Any] = {"name": param.name}
    if description := parameter(param):
        made["description"] = description
    if param.default is None:
        made["valueFrom"] = {"supplied": {}}
    else:
        made["value"] = param.default
    choices = ("true", "false") if param.type == "bool" else param.choices
    if choices:
        made["enum"] = list(choices)
    return made


def _pull_secrets(pipeline: Pipeline) -> tuple[str, ...]:
    """Secrets that images are pulled with: Argo takes them for the whole workflow, never for one template."""
    return tuple(dict.fromkeys(step.image.pull_secret for step in pipeline.steps if step.image.pull_secret))
