"""Files and folders of this machine in containers: a value of `--mount`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def bound(source: Path | str, target: str, *, read_only: bool) -> str:
    """A value of `--mount`: fields as in a CSV file, so that a comma in a path is none between fields."""
    fields = ["type=bind", f"source={source}", f"target={target}", *(["readonly"] if read_only else [])]
    quoted = ['"' + field.replace('"', '""') + '"' if any(char in field for char in ',"\n') else field for field in fields]
    return ",".join(quoted)
