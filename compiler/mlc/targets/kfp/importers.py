"""External artifacts: an importer task for each, in every group of tasks that reads it (compiler/argocompiler/importer.go).

It makes the artifact known to the run; the launcher of the step that reads it downloads it. An importer has no pod of the user's.
"""

from __future__ import annotations

from ...diagnostics.model import Finding
from ...ir import ParamRef
from ...lowering.address import STORES, address
from .bind import PARAMETER_TYPES
from .tasks import component_name, executor_name, importer_name, schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ...ir import External, Param, Pipeline, Step, Store

_LONGEST = 63 - len(importer_name(""))


def add(steps: Iterable[Step], tasks: dict[str, Any], components: dict[str, Any], executors: dict[str, Any]) -> None:
    """Add the importers of what these steps read to the tasks of their group."""
    for external in {port.name: port.external for step in steps for port in step.inputs if port.external is not None}.values():
        name = importer_name(external.name)
        param = _param(external)
        kind = schema(external.type)
        source: dict[str, Any] = {"runtimeParameter": param.name} if param else {"constant": external.uri.constant}
        component: dict[str, Any] = {"executorLabel": executor_name(name)}
        task: dict[str, Any] = {"taskInfo": {"name": name}, "componentRef": {"name": component_name(name)}}
        if param:
            component["inputDefinitions"] = {"parameters": {param.name: {"parameterType": PARAMETER_TYPES[param.type]}}}
            # read from the inputs of the group around it, by this name (importer_launcher.go, ImportSpecToMLMDArtifact)
            task["inputs"] = {"parameters": {param.name: {"componentInputParameter": param.name}}}
        about = external.about
        described = {"description": about.description} if about and about.description else {}
        component["outputDefinitions"] = {"artifacts": {external.name: {"artifactType": kind, **described}}}
        components[component_name(name)] = component
        facts = {"metadata": dict(about.metadata)} if about and about.metadata else {}
        executors[executor_name(name)] = {"importer": {"artifactUri": source, "typeSchema": kind, **facts}}
        tasks[name] = {**task, "cachingOptions": {}}


def check(pipeline: Pipeline, findings: list[Finding]) -> None:
    """Refuse what the launcher cannot read (MLC417), and say where credentials are others than on Argo (MLC405)."""
    for external in {port.name: port.external for step in pipeline.steps for port in step.inputs if port.external is not None}.values():
        path = (*external.origin, "uri")
        if len(external.name) > _LONGEST:
            message = f"artifact `{external.name}` is fetched by a task of its own on KFP, whose name would be longer than 63 characters"
            findings.append(Finding("MLC402", message, external.origin, "key", help=f"give it a name of at most {_LONGEST} characters"))
        if problem := _unreachable(external, pipeline.store):
            findings.append(Finding("MLC417", f"`{external.name}` {problem[0]}", path, help=problem[1]))
        elif _others(external, pipeline.store):
            message = (
                f"`{external.name}` is not in the bucket of the `store`: KFP reads it with the identity of the pods, not with its secret"
            )
            findings.append(Finding("MLC405", message, path, help="let the service account of the namespace's pods read that bucket"))


def _param(external: External) -> Param | None:
    ref = external.uri.pieces[0]
    return ref.param if isinstance(ref, ParamRef) else None


def _unreachable(external: External, store: Store | None) -> tuple[str, str] | None:
    at = address(external)
    if at.scheme in ("https", "http", "git+https", "oss", "azure"):
        return f"lies at `{at.scheme}://`, which KFP cannot read", "put it into S3, Google Cloud Storage or MinIO, or fetch it in a step"
    if external.uri.constant is None and (len(external.uri.pieces) > 1 or (param := _param(external)) is None or param.type != "string"):
        message = "has an address with a parameter inside, which KFP cannot compose"
        return message, "write `${{ params.ADDRESS }}` alone, of type string, or compile for `argo`"
    if at.scheme == "oci" and external.type != "model":
        return f"is an image of type `{external.type}`, and KFP reads models alone from images", "write `type: model`"
    if store is not None and at.scheme in STORES and store.kind == STORES[at.scheme] and at.place == store.bucket:
        return None
    if at.scheme == "minio":
        return "is not in the bucket of a MinIO `store`: KFP knows no other", "declare the `store`, or write `s3://`"
    if store is not None and at.scheme == "s3" and store.kind == "s3" and store.endpoint:
        return f"is not in the bucket of the `store`: KFP looks for others at Amazon, not at `{store.endpoint}`", "put it into that bucket"
    return None


def _others(external: External, store: Store | None) -> bool:
    at = address(external)
    return store is not None and bool(store.secret) and STORES.get(at.scheme) == store.kind and at.place != store.bucket
