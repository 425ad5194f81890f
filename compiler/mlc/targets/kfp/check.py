"""What Kubeflow Pipelines v2 cannot do, needs, or leaves to another command."""

from __future__ import annotations

import json

from ...diagnostics.model import Finding
from ...ir import FieldPath, RunClaim, RunRef, Text, loops_of, references, steps_of, type_of
from ...lowering.text import ARGUMENT_LIMIT, engine_tag, unquotable, way_out
from ...lowering.wrapper import PREFIX, expanded
from . import reuse, versions
from .bind import default
from .claims import run_claims, storage_class
from .executors import container, run_time_env
from .places import folder, port_path, volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...diagnostics.model import Path
    from ...ir import About, Group, Param, Pipeline, Step

_AROUND = 16384  # bytes that may stand around the items of a loop in the argument that holds its task
_EXACT = 2**53  # integers up to here survive as doubles, which is what a parameter is in the backend


_OWN_FACTS = ("display_name", "store_session_info", "confusionMatrix", "confidenceMetrics")
"""Properties that the backend gives an artifact itself (metadata/client.go), or its UI draws."""


def check(pipeline: Pipeline, findings: list[Finding]) -> None:
    """Append what the target refuses (MLC401, 402, 403, 406, 408) and what it hands over (MLC405)."""
    _handed_over(pipeline, findings)
    _tag(pipeline.description, ("description",), findings)
    for param in pipeline.params:
        _param(param, findings)
    if sum(len(param.default or "") for param in pipeline.params) > ARGUMENT_LIMIT:
        message = "the defaults of all parameters together are longer than one process argument on KFP, 131,071 bytes"
        findings.append(Finding("MLC408", message, ("params",), help="keep large data in a file or in a dataset"))
    for claim in run_claims(pipeline):
        if not storage_class(pipeline, claim):
            message = f"volume `{claim.name}` is made for each run and has no `storage_class`, which KFP needs"
            text = "give the volume a `storage_class`, or all of them one with `targets.kfp.storage_class`"
            findings.append(Finding("MLC406", message, claim.origin, "key", help=text))
    if pipeline.kfp.workspace:
        from . import workspace  # few projects have one

        workspace.check(pipeline, findings)
    if any(port.external is not None for step in pipeline.steps for port in step.inputs):
        from . import importers  # of few projects

        importers.check(pipeline, findings)
    if any(step.cache for step in pipeline.steps):
        findings.extend(reuse.check(pipeline))
    versions.check(pipeline, findings)
    if pipeline.final:
        _finally(pipeline.final, findings)
    for group in loops_of(pipeline):
        _loop(group, findings)
    modes: set[str] = set()
    for step in pipeline.steps:
        _step(step, findings)
        volumes(step, modes, findings)


def _handed_over(pipeline: Pipeline, findings: list[Finding]) -> None:
    for key, given in (("labels", pipeline.labels), ("annotations", pipeline.annotations)):
        if given:
            message = f"`{key}` of the project are not part of what KFP reads: runs have none of their own"
            text = f"give steps `{key}` of their own, for instance under `defaults`: those reach the pods"
            findings.append(Finding("MLC405", message, (key,), "key", help=text))
    store = pipeline.store
    if pipeline.schedule is not None:
        schedule = pipeline.schedule
        zone = f" in time zone {schedule.timezone}" if schedule.timezone else ""
        message = "`schedule` is not part of what KFP reads: the pipeline runs when it is started"
        text = f"make a recurring run of it in KFP, with the cron expression `0 {schedule.cron}`{zone} (KFP counts seconds first)"
        findings.append(Finding("MLC405", message, schedule.origin, "key", help=text))
    if store is not None:
        from .store import CONFIG_MAP, possible, root

        if not possible(store):
            message = f"a store of type `{store.kind}` is not possible on KFP, which keeps artifacts in S3, MinIO or Google Cloud Storage"
            text = "use `s3`, `minio` or `gcs`, or leave `store` out: artifacts go where the namespace's ConfigMap says"
            findings.append(Finding("MLC401", message, store.origin, "key", help=text))
            return
        message = f"`store` is not part of what KFP reads: artifacts go where the namespace's `{CONFIG_MAP}` ConfigMap says"
        text = f"set `defaultPipelineRoot: {root(store)}` there, and the credentials: `mlc infra SPEC --target kfp` prints it"
        findings.append(Finding("MLC405", message, store.origin, "key", help=text))


