"""The compiler, top to bottom: read -> validate -> resolve -> check -> lower -> emit. Read this first.

Every stage reports all the problems that it finds; the driver stops between stages, never inside one.
"""

from __future__ import annotations

from . import emit, reader, resolve, rules, schema, targets
from .diagnostics.codes import failed
from .diagnostics.model import Finding
from .record import record, replace
from .source import Document, locate, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .diagnostics.model import Diagnostic
    from .ir import Pipeline
    from .locked import Locked
    from .source import SourceFile

    Checks = Callable[[Pipeline, list[Finding]], None]

SIZE_WARNING = 500_000
"""Bytes of a manifest from which a warning is due: Argo refuses a workflow over 1 MiB (its `workflow/packer`), status included."""

STEPS_WARNING = 1_000


@record
class Output:
    """The manifest for one target."""

    target: str
    text: str


@record
class Result:
    """What became of one spec. With an error among the diagnostics there are no outputs and no pipeline.

    `usage` says what is wrong with the request itself: an environment that the project does not have.
    """

    name: str
    outputs: tuple[Output, ...]
    diagnostics: tuple[Diagnostic, ...]
    pipeline: Pipeline | None
    usage: str = ""


def compile_source(
    source: SourceFile,
    target_names: Sequence[str],
    overrides: Sequence[str] = (),
    environment: str = "",
    lints: Sequence[str] = (),
    lock: SourceFile | None = None,
) -> Result:
    """Compile a spec for the targets, such as `argo` or `argo@3.6`.

    `overrides` are `--set` texts, such as `params.epochs=3`; they come after the `environment`.
    `lints` are groups of rules to run beside those that always run (`codes.LINTS`).
    `lock` is the lock file to compile from, with an empty text where there is none; None where its versions do not count.
    """
    findings: list[Finding] = []
    document = reader.read(source, findings) or Document(source, {})
    return _alone(document, _compiled(document, target_names, overrides, environment, lints, findings, _locked(lock), lowering=True))


def check_source(
    source: SourceFile,
    target_names: Sequence[str],
    overrides: Sequence[str] = (),
    environment: str = "",
    lints: Sequence[str] = (),
    lock: SourceFile | None = None,
) -> Result:
    """All the checks of `compile_source`, the size of the manifests included. `outputs` stays empty."""
    findings: list[Finding] = []
    document = reader.read(source, findings) or Document(source, {})
    return _alone(document, _compiled(document, target_names, overrides, environment, lints, findings, _locked(lock)))


def check_here(
    source: SourceFile,
    checks: Checks,
    overrides: Sequence[str] = (),
    environment: str = "",
    lints: Sequence[str] = (),
    lock: SourceFile | None = None,
    *,
    programs: bool = True,
) -> Result:
    """What every target checks, and `checks`: those of what runs the project on this machine. `outputs` stays empty.

    `programs`: whether the lock file says what steps run that name no program; not where their images say it themselves.
    """
    findings: list[Finding] = []
    document = reader.read(source, findings) or Document(source, {})
    return _alone(document, _compiled(document, (), overrides, environment, lints, findings, _locked(lock, programs=programs), here=checks))


def check_environments(
    source: SourceFile,
    target_names: Sequence[str],
    overrides: Sequence[str] = (),
    environment: str = "",
    lints: Sequence[str] = (),
    lock: SourceFile | None = None,
) -> Result:
    """The checks of `check_source` for the environment; without one for the project itself and for each of its environments."""
    findings: list[Finding] = []
    document = reader.read(source, findings) or Document(source, {})
    locked = _locked(lock)
    if environment or "environments" not in document.data:
        return _alone(document, _compiled(document, target_names, overrides, environment, lints, findings, locked))
    base = _compiled(document, target_names, overrides, "", lints, findings, locked and locked.again())
    if not schema.validate(document.data, []):
        return base
    from .environments import together

    others = {
        name: _compiled(document, target_names, overrides, name, lints, [], locked and locked.again())
        for name in document.data["environments"]
    }
    diagnostics = together(base.diagnostics, {name: result.diagnostics for name, result in others.items()})
    pipeline = base.pipeline if all(result.pipeline for result in others.values()) else None
    return Result(base.name, (), diagnostics, pipeline)


def _locked(lock: SourceFile | None, *, programs: bool = True) -> Locked | None:
    if lock is None:
        return None
    from .locked import Locked

    return Locked(lock, programs=programs)


def header(project: str, environment: str = "") -> str:
    """The first line of everything that is generated, without its comment sign."""
    return f"generated by mlc from project {project}{f' for environment {environment}' if environment else ''}, do not edit"


def _alone(document: Document, result: Result) -> Result:
    """The result for one environment, or for the project alone where it has some."""
    if "environments" not in document.data:
        return result
    from .environments import alone

    return replace(result, diagnostics=alone(result.diagnostics))


