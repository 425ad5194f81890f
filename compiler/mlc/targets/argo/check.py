"""What Argo cannot do, would do wrongly, or leaves to another command: MLC4xx."""

from __future__ import annotations

from ...diagnostics.model import Finding
from ...ir import FieldPath, RunClaim, Text, loops_of
from ...lowering.text import ARGUMENT_LIMIT, engine_tag, in_template, kubelet, unquotable, way_out
from .names import named, repository

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...diagnostics.model import Path
    from ...ir import Container, Group, Input, Metric, Mount, Output, Pipeline, Step, Store, Value

_VOLUMES = frozenset({"var-run-argo", "tmp-dir-argo", "argo-staging", "argoexec-bin", "input-artifacts", "argo-env-config"})
"""Volumes that the controller adds to a pod (controller/workflowpod.go, workflow/common)."""

_LONGEST = 52
"""Characters of a CronWorkflow's name: those of its runs have ten more, and labels with it 63 (workflow/validate, ValidateCronWorkflow)."""

_CONTAINERS = frozenset({"main", "wait", "init"})
"""Containers of every pod: the step's own and two of the executor (workflow/common)."""

_CODES = ("\\u003c", "\\u003e", "\\u0026")
"""What Argo takes in an item for JSON's own way to write `<`, `>` and `&` (util/json/fix.go)."""

_FOLDERS = ("/var/run/argo", "/argo", "/mainctrfs")
"""Folders of the executor in a pod (workflow/common)."""

_SCRIPT_LIMIT = 100_000
"""Bytes of a script that surely stays in a variable: templates above 128 KiB go into a ConfigMap (controller/workflowpod.go)."""


def check(pipeline: Pipeline, findings: list[Finding]) -> None:
    """Append what stops this pipeline on Argo, what to know, and what is handed over."""
    found = list(_project(pipeline))
    for group in loops_of(pipeline):
        found += _items(group)
    for step in pipeline.steps:
        found += (*_step(step), *_tags(step))
        if any(port.external is not None for port in step.inputs):
            found += _external(step, pipeline.store)
    if any(step.cache is not None and step.cache.enabled for step in pipeline.steps):
        from . import memo  # of few projects

        found += memo.check(pipeline)
    # what steps inherit from `defaults` is said once
    findings.extend({(finding.code, finding.path, finding.message): finding for finding in found}.values())


def _project(pipeline: Pipeline) -> Iterator[Finding]:
    if pipeline.schedule or pipeline.argo.kind == "WorkflowTemplate":
        # what runs get of them stands in the spec, where the controller replaces tags (controller/operator.go, substituteGlobalVariables)
        yield from _tag(pipeline.description, ("description",))
        for key, texts in (("labels", pipeline.labels), ("annotations", pipeline.annotations)):
            for name, text in texts.items():
                yield from _tag(text, (key, name))
    for param in pipeline.params:
        if param.name == "json":
            message = "a parameter cannot be called `json` on Argo, where `workflow.parameters.json` is the list of all parameters"
            yield Finding("MLC402", message, param.origin, "key", help="give it another name")
        yield from _tag(param.description, param.origin)
        for text in (param.default or "", *param.choices):
            if "{{" in text:
                message = f"parameter `{param.name}` allows a text with `{{{{`, which Argo would read as a template"
                yield Finding("MLC403", message, param.origin, help="write it without double braces, or read it from a file")
                break
            if character := unquotable(text):
                message = f"parameter `{param.name}` allows a text with the character {character}, on which Argo's template engine breaks"
                yield Finding("MLC403", message, param.origin, help="write it without, or read it from a file")
                break
    for volume in pipeline.volumes:
        if isinstance(volume, RunClaim) and volume.keep:
            # each claim of a template is the Workflow's own, and deleted with it at the latest (controller/operator.go, createPVCs)
            message = f"`keep` of volume `{volume.name}` is not possible on Argo, which deletes the claims of a run with it"
            size = f"--claim-size {volume.size}"
            help = f"name a claim that exists, `{{claim: NAME}}`: `mlc infra SPEC --skeletons {size}` then writes its manifest"
            yield Finding("MLC401", message, (*volume.origin, "keep"), "key", help=help)
        if pipeline.store is not None and volume.name == pipeline.store.secret:
            message = f"a volume cannot be called `{volume.name}` on Argo, which adds the secret of the `store` to its pods under that name"
            yield Finding("MLC402", message, volume.origin, "key", help="give it another name")
        if volume.name in _VOLUMES:
            message = f"a volume cannot be called `{volume.name}` on Argo, which adds one of that name to its pods"
            yield Finding("MLC402", message, volume.origin, "key", help="give it another name")
    objects = pipeline.schedule is not None or pipeline.argo.kind == "WorkflowTemplate"
    if objects and len(named(pipeline)) > _LONGEST:  # only with an environment: a project's name is shorter
        message = f"the name `{named(pipeline)}` has {len(named(pipeline))} characters: a CronWorkflow can have {_LONGEST}"
        yield Finding("MLC402", message, ("environments", pipeline.environment), "key", help="give the environment a shorter name")
    if pipeline.store is not None:
        message = f"the manifest refers to the ConfigMap `{repository(pipeline)}` for `store`, it does not hold it"
        chosen = f" --env {pipeline.environment}" if pipeline.environment else ""
        help = f"create it once in the namespace of the runs: `mlc infra SPEC{chosen} | kubectl apply -f -`"
        yield Finding("MLC405", message, pipeline.store.origin, "key", help=help)