def _finally(final: Group, findings: list[Finding]) -> None:
    for step in steps_of(final):
        for mount in step.mounts:
            if isinstance(mount.volume, RunClaim) and not mount.volume.workspace:
                message = f"volume `{mount.volume.name}` is deleted on KFP before `finally` runs"
                if mount.volume.keep:
                    message = f"`finally` does not learn the name of volume `{mount.volume.name}` on KFP, which the run makes up"
                text = "use an existing claim there, or read the file in a step before"
                findings.append(Finding("MLC401", message, mount.origin, "key", help=text))
        used = [(text.references, text.origin) for text in step.texts]
        used += [(tuple(references(condition.expr)), condition.origin) for condition in step.conditions]
        for refs, origin in used:
            if any(isinstance(ref, RunRef) and ref.name == "status" for ref in refs):
                message = "`run.status` is not possible on KFP, which reports `RUNNING` for runs that skipped a step or lost a pod"
                text = "let the step ask the API of KFP for the run, by `run.id`, or compile for `argo`"
                findings.append(Finding("MLC401", message, origin, help=text))


def _best(step: Step, findings: list[Finding]) -> None:
    for port in step.inputs:
        if port.best is not None:
            message = "`best` is not possible on KFP, whose driver hands over the artifacts of all items or none"
            text = f"let a step ride along, `each: {port.best.loop}`, and publish each one with its metric, or compile for `argo`"
            findings.append(Finding("MLC401", message, port.best.origin, "key", help=text))


def _loop(group: Group, findings: list[Finding]) -> None:
    loop = group.loop
    if loop is None or loop.rows is None:
        return
    for column in loop.columns:
        path = (*loop.origin, column.column.partition(".")[0])
        for one in column.texts:
            _tag(one, path, findings)
            _expanded(one, "an item", path, findings)
    from .loops import items_of

    size = len(json.dumps(items_of(loop), ensure_ascii=False).encode())
    if size + _AROUND > ARGUMENT_LIMIT:
        message = f"the items of loop `{group.name}` take {size:,} bytes on KFP, which passes them in one process argument"
        text = "use shorter items, such as indexes, or have a step write the list as a value"
        findings.append(Finding("MLC408", message, loop.origin, "key", help=text))


def _param(param: Param, findings: list[Finding]) -> None:
    _tag(param.description, (*param.origin, "description"), findings)
    for choice in param.choices:
        _tag(choice, (*param.origin, "choices"), findings)
    if param.default is None:
        return
    _tag(param.default, param.origin, findings)
    _expanded(param.default, f"the default of parameter `{param.name}`", param.origin, findings)
    if param.type in ("int", "list", "dict") and not _exact(default(param)):
        what = "is" if param.type == "int" else "holds"
        message = f"the default of parameter `{param.name}` {what} an integer that KFP cannot hold: it has doubles only"
        text = "make it a parameter of type `string`" if param.type == "int" else "make it a text, or the parameter one of type `string`"
        findings.append(Finding("MLC401", message, param.origin, help=text))


def _exact(value: Any) -> bool:
    """Whether all integers of a default survive as doubles."""
    if isinstance(value, (list, dict)):
        return all(_exact(item) for item in (value.values() if isinstance(value, dict) else value))
    return not isinstance(value, int) or abs(value) <= _EXACT