def _compiled(
    document: Document,
    target_names: Sequence[str],
    overrides: Sequence[str],
    environment: str,
    lints: Sequence[str],
    findings: list[Finding],
    locked: Locked | None,
    *,
    lowering: bool = False,
    here: Checks | None = None,
) -> Result:
    """What becomes of a document that was read; `findings` are those of the reader."""
    if failed(findings):
        return _result(document, None, (), findings)
    result = _staged(document, target_names, overrides, environment, lints, findings, locked, lowering=lowering, here=here)
    if not environment or result.pipeline is not None or result.usage or not schema.validate(document.data, []):
        return result
    from .environments import taken_away

    def again(other: Document, name: str) -> Sequence[Diagnostic]:
        return _staged(other, target_names, overrides, name, (), [], None, lowering=lowering, here=here).diagnostics

    return replace(result, diagnostics=taken_away(document, environment, result.diagnostics, again))


def _staged(
    document: Document,
    target_names: Sequence[str],
    overrides: Sequence[str],
    environment: str,
    lints: Sequence[str],
    findings: list[Finding],
    locked: Locked | None,
    *,
    lowering: bool,
    here: Checks | None,
) -> Result:
    base = document
    if environment:
        if not schema.validate(document.data, findings):  # an overlay can be laid only over what has the form of a project
            return _result(document, None, (), findings)
        document, usage = _overlaid(document, environment, findings)
        if usage:
            return Result("", (), (), None, usage)
    document, pipeline = _resolved(document, overrides, findings)
    if pipeline is not None and locked is not None:
        pipeline = locked.pinned(base, document, pipeline, findings)
    if pipeline is not None:
        rules.run(document, pipeline, findings, lints)
    outputs: tuple[Output, ...] = ()
    if pipeline is not None and not (locked and (failed(findings) or failed(locked.findings))):
        chosen = [(word, targets.choose(pipeline, word)) for word in target_names]
        for word, one in chosen:
            targets.load(word).check(one, findings)
        if here is not None:
            here(pipeline, findings)
        if not failed(findings):
            outputs = tuple(_output(one, word, findings) for word, one in chosen)
    return _result(document, pipeline, outputs if lowering else (), findings, locked.diagnostics if locked else ())


def _overlaid(document: Document, environment: str, findings: list[Finding]) -> tuple[Document, str]:
    """The document with an environment laid over it; or what is wrong with the name of the environment."""
    from .resolve import environments

    known = environments.names(document.data)
    if environment in known:
        return environments.apply(document, environment, findings), ""
    from .diagnostics.suggest import did_you_mean

    there = f"it has {', '.join(f'`{name}`' for name in known)}" if known else "it has none"
    hint = did_you_mean(environment, known)
    return document, f"has no environment `{environment}`: {there}{f' ({hint})' if hint else ''}"


def _resolved(document: Document, overrides: Sequence[str], findings: list[Finding]) -> tuple[Document, Pipeline | None]:
    before = len(findings)
    for override in overrides:
        document = reader.set_value(document, override, findings, schema.only_text)
    if failed(findings[before:]) or not schema.validate(document.data, findings):
        return document, None
    if _applies_objects(document.data):
        document = reader.include(document, findings)
        if failed(findings[before:]) or (document.files and not schema.validate(document.data, findings)):
            return document, None
    return document, resolve.resolve(document, findings)


def _applies_objects(data: dict[str, Any]) -> bool:
    """Whether there are steps with a `resource`, which may be in a file."""
    return any("resource" in step for section in ("steps", "finally", "templates") for step in (data.get(section) or {}).values())


def _output(pipeline: Pipeline, target: str, findings: list[Finding]) -> Output:
    text = emit.to_yaml(targets.lowered(pipeline, target, findings), header(pipeline.name, pipeline.environment))
    steps, size = len(pipeline.steps), len(text.encode())
    if size > SIZE_WARNING or steps > STEPS_WARNING:
        message = f"the {target} manifest has {size // 1000} kB and {steps} steps: engines refuse workflows near 1 MiB"
        findings.append(Finding("MLC404", message, ("steps",), "key", help="split the project, or move texts into the images"))
    return Output(target, text)


def _result(
    document: Document,
    pipeline: Pipeline | None,
    outputs: tuple[Output, ...],
    findings: list[Finding],
    others: Sequence[Diagnostic] = (),
) -> Result:
    """The result with the positions of its findings; `others` have theirs already, in another file."""
    diagnostics = (*suppress(document, locate(document, findings)), *others)
    if any(diagnostic.severity == "error" for diagnostic in diagnostics):
        pipeline, outputs = None, ()
    return Result(pipeline.name if pipeline else "", outputs, diagnostics, pipeline)
