"""Kubeflow Pipelines v2: `check` says what it cannot do, `lower` writes its documents."""

from .check import check
from .lower import lower

__all__ = ["check", "lower"]
