"""Results that are kept between runs: Argo's memoization, an entry for each step and key in a ConfigMap of the project.

An entry holds the texts of output parameters and where output artifacts lie, in at most 1 MiB for all of them together. Only letters,
digits and `-` may stand in a key (workflow/controller/cache/cache.go), so it is a digest.
"""

from __future__ import annotations

import json

from ...diagnostics.model import Finding
from ...ir import Claim, HostPath, Nfs, RunClaim, loops_of, steps_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ...ir import Pipeline, Step

LABELS = {"workflows.argoproj.io/configmap-type": "Cache"}
"""Without it the controller refuses the ConfigMap (configmap_cache.go, validateConfigmap)."""


def config_map(pipeline: Pipeline) -> str:
    """The ConfigMap that holds the results."""
    return f"{pipeline.store_name}-cache"


def cached(step: Step) -> bool:
    """Whether results of the step are reused. Of a step that is made, only where that costs nothing: nobody asked for it by name."""
    return step.cache is not None and step.cache.enabled and not (step.made and step.retry is not None)


def memoize(step: Step, name: str) -> dict[str, Any]:
    """`memoize` of a step's template: `name` is the ConfigMap.

    The result of a step that had other outputs would leave its consumers waiting for ever, so they are a part of the key. So is the
    namespace of the run: the ConfigMap is the controller's (controller/controller.go, NewWorkflowController), who may serve many of them.
    """
    from hashlib import sha256  # not on the way of projects that cache nothing

    outputs = [(port.name, port.path) for ports in (step.outputs, step.values, step.metrics) for port in ports]
    known: list[object] = [step.name, step.cache.key if step.cache else "", outputs]
    if step.cache and step.cache.versions:
        known.append(step.cache.versions)
    digest = sha256(json.dumps(known).encode()).hexdigest()[:32]
    # the API asks for an age (openapi-spec/swagger.json), and takes none for "" (controller/operator.go, executeTemplate)
    return {"key": f"{step.name}-{{{{workflow.namespace}}}}-{digest}", "maxAge": "", "cache": {"configMap": {"name": name}}}


def check(pipeline: Pipeline) -> Iterator[Finding]:
    """Refuse what no entry can hold, and say where the entries are."""
    kept = [(step, step.cache) for step in pipeline.steps if step.cache is not None and cached(step)]
    looped = {step.name for loop in loops_of(pipeline) for step in steps_of(loop)}
    for step, cache in kept:
        if step.name in looped:
            message = f"`cache` of step `{step.name}` is not possible on Argo: it is in a loop, and all items would have one result"
            yield Finding("MLC401", message, cache.origin, "key", help="remove `cache`, or cache a step before the loop")
        if not cache.key:
            message = "`cache: true` cannot be turned on for Argo, which finds results by a key alone: it does not look at inputs"
            help = "write `cache: {key: TEXT}`, and change the text to run the step again"
            yield Finding("MLC401", message, cache.origin, "key", help=help)
        if step.retry is not None:
            # the node of a result is then one of retries without any, and the DAG does not look at those behind it (controller/dag.go)
            message = f"`cache` of step `{step.name}` is not possible on Argo: it has `retry`, and a run with a kept result would not end"
            yield Finding("MLC401", message, cache.origin, "key", help="write `retry: null` in the step, or remove `cache`")
        lasting = next((mount for mount in step.all_mounts if isinstance(mount.volume, (Claim, RunClaim, HostPath, Nfs))), None)
        if lasting is not None:
            message = f"`cache` of step `{step.name}` is not possible on Argo: what it leaves on volume `{lasting.volume.name}` is not kept"
            help = "hand results over as `outputs` or `values`, or remove `cache`"
            yield Finding("MLC401", message, cache.origin, "key", help=help)
    if kept and kept[0][1].key:
        message = f"results are kept in the ConfigMap `{config_map(pipeline)}` in the namespace of Argo's controller, not in the manifest"
        help = "let the controller's role `create` and `update` ConfigMaps there; it makes the one that `mlc infra` prints, if nobody does"
        yield Finding("MLC405", message, kept[0][1].origin, "key", help=help)