def _items(group: Group) -> Iterator[Finding]:
    """Constant items are texts that Argo puts into a task as they are, and then reads for templates."""
    loop = group.loop
    for row in (loop.rows or ()) if loop else ():
        for column, text in zip(loop.columns if loop else (), row, strict=True):
            path = (*loop.origin, column.column.partition(".")[0]) if loop else ()
            help = "read it from a file, or put the characters together in the program"
            if odd := "{{" if "{{" in text else next((code for code in _CODES if code in text), ""):
                message = f"Argo would change `{odd}` in an item of loop `{group.name}`"
                yield Finding("MLC403", message, path, "key", help=help)
                return
            if character := unquotable(text):
                message = f"an item of loop `{group.name}` holds the character {character}, on which Argo's template engine breaks"
                yield Finding("MLC403", message, path, "key", help=help)
                return


def _step(step: Step) -> Iterator[Finding]:
    if step.retry is not None and not (step.retry.backoff_factor or "1").isdigit():
        message = f"Argo takes whole numbers only as backoff factor, not `{step.retry.backoff_factor}`"
        yield Finding("MLC401", message, (*step.retry.origin, "backoff", "factor"), help="use a whole number, such as `2`")
    if step.command is None and step.script is None and step.resource is None:
        message = f"step `{step.name}` has no command, so Argo must ask the registry what its image runs"
        help = "give the step a `command`, or its image an `entrypoint` under `images`; or let `mlc lock` find it, for `--locked`"
        yield Finding("MLC407", message, step.origin, "key", help=help)
    ports: tuple[Input | Output | Value | Metric | Mount, ...] = (*step.inputs, *step.outputs, *step.values, *step.metrics, *step.mounts)
    for port in ports:
        if any(port.path == folder or port.path.startswith(folder + "/") for folder in _FOLDERS):
            message = f"the path `{port.path}` of step `{step.name}` belongs to Argo's executor"
            yield Finding("MLC402", message, port.origin, help="use another folder")
    for container in step.beside:
        yield from _container(step, container)
    programs: tuple[Step | Container, ...] = (step, *step.beside)
    texts = [(word, 0) for program in programs for word in (*(program.command or ()), *program.args)]
    texts += [(one.value, len(one.name) + 1) for program in programs for one in program.env if isinstance(one.value, Text)]
    texts += [(one.script.text, 0) for one in step.beside if one.script is not None]
    if step.script is not None:
        constant = step.script.text.constant or ""
        size = len(constant.encode()) + sum(len(piece) for text in step.texts for piece in text.pieces if isinstance(piece, str))
        if size > _SCRIPT_LIMIT and in_template(constant) != constant:
            message = (
                f"`$$` or `$(` in the script of step `{step.name}`, which has {size:,} bytes: a kubelet changes them in short ones only"
            )
            help = "write it without them, or put it into the image: Argo hands over long templates in another way than short ones"
            yield Finding("MLC408", message, step.script.origin, help=help)
    for text, extra in texts:
        size = len("".join(piece for piece in text.pieces if isinstance(piece, str)).encode()) + extra
        if size > ARGUMENT_LIMIT:
            message = f"a text of step `{step.name}` has {size} bytes; a process takes at most {ARGUMENT_LIMIT} in one"
            yield Finding("MLC408", message, text.origin, help="put it into a file: an input, a config map or the image")


