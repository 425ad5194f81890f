"""A pipeline as the spec of an Argo Workflow."""

from __future__ import annotations

from . import missed, volumes
from .groups import dag
from .kinds import documents, ttl
from .names import ENTRYPOINT, REPOSITORY_KEY, repository
from .notes import parameter
from .versions import TEMPLATE_ANNOTATIONS, at_least

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ir import Param, Pipeline


def lower(pipeline: Pipeline) -> tuple[dict[str, Any], ...]:
    """The objects of the manifest. Their spec: a DAG template `entrypoint` and one template per step, then the same for `finally`."""
    shown = bool(pipeline.argo.version) and at_least(pipeline.argo.version, TEMPLATE_ANNOTATIONS)
    templates = dag(ENTRYPOINT, pipeline.run.children, pipeline.store, shown)
    final = dag(pipeline.final.name, pipeline.final.children, pipeline.store, shown) if pipeline.final else []
    if any(metric.on_miss == "fail" for step in pipeline.steps for metric in step.metrics):
        final.append({"name": missed.MISSED, "suspend": {}})
    _memoize(pipeline, [*templates, *final])
    claims = volumes.claim_templates(pipeline)
    spec: tuple[tuple[str, Any], ...] = (
        ("entrypoint", ENTRYPOINT),
        ("onExit", pipeline.final.name if pipeline.final else ""),
        ("serviceAccountName", pipeline.argo.service_account),
        ("activeDeadlineSeconds", pipeline.argo.deadline),
        ("parallelism", pipeline.argo.parallelism),
        ("ttlStrategy", ttl(pipeline.argo.ttl)),
        ("arguments", {"parameters": [_parameter(param) for param in pipeline.params]} if pipeline.params else {}),
        ("imagePullSecrets", [{"name": name} for name in _pull_secrets(pipeline)]),
        ("artifactRepositoryRef", {"configMap": repository(pipeline), "key": REPOSITORY_KEY} if pipeline.store else {}),
        ("volumes", volumes.of_workflow(pipeline)),
        ("volumeClaimTemplates", claims),
        ("volumeClaimGC", {"strategy": "OnWorkflowCompletion"} if claims else {}),
        ("templates", [*templates, *final]),
    )
    return documents(pipeline, {key: value for key, value in spec if value})


def _memoize(pipeline: Pipeline, templates: list[dict[str, Any]]) -> None:
    if not any(step.cache for step in pipeline.steps):
        return
    from . import memo  # of few projects

    cached = {step.name: step for step in pipeline.steps if memo.cached(step)}
    for made in templates:
        if made["name"] in cached:
            made["memoize"] = memo.memoize(cached[made["name"]], memo.config_map(pipeline))


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
    images = [image for step in pipeline.steps for image in (step.image, *(container.image for container in step.beside))]
    return tuple(dict.fromkeys(image.pull_secret for image in images if image.pull_secret))
