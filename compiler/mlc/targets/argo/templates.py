"""One step as an Argo template and as a task of the DAG."""

from __future__ import annotations

import os.path

from ...ir import FieldPath, Text
from ...lowering import k8s
from ...lowering.text import INTERPRETERS, in_template, kubelet
from . import volumes
from .arguments import Arguments
from .expressions import every
from .names import SCRIPT
from .notes import displayed, of_pod
from .versions import DISPLAY_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ...ir import Env, Input, Metric, Output, Retry, Script, Step, Store, Value

_POLICIES = {"failure": "OnFailure", "error": "OnError", "always": "Always"}

# To Argo a declared file that is missing is an error of the pod: it is the executor beside the program that fails (controller/operator.go,
# inferFailedReason). To us the program failed; its exit code of 0 tells the two apart (a pod that went away has none, "-1").
_FILES_POLICIES = {
    "failure": ("Always", "lastRetry.status == 'Failed' || lastRetry.exitCode == '0'"),
    "error": ("OnError", "lastRetry.exitCode != '0'"),
    "always": ("Always", ""),
}
_READABLE = 0o755
"""Mode of inputs: the executor may download as root what the step reads as somebody else (minio-go v7, api-get-object-file.go: 0600)."""


def template(step: Step, arguments: Arguments, store: Store | None = None, shown: bool = False) -> dict[str, Any]:
    """The template of a step. Fills `arguments` with what its task must give; with `shown` the UI calls its nodes by its title."""
    if step.resource is not None:
        from . import objects  # few steps have any

        body = objects.body(step.resource, arguments)
    else:
        body = _body(step, arguments)
    if step.security is not None or step.beside:
        from . import pods  # few steps have any of it

        pods.add(step, body, arguments)
    labels = dict(step.labels)
    labels.update((one.name, arguments.named(one.text, f"label-{one.name}", f"label {one.name}", label=True)) for one in step.given_labels)
    mounted = volumes.of_template(step, arguments)
    inputs = _inputs(step, arguments, store)
    outputs = _outputs(step)
    metadata = {key: value for key, value in (("labels", labels), ("annotations", of_pod(step))) if value}
    parts: tuple[tuple[str, object], ...] = (
        ("annotations", {DISPLAY_NAME: name} if shown and (name := displayed(step.title)) else {}),
        ("metadata", metadata),
        ("inputs", inputs),
        ("outputs", outputs),
        ("retryStrategy", _retry(step, step.retry) if step.retry else {}),
        ("activeDeadlineSeconds", step.timeout),
        ("volumes", mounted),
        ("serviceAccountName", step.service_account),
        ("securityContext", {"fsGroup": step.security.fs_group} if step.security and step.security.fs_group is not None else {}),
    )
    placed = _scheduling(step)
    return {"name": step.name, **{key: value for key, value in parts if value}, **placed, **body}


def task(step: Step, arguments: Arguments, archives: Mapping[str, Any]) -> dict[str, Any]:
    """The task of a step in the DAG: what it waits for, its condition, and what its template gets.

    `archives` says how artifacts that `best` chooses were stored.
    """
    made: dict[str, Any] = {"name": step.name, "template": step.name}
    if step.after:
        made["depends"] = " && ".join(f"{name}.Succeeded" for name in step.after)
    if step.conditions:
        made["when"] = "{{= " + every([condition.expr for condition in step.conditions]) + " }}"
    parameters = [{"name": name, "value": value} for name, value in arguments.values.items()]
    artifacts = [artifact(port, port.name, archives) for port in step.inputs if port.external is None]
    given = {key: value for key, value in (("parameters", parameters), ("artifacts", artifacts)) if value}
    return {**made, "arguments": given} if given else made


def artifact(port: Input, name: str, archives: Mapping[str, Any]) -> dict[str, Any]:
    """The argument `name` that hands over an artifact: of a step beside, of an item of a loop beside, or of this group's own inputs."""
    if port.outer:
        return {"name": name, "from": "{{inputs.artifacts." + port.outer + "}}"}
    if port.best is None:
        return {"name": name, "from": "{{tasks." + port.producer + ".outputs.artifacts." + port.name + "}}", **_optional(port)}
    from .loops import picked

    return picked(port, port.best, name, archives[port.name])


def _scheduling(step: Step) -> dict[str, Any]:
    if step.scheduling is None:
        return {}
    from ...lowering.scheduling import pod

    return pod(step.scheduling)


def staged(step: Step) -> bool:
    """Whether the script comes as an artifact: Argo appends the path of a script template's source *after* its args."""
    return step.script is not None and bool(step.args)


