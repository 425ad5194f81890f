"""A step as a component and a task of the DAG it stands in."""

from __future__ import annotations

from . import cel
from .bind import PARAMETER_TYPES, VALUE_TYPES, checked, guarded, names
from .executors import METRICS_ARTIFACT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Any

    from ...ir import About, ArtifactType, Input, Retry, Step
    from .bind import Binding

_SCHEMAS: dict[ArtifactType, str] = {
    "artifact": "system.Artifact",
    "dataset": "system.Dataset",
    "model": "system.Model",
    "metrics": "system.Metrics",
    "classification_metrics": "system.ClassificationMetrics",
    "html": "system.HTML",
    "markdown": "system.Markdown",
}

# Argo stops retrying this long after the first attempt started, whatever `limit` says; without the field it stops at once
# (argo workflow/controller/operator.go, Backoff.MaxDuration; argocompiler/container.go gives "0").
_RETRY_WINDOW = 365 * 24 * 3600


def component_name(step: str) -> str:
    """The component of a step or of a group of ours."""
    return f"comp-{step}"


def executor_name(step: str) -> str:
    """The executor of a step."""
    return f"exec-{step}"


def importer_name(artifact: str) -> str:
    """The task that makes an external artifact known. Names of artifacts differ by more than case, `-` and `_`."""
    return "x-import-" + artifact.lower().replace("_", "-")


def producer(port: Input) -> str:
    """The task of the same group that an artifact comes from."""
    return importer_name(port.name) if port.external is not None else port.producer


def component(step: Step, parameters: tuple[Binding, ...], listed: Container[str]) -> dict[str, Any]:
    """The component: what goes in (`parameters` are the step's `bindings`), what comes out, and its executor.

    `listed` are the values that the backend collects from the items of a loop, into lists of what their types say.
    """
    spec: dict[str, Any] = {"executorLabel": executor_name(step.name)}
    inputs: dict[str, Any] = {}
    if step.inputs:
        inputs["artifacts"] = {port.name: {"artifactType": schema(port.type)} for port in _sorted(step.inputs)}
    if parameters:
        inputs["parameters"] = {binding.name: {"parameterType": binding.type} for binding in parameters}
    if inputs:
        spec["inputDefinitions"] = inputs
    outputs: dict[str, Any] = {}
    artifacts = {port.name: {"artifactType": schema(port.type), **_about(port.about)} for port in _sorted(step.outputs)}
    if step.metrics:
        artifacts[METRICS_ARTIFACT] = {"artifactType": schema("metrics")}
    if artifacts:
        outputs["artifacts"] = artifacts
    made = {value.name: {"parameterType": (PARAMETER_TYPES if value.name in listed else VALUE_TYPES)[value.type]} for value in step.values}
    made.update({metric.name: {"parameterType": "STRING"} for metric in step.metrics})
    if made:
        outputs["parameters"] = dict(sorted(made.items()))
    if outputs:
        spec["outputDefinitions"] = outputs
    return spec


def _about(about: About | None) -> dict[str, Any]:
    """What is known of an output: the driver makes its metadata the artifact's (driver/driver.go, provisionOutputs)."""
    if about is None:
        return {}
    made = (("metadata", dict(about.metadata)), ("description", about.description))
    return {key: value for key, value in made if value}


def task(step: Step, parameters: tuple[Binding, ...]) -> dict[str, Any]:
    """The task, called exactly as the step. The condition sits on it: whatever depends on a skipped task is omitted (dag.go)."""
    spec: dict[str, Any] = {"taskInfo": {"name": step.title or step.name}, "componentRef": {"name": component_name(step.name)}}
    after = {*step.after, *(producer(port) for port in step.inputs if not port.outer)}
    if after:
        spec["dependentTasks"] = sorted(after)
    inputs: dict[str, Any] = {}
    if step.inputs:
        inputs["artifacts"] = {
            port.name: {"componentInputArtifact": port.outer} if port.outer else artifact(port) for port in _sorted(step.inputs)
        }
    if parameters:
        inputs["parameters"] = {binding.name: binding.source for binding in parameters}
    if inputs:
        spec["inputs"] = inputs
    condition = cel.condition(step.conditions, *guarded(step), checked(step), names(step) if step.named else ())
    if condition:
        spec["triggerPolicy"] = {"condition": condition}
    spec["cachingOptions"] = _caching(step)
    if step.retry is not None:
        spec["retryPolicy"] = _retry(step.retry)
    return spec


def artifact(port: Input) -> dict[str, Any]:
    """The source of an artifact that a task beside wrote."""
    return {"taskOutputArtifact": {"producerTask": producer(port), "outputArtifactKey": port.name}}


def _caching(step: Step) -> dict[str, Any]:
    """Never with a `cacheKey`: see `reuse`."""
    if step.cache is None or not step.cache.enabled:
        return {}
    return {"enableCache": True}


def _retry(retry: Retry) -> dict[str, Any]:
    return {
        "maxRetryCount": retry.limit,
        "backoffDuration": f"{retry.backoff_duration}s",
        "backoffFactor": float(retry.backoff_factor or 1),
        "backoffMaxDuration": f"{retry.backoff_max or _RETRY_WINDOW}s",
    }


def schema(kind: ArtifactType) -> dict[str, str]:
    """The type of an artifact."""
    return {"schemaTitle": _SCHEMAS[kind], "schemaVersion": "0.0.1"}


def _sorted(ports: Any) -> list[Any]:
    return sorted(ports, key=lambda port: port.name)
