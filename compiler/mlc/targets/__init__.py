"""The registry of targets. A target is a module with `check` and `lower`; adding one is a folder here and a line in `TARGETS`."""

from __future__ import annotations

from importlib import import_module

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


def load(name: str) -> Target:
    """Import one target only: the other's modules would cost start-up time for nothing."""
    target: Target = import_module(f"{__name__}.{name}")
    return target
