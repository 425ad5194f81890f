"""Short ways to read a spec in tests."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from mlc import driver, reader, schema
from mlc.source import Document, SourceFile

if TYPE_CHECKING:
    from mlc.diagnostics.model import Diagnostic, Finding
    from mlc.ir import Pipeline, Step

ROOT = Path(__file__).resolve().parent.parent

HEAD = "mlc: v1\nname: demo\n"
"""What every small spec of the tests starts with."""


def beside(name: str) -> bytes:
    """A file beside the specs of the repository, as the command line reads it."""
    return (ROOT / "specs" / name).read_bytes()


def source(body: str) -> SourceFile:
    """A spec: `body` under the usual head, unless it brings its own."""
    text = dedent(body).lstrip("\n")
    return SourceFile("spec.yaml", text if text.startswith(("mlc:", "name:")) else HEAD + text)


def set_value(document: Document, assignment: str, findings: list[Finding]) -> Document:
    """The document with one `--set` applied, as the driver does it."""
    return reader.set_value(document, assignment, findings, schema.only_text)


def check(body: str, targets: tuple[str, ...] = (), overrides: tuple[str, ...] = ()) -> tuple[Diagnostic, ...]:
    """The diagnostics of a spec; without targets, what every target would say."""
    return driver.compile_source(source(body), targets, overrides).diagnostics


def here(source: SourceFile) -> tuple[Diagnostic, ...]:
    """What `mlc run` refuses of a valid spec on a machine without bubblewrap, without settings and without any program."""
    from pathlib import Path

    from mlc.local.masking import Masks
    from mlc.local.process import ProcessRunner
    from mlc.local.settings import Processes, Settings
    from mlc.local.volumes import Around
    from mlc.source import locate

    result = driver.check_source(source, ())
    if result.pipeline is None:
        return result.diagnostics
    findings: list[Finding] = []
    nowhere = Path("/nowhere")
    settings = Settings(nowhere, process=Processes(sandbox=False))
    runner = ProcessRunner(settings, Masks(), nowhere, {"PATH": "/nowhere"})
    runner.check(result.pipeline, findings)
    Around(settings, nowhere, Masks()).check(result.pipeline, findings)
    return tuple(locate(reader.read(source, []) or Document(source, {}), findings))


def codes(body: str, targets: tuple[str, ...] = (), overrides: tuple[str, ...] = ()) -> list[str]:
    """The codes of a spec's diagnostics, in order."""
    return [diagnostic.code for diagnostic in check(body, targets, overrides)]


def pipeline(body: str, overrides: tuple[str, ...] = ()) -> Pipeline:
    """A valid spec, resolved."""
    result = driver.compile_source(source(body), (), overrides)
    assert result.pipeline is not None, [(item.code, item.span.line, item.message) for item in result.diagnostics]
    return result.pipeline


def step(body: str, name: str | None = None) -> Step:
    """A step of a valid spec: the named one, or the only one."""
    steps = {item.name: item for item in pipeline(body).steps}
    return steps[name] if name is not None else next(iter(steps.values()))


def manifests(body: str, target: str, overrides: tuple[str, ...] = ()) -> list[Any]:
    """The documents of a spec's manifest, read back."""
    result = driver.compile_source(source(body), (target,), overrides)
    assert result.outputs, [(item.code, item.span.line, item.message) for item in result.diagnostics]
    assert unsound(result) == []
    return documents(result.outputs[0].text)


def documents(text: str) -> list[Any]:
    """The documents of a manifest, read back."""
    import yaml

    return list(yaml.load_all(text, yaml.CSafeLoader))


def unsound(result: driver.Result) -> list[str]:
    """What the self-check of emitted trees says about the manifests of a result, and that they agree: nothing, in every test."""
    from tests.oracles.agreement import differences
    from tests.oracles.argolint import problems
    from tests.oracles.irlint import lint_documents

    found = {output.target: documents(output.text) for output in result.outputs}
    kept = [volume.name for volume in result.pipeline.volumes if getattr(volume, "keep", False)] if result.pipeline else []
    said = [*(problems(*found["argo"]) if "argo" in found else ()), *(lint_documents(found["kfp"], kept) if "kfp" in found else ())]
    return said or (differences(found["argo"][0], found["kfp"]) if len(found) == 2 else [])
