"""The registry of targets. A target is a module with `check` and `lower`; adding one is a folder here and a line in `TARGETS`."""

from __future__ import annotations

from importlib import import_module

from ..record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from ..diagnostics.model import Finding
    from ..ir import Pipeline

    class Target(Protocol):
        """What a target module offers: both are pure functions of the pipeline."""

        def check(self, pipeline: Pipeline, findings: list[Finding]) -> None:
            """Append a finding for each thing that the target cannot do (errors) or hands over (notes)."""

        def lower(self, pipeline: Pipeline) -> tuple[dict[str, Any], ...]:
            """The YAML documents of the manifest. Called only after `check` reported no error; never fails on user input."""


TARGETS: tuple[str, ...] = ("argo", "kfp")

VERSIONS: dict[str, tuple[str, ...]] = {
    "argo": ("3.5", "3.6", "3.7", "4.0", "4.1"),
    "kfp": ("2.4", "2.5", "2.14", "2.15", "2.16", "2.17"),
}
"""The versions of each engine that a manifest can be made for, oldest first: Argo's controller, KFP's backend (not the SDK)."""


def split(word: str) -> tuple[str, str]:
    """The target and the version that `argo` or `argo@3.6` means; the version is "" where none is named."""
    name, _, version = word.partition("@")
    return name, version


def words() -> tuple[str, ...]:
    """Every target, and every version of it, as the command line and `targets.NAME.version` name them."""
    return (*TARGETS, *(f"{name}@{version}" for name in TARGETS for version in VERSIONS[name]))


def load(word: str) -> Target:
    """Import one target only: the other's modules would cost start-up time for nothing."""
    target: Target = import_module(f"{__name__}.{split(word)[0]}")
    return target


def lowered(pipeline: Pipeline, word: str, findings: list[Finding]) -> tuple[dict[str, Any], ...]:
    """What the target makes of the pipeline, with the project's own patches. Findings are of those: with an error they are not made."""
    name = split(word)[0]
    documents = load(word).lower(pipeline)
    patches = getattr(pipeline, name).patch
    if not patches:
        return documents
    from ..lowering.patch import apply

    target = import_module(f"{__name__}.{name}.patch")
    return apply(documents, patches, target.read, target.write, [step.name for step in pipeline.steps], findings)


def choose(pipeline: Pipeline, word: str) -> Pipeline:
    """The pipeline with the version that `word` names in place of the one in its settings, if it names one."""
    name, version = split(word)
    if not version:
        return pipeline
    return replace(pipeline, **{name: replace(getattr(pipeline, name), version=version)})