def _body(step: Step, arguments: Arguments) -> dict[str, Any]:
    container: dict[str, Any] = {"image": arguments.image(step.image)}
    if step.image.pull_policy:
        container["imagePullPolicy"] = step.image.pull_policy
    command = _interpreter(step.script, staged(step)) if step.script else words(step.command or (), "command", arguments)
    if command:
        container["command"] = command
    args = words(step.args, "arg", arguments)
    if args:
        container["args"] = args
    if step.workdir:
        container["workingDir"] = step.workdir
    rest = (
        ("env", [variable(env, arguments) for env in step.env]),
        ("resources", k8s.resources(step.resources)),
        ("volumeMounts", volumes.mounts(step)),
    )
    container.update((key, value) for key, value in rest if value)
    if step.script is None or staged(step):
        return {"container": container}
    return {"script": {**container, "source": in_template(step.script.text.constant or "")}}


def words(texts: tuple[Text, ...], place: str, arguments: Arguments) -> list[str]:
    """`command` or `args` of a container; `place` is what a parameter is called that holds one of them and more than a reference."""
    return [arguments.use(word, f"{place}-{index}") for index, word in enumerate(texts, 1)]


def variable(env: Env, arguments: Arguments, place: str = "env") -> dict[str, Any]:
    """An item of a container's `env`."""
    if isinstance(env.value, Text):
        return {"name": env.name, "value": arguments.use(env.value, f"{place}-{env.name}")}
    given = None if isinstance(env.value, FieldPath) else env.value.given
    name = "" if given is None else arguments.named(given, f"{place}-{env.name}", f"env {env.name}")
    return {"name": env.name, "valueFrom": k8s.env_source(env.value, name)}


def _interpreter(script: Script, as_artifact: bool) -> list[str]:
    """The command that runs the script's file with the step's args. The file's path is the last word, from Argo where it stages it."""
    command = list(INTERPRETERS[script.shell])
    if script.packages:
        install = " ".join(("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *map(_shell_word, script.packages)))
        command = ["sh", "-ec", kubelet(f'{install}\nexec {" ".join(command)} "$0" "$@"\n')]
    return [*command, SCRIPT] if as_artifact else command


def _shell_word(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _inputs(step: Step, arguments: Arguments, store: Store | None) -> dict[str, Any]:
    artifacts = [_input(port, arguments, store) for port in step.inputs]
    if staged(step) and step.script:
        names = {port.name for port in step.inputs}
        name = "x-script" if "x-script" not in names else "x-script-file"
        artifacts.append({"name": name, "path": SCRIPT, "raw": {"data": in_template(step.script.text.constant or "")}})
    parameters = [{"name": name} for name in arguments.values]
    return {key: value for key, value in (("parameters", parameters), ("artifacts", artifacts)) if value}


def _input(port: Input, arguments: Arguments, store: Store | None) -> dict[str, Any]:
    made = {"name": port.name, "path": port.path, "mode": _READABLE, "recurseMode": True}
    if port.external is None:
        return {**made, **_optional(port)}
    from .places import location  # of few projects

    return {**made, **location(port, store, arguments)}


def _outputs(step: Step) -> dict[str, Any]:
    small: tuple[Value | Metric, ...] = (*step.values, *step.metrics)
    parameters = [{"name": port.name, "valueFrom": {"path": port.path}} for port in small]
    artifacts = [
        {"name": port.name, "path": port.path, "archive": archive, **_optional(port)}
        for port, archive in zip(step.outputs, storing(step).values(), strict=True)
    ]
    return {key: value for key, value in (("parameters", parameters), ("artifacts", artifacts)) if value}


def storing(step: Step) -> dict[str, dict[str, Any]]:
    """How each artifact of a step is stored: as it is, a file as one object, a directory as objects below one key.

    Its key ends in the file's name, so two outputs of one file name (or one called like the pod's log) would overwrite each other
    (executor.go, saveArtifactFromFile): those are packed, which names them after the artifact. The consumer unpacks them again.
    """
    taken: dict[str, int] = {"main.log": 1}
    for port in step.outputs:
        name = os.path.basename(port.path)
        taken[name] = taken.get(name, 0) + 1
    packed = {f"{port.name}.tgz" for port in step.outputs}  # what the executor calls a packed artifact
    names = {port.name: os.path.basename(port.path) for port in step.outputs}
    return {port: {"tar" if taken[name] > 1 or name in packed else "none": {}} for port, name in names.items()}


def _optional(port: Input | Output) -> dict[str, bool]:
    """Argo asks for it at the output, at the task's argument and at the input (controller/dag.go, workflowpod.go, executor.go)."""
    return {"optional": True} if port.optional else {}


def _retry(step: Step, retry: Retry) -> dict[str, Any]:
    backoff: dict[str, str] = {}
    if retry.backoff_duration:
        backoff["duration"] = f"{retry.backoff_duration}s"
    if retry.backoff_factor:
        backoff["factor"] = retry.backoff_factor
    if retry.backoff_max:
        backoff["maxDuration"] = f"{retry.backoff_max}s"
    files = bool(step.outputs or step.values or step.metrics)
    policy, expression = _FILES_POLICIES[retry.on] if files else (_POLICIES[retry.on], "")
    parts = (("limit", str(retry.limit)), ("retryPolicy", policy), ("expression", expression), ("backoff", backoff))
    return {key: value for key, value in parts if value}
