"""Which engines a manifest is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlc.targets.argo import versions as argo
from mlc.targets.kfp import versions as kfp

if TYPE_CHECKING:
    from mlc.ir import Pipeline


def takes(pipeline: Pipeline, name: str) -> bool:
    """Whether the engine of that name should take the pipeline's manifest.

    What is compiled for a version, or has what came with one, is not for older ones.
    """
    target, _, version = name.partition("-")
    oldest = argo.oldest(pipeline) if target == "argo" else kfp.oldest(pipeline)
    return not oldest or argo.at_least(version, oldest)