def _external(step: Step, store: Store | None) -> Iterator[Finding]:
    from .places import unreachable  # of few projects

    for port in step.inputs:
        problem = unreachable(port, store)
        if problem and port.external is not None:
            yield Finding("MLC417", f"`{port.name}` {problem[0]}", (*port.external.origin, "uri"), help=problem[1])


def _container(step: Step, container: Container) -> Iterator[Finding]:
    if container.name in _CONTAINERS:
        message = f"a container cannot be called `{container.name}` on Argo, which has one of that name in every pod"
        yield Finding("MLC402", message, container.origin, "key", help="give it another name")
    if container.command is None and container.script is None and container in step.sidecars:
        message = f"sidecar `{container.name}` of step `{step.name}` has no command, so Argo must ask the registry what its image runs"
        help = "give it a `command`, or its image an `entrypoint` under `images`; or let `mlc lock` find it, for `--locked`"
        yield Finding("MLC407", message, container.origin, "key", help=help)
    for mount in container.mounts:
        if any(mount.path == folder or mount.path.startswith(folder + "/") for folder in _FOLDERS):
            message = f"the path `{mount.path}` of container `{container.name}` belongs to Argo's executor"
            yield Finding("MLC402", message, mount.origin, help="use another folder")
    if container.image.text is None:
        yield from _tag(container.image.ref, container.image.origin)
    if container.script is not None:
        yield from _tag(kubelet(container.script.text.constant or ""), container.script.origin)
    for env in container.env:
        if isinstance(env.value, FieldPath):
            yield from _tag(env.value.path, env.origin)


def _tags(step: Step) -> Iterator[Finding]:
    """MLC403: every text of a template goes through Argo's template engine, the pod's annotations included."""
    if step.image.text is None:
        yield from _tag(step.image.ref, step.image.origin)
    for word in step.texts:
        constant = word.constant
        if constant is not None:
            yield from _tag(kubelet(constant), word.origin)
        elif any("{{" in piece for piece in word.pieces if isinstance(piece, str)):
            message = "a text with an expression in it cannot hold `{{` on Argo, which would read it as a template"
            yield Finding("MLC403", message, word.origin, help="pass the two parts as arguments of their own")
        elif character := next((found for piece in word.pieces if isinstance(piece, str) and (found := unquotable(piece))), None):
            message = f"a text with an expression in it cannot hold the character {character} on Argo, whose template engine breaks on it"
            yield Finding("MLC403", message, word.origin, help="pass the two parts as arguments of their own")
    for env in step.env:
        if isinstance(env.value, FieldPath):
            yield from _tag(env.value.path, env.origin)
    if step.script is not None:
        yield from _tag(step.script.text.constant or "", step.script.origin)
        yield from _all(step.script.packages, step.where("packages"))
    yield from _tag(step.title, step.where("title"))
    yield from _tag(step.description, step.where("description"))
    for key, texts in (("labels", step.labels), ("annotations", step.annotations)):
        for name, text in texts.items():
            if "${{" not in text:  # checked as a text of the run
                yield from _tag(text, step.where(key, name))
    for metric in step.metrics:
        yield from _all(metric.key, metric.origin)
    if step.cache is not None:
        yield from _tag(step.cache.key, (*step.cache.origin, "key"))
    for about in (*(port.about for port in step.outputs), *(port.external.about for port in step.inputs if port.external is not None)):
        if about is not None:
            yield from _tag(about.description, (*about.origin, "description"))
            for name, value in about.metadata.items():
                yield from _tag(str(value), (*about.origin, "metadata", name))


def _all(texts: Iterable[str], path: Path) -> Iterator[Finding]:
    for text in texts:
        yield from _tag(text, path)


def _tag(text: str, path: Path) -> Iterator[Finding]:
    tag = engine_tag(text)
    if tag is not None:
        closed = tag.endswith(("}}", "..."))
        message = f"Argo would replace `{tag}` in this text" if closed else f"Argo would read on from `{tag}` for its end in this text"
        yield Finding("MLC403", message, path, help=way_out(tag))
