"""Names that a manifest for Argo and the objects around it share."""

from __future__ import annotations

ENTRYPOINT = "entrypoint"
"""The DAG template that a run starts with; reserved as a step name by the language."""

REPOSITORY_KEY = "default"
"""The key of the store in its ConfigMap (`spec.artifactRepositoryRef.key`)."""

SCRIPT = "/argo/staging/script"
"""Where Argo stages the source of a script template (workflow/common, ExecutorScriptSourcePath)."""


def repository(project: str) -> str:
    """The ConfigMap that holds the project's store: `mlc infra` makes it, the Workflow refers to it."""
    return f"{project}-artifacts"