def _step(step: Step, findings: list[Finding]) -> None:
    if step.resource is not None:
        message = "`resource` is not possible on KFP, which runs programs only"
        text = "have a program do it, such as `kubectl` in a `run` script with an account that may, or compile for `argo`"
        findings.append(Finding("MLC401", message, step.where("resource"), "key", help=text))
        return
    if not step.command and step.script is None:
        message = f"step `{step.name}` has no command, and the program of its image is unknown to KFP"
        text = "give the step `command` or `run`, or the image an `entrypoint` under `images`; or let `mlc lock` find it, for `--locked`"
        findings.append(Finding("MLC406", message, step.origin, "key", help=text))
    _tag(step.title, step.where("title"), findings)
    _expanded(step.title, "a title", step.where("title"), findings)
    _tag(step.description, step.where("description"), findings, in_json=False)
    _expanded(step.description, "a description", step.where("description"), findings)
    completed = {one.name for one in step.given_labels}
    for key, given in (("labels", step.labels), ("annotations", step.annotations)):
        for name, value in given.items():
            if key == "labels" and name in completed:
                message = f"label `{name}` is known only at run time, and KFP sets labels of pods before"
                text = "write the value out, or pass it to the program, which can label its own pod; or compile for `argo`"
                findings.append(Finding("MLC401", message, step.where(key, name), help=text))
                continue
            _tag(value, step.where(key, name), findings, in_json=False)
            _expanded(value, f"`{key}`", step.where(key, name), findings)
    if step.image.text is not None:
        _whole(step.image.text, "an image", "image: ${{ params.image }}", findings)
    for one in step.named:
        if one.given is not None:
            _whole(one.given, "a name", "secret: ${{ params.secret }}", findings)
    for env in step.env:
        if isinstance(env.value, FieldPath):
            _tag(env.value.path, (*env.origin, "field"), findings)
            _expanded(env.value.path, "a field", (*env.origin, "field"), findings)
        if env.name.startswith(PREFIX):
            message = f"env `{env.name}` is a name of the script that starts programs on KFP: `{PREFIX}...`"
            findings.append(Finding("MLC402", message, env.origin, "key", help="use another name"))
    for given_text in step.texts:
        _text(given_text, findings)
    if step.script is not None:
        _tag(step.script.text.constant or "", step.script.text.origin, findings)
        for index, package in enumerate(step.script.packages):
            _tag(package, step.where("packages", index), findings)
    _best(step, findings)
    for metric in step.metrics:
        for key in metric.key:
            _tag(key, (*metric.origin, "key"), findings)
    _pod(step, findings)
    if step.scheduling is not None:
        from . import scheduling

        scheduling.check(step, step.scheduling, findings)
    for about in (*(port.about for port in step.outputs), *(port.external.about for port in step.inputs if port.external is not None)):
        if about is not None:
            _about(about, findings)
    _engine(step, findings)
    _resources(step, findings)
    _size(step, findings)
    if step.workdir:
        folder(step.workdir, f"`workdir` of step `{step.name}`", step.where("workdir"), findings)
    program = (step.command or (None,))[0]
    if program is not None and "=" in (program.constant or "") and any(True for _ in run_time_env(step)):
        message = f"the program `{program.constant}` cannot be started on KFP, where `env` would take it for a variable"
        findings.append(Finding("MLC402", message, program.origin, help="call it by a name without `=`, or leave expressions out of `env`"))
    for kind, ports in (("inputs", step.inputs), ("outputs", step.outputs), ("values", step.values), ("metrics", step.metrics)):
        for port in ports:
            port_path(port.path, f"{kind} of step `{step.name}`", step, port.origin, findings, emptied=kind != "inputs")


def _pod(step: Step, findings: list[Finding]) -> None:
    """Refuse what no version up to 2.17 has a field for (kubernetes_executor_config.proto)."""
    ours = "or compile for `argo`"
    if step.service_account:
        message = "`service_account` is not possible on KFP: all pods of a run have one account"
        text = f"choose the account when the run is started, and give it what the step needs; {ours}"
        findings.append(Finding("MLC401", message, step.where("service_account"), "key", help=text))
    if step.security is not None and step.security.fs_group is not None:
        message = "`security.fs_group` is not possible on KFP, which sets the user and group of the program only"
        text = f"have the storage class or the claim's administrator see to who may write, {ours}"
        findings.append(Finding("MLC401", message, (*step.security.origin, "fs_group"), "key", help=text))
    if step.init:
        text = f"do it at the start of the step's own `run`, or in a step before that leaves its result on a volume; {ours}"
        message = "`init` is not possible on KFP, whose pods run one program"
        findings.append(Finding("MLC401", message, step.where("init"), "key", help=text))
    if step.sidecars:
        text = f"start it in the step's own `run`, or as a service in the cluster; {ours}"
        message = "`sidecars` are not possible on KFP, whose pods run one program"
        findings.append(Finding("MLC401", message, step.where("sidecars"), "key", help=text))


def _whole(text: Text, what: str, example: str, findings: list[Finding]) -> None:
    refs = text.references
    if not refs or (len(text.pieces) == 1 and type_of(refs[0]) == "string"):
        return
    message = f"{what} with a parameter in it is not possible on KFP unless the parameter is all of it, and a text"
    help = f"make the whole of it one parameter of type `string`, such as `{example}`, or compile for `argo`"
    findings.append(Finding("MLC420", message, text.origin, help=help))


def _about(about: About, findings: list[Finding]) -> None:
    path = (*about.origin, "description")
    _tag(about.description, path, findings)
    _expanded(about.description, "a description", path, findings)
    for name, value in about.metadata.items():
        path = (*about.origin, "metadata", name)
        if name in _OWN_FACTS:
            message = f"`{name}` is metadata that KFP keeps for itself"
            findings.append(Finding("MLC402", message, path, "key", help="use another name"))
        if isinstance(value, str):
            _tag(value, path, findings)
            _expanded(value, "metadata", path, findings)
        elif not _exact(value):
            message = f"`{name}` is an integer that KFP cannot hold: it has doubles only"
            findings.append(Finding("MLC401", message, path, help="write it as a text"))


