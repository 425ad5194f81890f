"""What Kubeflow Pipelines v2 cannot do, needs, or leaves to another command."""

from __future__ import annotations

import json

from ...diagnostics.model import Finding
from ...ir import Claim, ConfigMapVolume, SecretVolume, Text
from ...lowering.text import engine_tag, way_out
from ...lowering.wrapper import expanded
from .bind import texts
from .claims import run_claims, storage_class
from .executors import container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...diagnostics.model import Path
    from ...ir import Mount, Param, Pipeline, Step

LIMIT = 131071  # bytes of one process argument (Linux, MAX_ARG_STRLEN): the driver gets a container as one
_EXACT = 2**53  # integers up to here survive as doubles, which is what a parameter is in the backend
_LETTERS = frozenset("-0123456789abcdefghijklmnopqrstuvwxyz")
_OWN_FOLDERS = ("/kfp-launcher", "/gcs", "/s3", "/minio", "/tmp/kfp", "/.local", "/.cache", "/.config")  # noqa: S108 - argocompiler/container.go
_OWN_VOLUMES = (
    "kfp-launcher",
    "gcs-scratch",
    "s3-scratch",
    "minio-scratch",
    "dot-local-scratch",
    "dot-cache-scratch",
    "dot-config-scratch",
)


def check(pipeline: Pipeline, findings: list[Finding]) -> None:
    """Append what the target refuses (MLC401, 402, 403, 406, 408) and what it hands over (MLC405)."""
    _handed_over(pipeline, findings)
    _tag(pipeline.description, ("description",), findings)
    for param in pipeline.params:
        _param(param, findings)
    if sum(len(param.default or "") for param in pipeline.params) > LIMIT:
        message = "the defaults of all parameters together are longer than one process argument on KFP, 131,071 bytes"
        findings.append(Finding("MLC408", message, ("params",), help="keep large data in a file or in a dataset"))
    for claim in run_claims(pipeline):
        if not storage_class(pipeline, claim):
            message = f"volume `{claim.name}` is made for each run and has no `storage_class`, which KFP needs"
            text = "give the volume a `storage_class`, or all of them one with `targets.kfp.storage_class`"
            findings.append(Finding("MLC406", message, claim.origin, "key", help=text))
    modes: set[str] = set()
    for step in pipeline.steps:
        _step(step, findings)
        _volumes(step, modes, findings)


def _handed_over(pipeline: Pipeline, findings: list[Finding]) -> None:
    for key, given in (("labels", pipeline.labels), ("annotations", pipeline.annotations)):
        if given:
            message = f"`{key}` of the project are not part of what KFP reads: runs have none of their own"
            text = f"give steps `{key}` of their own, for instance under `defaults`: those reach the pods"
            findings.append(Finding("MLC405", message, (key,), "key", help=text))
    store = pipeline.store
    if store is not None:
        root = f"{store.kind}://{store.bucket}" + (f"/{store.prefix.strip('/')}" if store.prefix else "")
        message = "`store` is not part of what KFP reads: artifacts go where the namespace's `kfp-launcher` ConfigMap says"
        endpoint = f", the provider's endpoint `{store.endpoint}`" if store.endpoint else ""
        secret = f" and its credentials from secret `{store.secret}`" if store.secret else ""
        text = f"set `defaultPipelineRoot: {root}`{endpoint}{secret} there"
        findings.append(Finding("MLC405", message, store.origin, "key", help=text))


def _param(param: Param, findings: list[Finding]) -> None:
    _tag(param.description, (*param.origin, "description"), findings)
    if param.default is None:
        return
    _tag(param.default, param.origin, findings)
    _expanded(param.default, f"the default of parameter `{param.name}`", param.origin, findings)
    if param.type == "int" and abs(int(param.default)) > _EXACT:
        message = f"the default of parameter `{param.name}` is an integer that KFP cannot hold: it has doubles only"
        findings.append(Finding("MLC401", message, param.origin, help="make it a parameter of type `string`"))


