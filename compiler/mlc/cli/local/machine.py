"""What a project finds on this machine, from `mlc.local.yaml`, options and variables; and what runs its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..request_here import Here
    from ..session import Session


class Machine:
    """To come."""


def assembled(session: Session, here: Here) -> Machine | None:
    """To come."""
    raise NotImplementedError