def _engine(step: Step, findings: list[Finding]) -> None:
    retry = step.retry
    if retry is None:
        return
    if retry.on != "failure":
        message = f"`retry.on: {retry.on}` is not possible on KFP, which tries again only after a failure of the program"
        findings.append(Finding("MLC401", message, (*retry.origin, "on"), help="leave `on` out, or say `failure`"))
    if retry.backoff_factor and float(retry.backoff_factor) != int(float(retry.backoff_factor)):
        message = f"`retry.backoff.factor: {retry.backoff_factor}` is not possible on KFP, which takes whole numbers only"
        findings.append(Finding("MLC401", message, (*retry.origin, "backoff", "factor"), help="use 1, 2 or another whole number"))


def _resources(step: Step, findings: list[Finding]) -> None:
    accelerators = 0
    for resource in step.resources:
        if resource.name in ("cpu", "memory"):
            continue
        if resource.name == "ephemeral-storage":
            message = "`ephemeral_storage` is not possible on KFP: its containers have cpu, memory and one kind of accelerator"
            text = "mount an `empty_dir` with a `size`, or a volume made for the run"
            findings.append(Finding("MLC401", message, resource.origin, "key", help=text))
            continue
        accelerators += 1
        if accelerators > 1:
            message = f"`{resource.name}` is a second kind of accelerator in step `{step.name}`, which KFP cannot do"
            findings.append(Finding("MLC401", message, resource.origin, "key", help="use one kind per step"))
        elif not resource.limit or resource.request not in ("", resource.limit):
            message = f"`{resource.name}` needs a limit that is equal to its request on KFP"
            findings.append(Finding("MLC401", message, resource.origin, "key", help="give it once, for request and limit"))


def _size(step: Step, findings: list[Finding]) -> None:
    """The driver gets a container as one process argument."""
    given = [*step.texts, *([step.script.text] if step.script is not None else [])]
    if 6 * sum(len(piece) for text in given for piece in text.pieces if isinstance(piece, str)) + 16384 < ARGUMENT_LIMIT:
        return  # not even if every character took six bytes
    size = len(json.dumps(container(step), ensure_ascii=False).encode())
    if size > ARGUMENT_LIMIT:
        origin = max(given, key=lambda text: len(text.constant or "")).origin
        where = f"which passes it in one process argument of at most {ARGUMENT_LIMIT:,}"
        message = f"the container of step `{step.name}` takes {size:,} bytes on KFP, {where}"
        findings.append(Finding("MLC408", message, origin, help="put the text into the image, or into a file on a volume"))


def _text(text: Text, findings: list[Finding]) -> None:
    if text.constant is not None:
        _tag(text.constant, text.origin, findings)
        return
    for piece in text.pieces:
        if isinstance(piece, str):
            _tag(piece, text.origin, findings)
    for index, piece in enumerate(text.pieces):
        if isinstance(piece, str) and (expanded(piece) or (piece.endswith("$") and index + 1 < len(text.pieces))):
            message = "`$(`, `$$` or a `$` right before an expression is changed on KFP when the text is known only at run time"
            text_ = "put the expression into an `env` variable or an argument of its own"
            findings.append(Finding("MLC403", message, text.origin, help=text_))
            return


def _tag(text: str, origin: Path, findings: list[Finding], *, in_json: bool = True) -> None:
    """`in_json`: the text travels in a component's JSON. Only annotations are parameters of their own (argocompiler/container.go)."""
    tag = engine_tag(text)
    if tag is not None:
        message = f"`{tag}` would be replaced by KFP or by the Argo Workflows below it, which have no escape for it"
        findings.append(Finding("MLC403", message, origin, help=way_out(tag)))
    character = unquotable(text, in_json=in_json)
    if character is not None:
        message = f"the character {character} cannot stand in a text on KFP: the template engine of Argo Workflows below it breaks on it"
        findings.append(Finding("MLC403", message, origin, help="write it without, or have the program make it"))


def _expanded(text: str, what: str, origin: Path, findings: list[Finding]) -> None:
    found = expanded(text)
    if found:
        message = f"`{found}` in {what} is changed on KFP, where a kubelet reads it among a program's arguments"
        findings.append(Finding("MLC403", message, origin, help="write it without `$(` and `$$`"))