def _step(step: Step, findings: list[Finding]) -> None:
    if not step.command and step.script is None:
        message = f"step `{step.name}` has no command, and the program of its image is unknown to KFP"
        text = "give the step `command` or `run`, or the image an `entrypoint` under `images`"
        findings.append(Finding("MLC406", message, step.origin, "key", help=text))
    _tag(step.title, step.where("title"), findings)
    _expanded(step.title, "a title", step.where("title"), findings)
    _tag(step.description, step.where("description"), findings)
    for key, given in (("labels", step.labels), ("annotations", step.annotations)):
        for name, value in given.items():
            _tag(value, step.where(key, name), findings)
    for given_text in texts(step):
        _text(given_text, findings)
    if step.script is not None:
        _tag(step.script.text.constant or "", step.script.text.origin, findings)
        for index, package in enumerate(step.script.packages):
            _tag(package, step.where("packages", index), findings)
    for metric in step.metrics:
        for key in metric.key:
            _tag(key, (*metric.origin, "key"), findings)
    _engine(step, findings)
    _resources(step, findings)
    _size(step, findings)
    for kind, ports in (("inputs", step.inputs), ("outputs", step.outputs), ("values", step.values), ("metrics", step.metrics)):
        for port in ports:
            _folder(port.path, f"{kind} of step `{step.name}`", port.origin, findings)


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


def _volumes(step: Step, modes: set[str], findings: list[Finding]) -> None:
    taken: dict[str, tuple[str, Mount]] = {}
    for mount in step.mounts:
        _folder(mount.path, f"volumes of step `{step.name}`", mount.origin, findings)
        volume = mount.volume
        match volume:
            case SecretVolume(mode=mode) if mode is not None and volume.name not in modes:
                modes.add(volume.name)
                message = f"`mode` of volume `{volume.name}` is not possible on KFP: files of a secret are 0644 there"
                text = "leave `mode` out and copy the file in the step, with the mode it needs"
                findings.append(Finding("MLC401", message, (*volume.origin, "mode"), "key", help=text))
        match volume:
            case Claim(claim=name):
                kind = "claim"
            case SecretVolume(secret=name):
                kind = "secret"
            case ConfigMapVolume(config_map=name):
                kind = "config map"
            case _:
                continue
        if len(name) > 63 or not _LETTERS.issuperset(name) or name in _OWN_VOLUMES:
            message = f"{kind} `{name}` cannot be mounted on KFP, which calls the pod's volume like it: {_why(name)}"
            text = "use one with a name of at most 63 lower case letters, digits and `-`"
            findings.append(Finding("MLC402", message, volume.origin, "key", help=text))
        other, _ = taken.setdefault(name, (kind, mount))
        if other != kind:
            message = f"{kind} `{name}` and {other} `{name}` in one step are one volume of the pod on KFP, which calls it like them"
            findings.append(Finding("MLC402", message, mount.origin, "key", help="rename one of them, or mount them in different steps"))


def _why(name: str) -> str:
    return "this name is KFP's own" if name in _OWN_VOLUMES else "this is no name of a volume"


def _folder(path: str, what: str, origin: Path, findings: list[Finding]) -> None:
    for folder in _OWN_FOLDERS:
        if path == folder or (path.startswith(folder + "/") and not folder.startswith("/.")):
            message = f"`{path}` in the {what} is in a folder of KFP's own, `{folder}`"
            findings.append(Finding("MLC402", message, origin, help="use another path"))


def _size(step: Step, findings: list[Finding]) -> None:
    given = [*texts(step), *([step.script.text] if step.script is not None else [])]
    if 6 * sum(len(piece) for text in given for piece in text.pieces if isinstance(piece, str)) + 16384 < LIMIT:
        return  # not even if every character took six bytes
    size = len(json.dumps(container(step), ensure_ascii=False).encode())
    if size > LIMIT:
        origin = max(given, key=lambda text: len(text.constant or "")).origin
        message = (
            f"the container of step `{step.name}` takes {size:,} bytes on KFP, which passes it in one process argument of at most {LIMIT:,}"
        )
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


def _tag(text: str, origin: Path, findings: list[Finding]) -> None:
    tag = engine_tag(text)
    if tag is not None:
        message = f"`{tag}` would be replaced by KFP or by the Argo Workflows below it, which have no escape for it"
        findings.append(Finding("MLC403", message, origin, help=way_out(tag)))


def _expanded(text: str, what: str, origin: Path, findings: list[Finding]) -> None:
    found = expanded(text)
    if found:
        message = f"`{found}` in {what} is changed on KFP, where a kubelet reads it among a program's arguments"
        findings.append(Finding("MLC403", message, origin, help="write it without `$(` and `$$`"))
