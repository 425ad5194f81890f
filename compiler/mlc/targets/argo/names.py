"""Names that a manifest for Argo and the objects around it share."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...ir import Pipeline

ENTRYPOINT = "entrypoint"
"""The DAG template that a run starts with; reserved as a step name by the language."""

REPOSITORY_KEY = "default"
"""The key of the store in its ConfigMap (`spec.artifactRepositoryRef.key`)."""

SCRIPT = "/argo/staging/script"
"""Where Argo stages the source of a script template (workflow/common, ExecutorScriptSourcePath)."""


def named(pipeline: Pipeline) -> str:
    """What a WorkflowTemplate and a CronWorkflow are called: environments may share a namespace, where one must not replace the other."""
    return f"{pipeline.name}-{pipeline.environment}" if pipeline.environment else pipeline.name


def repository(pipeline: Pipeline) -> str:
    """The ConfigMap that holds the project's store: `mlc infra` makes it, the Workflow refers to it."""
    return f"{pipeline.store_name}-artifacts"
