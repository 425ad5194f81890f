"""The container of a step: image, command, arguments, constant env and resources (`PipelineDeploymentConfig`, a free Struct)."""

from __future__ import annotations

import json

from ...ir import Text
from ...lowering.quantity import NANO, nanos
from ...lowering.text import INTERPRETERS, kubelet
from ...lowering.wrapper import FILE, SCRATCH, Needs, expanded, script, shielded, word
from .bind import piece, placeholder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ...ir import Env, Metric, Resource, Step

MADE_FOLDERS = ("/mlc/inputs", "/mlc/outputs")
METRICS_ARTIFACT = "x-metrics"
REPORTED = "classification_metrics"
"""The type whose content the UI shows by the artifact's metadata; HTML and Markdown it reads from the store."""


def container(step: Step) -> dict[str, Any]:
    """The container spec of a step."""
    spec: dict[str, Any] = {"image": image(step)}
    needs = needs_of(step)
    if wrapped(step, needs):
        spec["command"] = ["sh", "-ec", kubelet(script(needs)), step.name]
        spec["args"] = arguments(step, needs)
    else:
        spec["command"] = [kubelet(text.constant or "") for text in step.command or ()]
        if step.args:
            spec["args"] = [kubelet(text.constant or "") for text in step.args]
    env = [{"name": env.name, "value": kubelet(value)} for env in step.env if (value := constant(env)) is not None]
    if env:
        spec["env"] = env
    resources = _resources(step.resources)
    if resources:
        spec["resources"] = resources
    return spec


def image(step: Step) -> str:
    """The image. A parameter is all of it: the driver looks for one input and drops what stands around it (driver/resolve.go)."""
    text = step.image.text
    return step.image.ref if text is None else placeholder(piece(text.references[0])) if text.references else text.constant or ""


def wrapped(step: Step, needs: Needs) -> bool:
    """Whether the step's program runs inside the script of `lowering.wrapper`."""
    if needs.records or any(True for _ in run_time_env(step)):
        return True
    return any(_plain(text) is None for text in (*(step.command or ()), *step.args))


def _plain(text: Text) -> str | None:
    """The text where it can be an argument as it stands."""
    given = text.constant
    return None if given is None or expanded(given) or shielded(given) != given else given


def needs_of(step: Step) -> Needs:
    """What the wrapper of a step must do; with nothing to do and only plain arguments there is none."""
    return Needs(
        collect=bool(step.outputs or step.values or step.metrics),
        show=bool(step.metrics),
        report=any(output.type == REPORTED for output in step.outputs),
        look=any(metric.key or metric.format == "kfp-v1" for metric in step.metrics),
        inputs=bool(step.inputs),
        folders=bool(_folders(step)),
        optional=any(port.optional for port in step.inputs) or any(port.optional for port in step.outputs),
        workdir=bool(step.workdir),
        packages=step.script is not None and bool(step.script.packages),
        script=step.script is not None,
        scratch=sorted(SCRATCH, key=lambda place: any(f"{place}/".startswith(f"{mount.path}/") for mount in step.mounts)),
    )


def constant(env: Env) -> str | None:
    """An env value that can stand in the container spec, which the backend copies as it is (driver/driver.go)."""
    value = env.value.constant if isinstance(env.value, Text) else None
    return None if value is None or expanded(value) else value


def run_time_env(step: Step) -> Iterator[tuple[Env, Text]]:
    """The env values that only the wrapper can set."""
    for env in step.env:
        if isinstance(env.value, Text) and constant(env) is None:
            yield env, env.value


def _folders(step: Step) -> list[str]:
    declared = [port.path for ports in (step.inputs, step.outputs, step.values, step.metrics) for port in ports]
    return [folder for folder in MADE_FOLDERS if any(path.startswith(folder + "/") for path in declared)]


def arguments(step: Step, needs: Needs) -> list[str]:
    """The wrapper's positional arguments: records, `--`, the program's own words with what sets its environment before them."""
    args: list[str] = ["={{$}}"] if needs.published else []
    for output in step.outputs:
        args += ["maybe" if output.optional else "output", output.name, output.path, f"{{{{$.outputs.artifacts['{output.name}'].path}}}}"]
    for kind, ports in (("value", step.values), ("metric", step.metrics)):
        for port in ports:
            args += [kind, port.name, port.path, f"{{{{$.outputs.parameters['{port.name}'].output_file}}}}"]
    for metric in step.metrics:
        args += ["show", metric.name, metric.path, word(_key(metric))]
    for output in step.outputs:
        if output.type == REPORTED:
            args += ["report", output.name, output.path, output.type]
    for folder in _folders(step):
        args += ["folder", folder]
    for source in step.inputs:
        args += ["optional" if source.optional else "input", source.name, source.path, f"{{{{$.inputs.artifacts['{source.name}'].path}}}}"]
    if step.workdir:
        args += ["workdir", step.workdir]
    if step.script is not None:
        if step.script.packages:
            args += ["packages", word("\n".join(step.script.packages))]
        args += ["script", word(step.script.text.constant or "")]
    if needs.records:
        args.append("--")
    set_here = [text_word(Text((f"{env.name}=", *value.pieces), value.origin)) for env, value in run_time_env(step)]
    if set_here:
        args += ["env", *set_here]
    if step.script is not None:
        args += [*INTERPRETERS[step.script.shell], FILE]
    args += [text_word(text) for text in (*(step.command or ()), *step.args)]
    return args


def _key(metric: Metric) -> str:
    return json.dumps(metric.name if metric.format == "kfp-v1" else list(metric.key), ensure_ascii=False)


def text_word(text: Text) -> str:
    """A text as an argument of the wrapper; expressions become placeholders."""
    if text.constant is not None:
        return word(text.constant)
    parts: list[str] = []
    for part in text.pieces:
        if isinstance(part, str):
            parts.append(kubelet(part))
        else:
            parts.append(Text((part,), text.origin).constant or placeholder(piece(part)))
    return shielded("".join(parts))


def _resources(resources: tuple[Resource, ...]) -> dict[str, Any]:
    """Each amount twice: the quantity itself, and for backends before 2.4 a number of cores or of 10^9 bytes (driver/driver.go)."""
    spec: dict[str, Any] = {}
    for resource in resources:
        if resource.name not in ("cpu", "memory"):
            count = resource.limit
            spec["accelerator"] = {"type": resource.name, "count": count, "resourceType": resource.name, "resourceCount": count}
            continue
        unit = NANO if resource.name == "cpu" else NANO * 10**9
        for suffix, amount in (("Limit", resource.limit), ("Request", resource.request)):
            if amount:
                spec[f"{resource.name}{suffix}"] = (nanos(amount) or 0) / unit
                spec[f"resource{resource.name.capitalize()}{suffix}"] = amount
    return spec
