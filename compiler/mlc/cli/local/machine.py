"""What a project finds on this machine, from `mlc.local.yaml`, options and variables; and what runs its steps."""

from __future__ import annotations
