"""What the result of a cached step depends on and the backend does not look at.

The backend finds an earlier result by image, command, arguments, inputs and outputs (cacheutils/cache.go, GenerateCacheKey): not by env,
nor by what is mounted, nor by the step. Two steps that differ in env alone would get each other's result.
Inputs it does look at, so a cached step has one for these and for the key of the spec.

The key is not handed over as `cacheKey`: no release up to 2.17.0 reads it, and later ones look at it and the component's name alone then
(driver/cache.go, getFingerPrint, since #13762): not at the inputs, the image or the program, so the items of a loop would have one result.
"""

from __future__ import annotations

import json

from ...diagnostics.model import Finding
from ...ir import RunClaim, Step
from .bind import Binding
from .executors import container
from .platform import claim_input, executor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...ir import Pipeline

INPUT = "x-cache"
_SETTINGS = ("pvcMount", "secretAsVolume", "configMapAsVolume", "secretAsEnv", "configMapAsEnv", "fieldPathAsEnv")
"""Not what is empty when the pod starts: it says nothing about the result."""


def inputs(step: Step) -> tuple[Binding, ...]:
    """The inputs of a cached step that its program does not read, none for others.

    One changes with the step's name, env, mounts and key. A claim that is made for the run has another name each time: what a step left
    there is gone with it, so the name is an input, and no other run's result is taken. The driver does so itself for a workspace.
    """
    if step.cache is None or not step.cache.enabled:
        return ()
    from hashlib import sha256  # not on the way of projects that cache nothing

    settings = executor(step)
    known = [step.name, step.cache.key, container(step).get("env", []), [settings.get(key) for key in _SETTINGS]]
    digest = sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]
    claims = sorted(
        {claim_input(mount.volume.name) for mount in step.mounts if isinstance(mount.volume, RunClaim) and not mount.volume.workspace}
    )
    return (
        Binding(INPUT, "STRING", {"runtimeValue": {"constant": digest}}),
        *(Binding(name, "STRING", {"componentInputParameter": name}) for name in claims),
    )


def check(pipeline: Pipeline) -> Iterator[Finding]:
    """Warn of results that no later run finds. Of artifacts the id is in the key (metadata/converter.go, toRuntimeArtifact)."""
    steps = {step.name: step for step in pipeline.steps}
    for step in steps.values():
        if step.cache is None or not step.cache.enabled:
            continue
        why, help = "", ""
        for port in step.inputs:
            producer = steps.get(port.producer)
            if producer and not (producer.cache and producer.cache.enabled):
                why = f"`{port.name}` is made anew in each, by step `{producer.name}`"
                help = "let that one have `cache`, too, or leave it out here"
                if producer.made:
                    help = "compile with `--locked`, or name a version that cannot move: `rev` with a whole commit, `version` of an object"
        for mount in step.all_mounts:
            if isinstance(mount.volume, RunClaim):
                why = f"volume `{mount.volume.name}` is made anew for each"
                help = "hand results over as `outputs` or `values`, or leave `cache` out"
        if why:
            message = f"`cache` of step `{step.name}` finds no result of an earlier run on KFP: {why}"
            yield Finding("MLC423", message, step.cache.origin, "key", help=help)
