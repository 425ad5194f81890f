"""Claims made for each run: created before all steps, deleted after them, whatever happened to the steps.

The backend turns an exit task into a hook of the task that it depends on, and attaches it to *every* dependency, so an exit task may
take nothing from another task (argocompiler/dag.go). Hence the nesting: the root holds a CreatePVC task per claim and the group
`x-claims`, which gets the claims' names as inputs; `x-claims` holds the group `x-steps` and one exit task, `x-delete`, a group of all
DeletePVC tasks. Steps stand in `x-steps`. A claim made before a later CreatePVC failed stays behind.

Nobody but such a task deletes a claim, which has no owner (driver/k8s.go, createPVC). One that is kept has none; where all are kept,
`x-steps` stands in the root.
"""

from __future__ import annotations

from ...ir import RunClaim, steps_of
from .groups import dag, group, passed, surfaced
from .platform import claim_input
from .tasks import component_name, executor_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ir import Pipeline

_SUFFIX = 26  # a pod's volume is named after the claim (driver/k8s.go), at most 63 characters, and an UUID takes 36


def run_claims(pipeline: Pipeline) -> tuple[RunClaim, ...]:
    """The per-run claims that a step mounts and tasks make, in the order of the spec."""
    used = {mount.volume.name for step in steps_of(pipeline.run) for mount in step.mounts if isinstance(mount.volume, RunClaim)}
    return tuple(volume for volume in pipeline.volumes if isinstance(volume, RunClaim) and volume.name in used and not volume.workspace)


def storage_class(pipeline: Pipeline, claim: RunClaim) -> str:
    """The class of a claim's volume, "" where nothing says it."""
    return claim.storage_class or pipeline.kfp.storage_class


def nest(
    pipeline: Pipeline, claims: tuple[RunClaim, ...], tasks: dict[str, Any], components: dict[str, Any], executors: dict[str, Any]
) -> dict[str, Any]:
    """The tasks of the root around those of the steps; adds the groups' components and the claims' executors."""
    names = {claim_input(claim.name): {"parameterType": "STRING"} for claim in claims}
    gone = {claim_input(claim.name): {"parameterType": "STRING"} for claim in claims if not claim.keep}
    types = surfaced(pipeline.params, tasks)
    every = {**types, **names}
    groups: dict[str, Any] = {}

    root: dict[str, Any] = {}
    delete: dict[str, Any] = {}
    for claim in claims:
        create_name, delete_name = f"x-create-{claim.name}", f"x-delete-{claim.name}"
        root[create_name] = _create(pipeline, claim, create_name)
        groups[component_name(create_name)] = {
            "executorLabel": executor_name(create_name),
            "inputDefinitions": {"parameters": _CREATE_INPUTS},
            "outputDefinitions": {"parameters": {"name": {"parameterType": "STRING"}}},
        }
        executors[executor_name(create_name)] = {"container": {"image": "argostub/createpvc"}}
        if claim.keep:
            continue
        delete[delete_name] = {
            "taskInfo": {"name": delete_name},
            "componentRef": {"name": component_name(delete_name)},
            "inputs": {"parameters": {"pvc_name": {"componentInputParameter": claim_input(claim.name)}}},
            "cachingOptions": {},
        }
        groups[component_name(delete_name)] = {
            "executorLabel": executor_name(delete_name),
            "inputDefinitions": {"parameters": {"pvc_name": {"parameterType": "STRING"}}},
        }
        executors[executor_name(delete_name)] = {"container": {"image": "argostub/deletepvc"}}

    made = {claim_input(claim.name): _made(claim) for claim in claims}
    outermost = "x-claims" if delete else "x-steps"
    root[outermost] = group(outermost, {**passed(types), **made}, after=sorted(root))
    if delete:
        inner = {
            "x-steps": group("x-steps", passed(every)),
            "x-delete": group("x-delete", passed(gone), after=["x-steps"], at_exit=True),
        }
        groups[component_name("x-claims")] = dag(inner, every)
    groups[component_name("x-steps")] = dag(tasks, every)
    if delete:
        groups[component_name("x-delete")] = dag(delete, gone)
    components.update(groups)
    return root


def _made(claim: RunClaim) -> dict[str, Any]:
    return {"taskOutputParameter": {"producerTask": f"x-create-{claim.name}", "outputParameterKey": "name"}}


# The same for every claim: the backend keeps one component for containers that are equal (argocompiler/argo.go, saveComponentSpec).
_CREATE_INPUTS: dict[str, Any] = {
    "access_modes": {"parameterType": "LIST"},
    "pvc_name_suffix": {"parameterType": "STRING"},
    "size": {"parameterType": "STRING"},
    "storage_class_name": {"parameterType": "STRING"},
}


def _create(pipeline: Pipeline, claim: RunClaim, name: str) -> dict[str, Any]:
    constants = {
        "access_modes": [claim.access_mode],
        "pvc_name_suffix": "-" + claim.name[:_SUFFIX].rstrip("-"),
        "size": claim.size,
        "storage_class_name": storage_class(pipeline, claim),
    }
    return {
        "taskInfo": {"name": name},
        "componentRef": {"name": component_name(name)},
        "inputs": {"parameters": {key: {"runtimeValue": {"constant": value}} for key, value in constants.items()}},
        "cachingOptions": {},
    }
