"""The Argo Workflows target, for controllers from 3.5 to 4.1."""

from __future__ import annotations

from .check import check
from .lower import lower

__all__ = ["check", "lower"]
