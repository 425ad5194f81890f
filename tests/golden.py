"""Golden files: the exact text that the compiler is expected to give, one file each, under `golden/`."""

from __future__ import annotations

import difflib
from pathlib import Path

UPDATE = "make golden"
SHOWN = 40  # lines of a difference: enough to see what moved, little enough to find the next failure


class Goldens:
    """Compares texts with files below `folder`, or writes them there, and counts what it wrote."""

    def __init__(self, folder: Path, *, update: bool) -> None:
        self.folder = folder
        self.update = update
        self.updated = self.added = self.removed = 0

    def check(self, name: str, text: str) -> None:
        """Assert that the file `name` holds exactly `text` (as UTF-8); with `update`, make it so."""
        file = self.folder / name
        old = file.read_bytes() if file.is_file() else None
        new = text.encode()
        if old == new:
            return
        if not self.update:
            raise AssertionError(f"golden file {name} is missing: run {UPDATE}" if old is None else difference(name, old, new))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(new)
        if old is None:
            self.added += 1
        else:
            self.updated += 1

    def check_no_others(self, folder: str, names: set[str]) -> None:
        """Assert that `folder` holds no file but `names` (relative to it); with `update`, remove the others."""
        found = {str(file.relative_to(self.folder / folder)) for file in (self.folder / folder).rglob("*") if file.is_file()}
        orphans = sorted(found - names)
        if not self.update:
            assert not orphans, f"golden files in {folder} that no spec makes: {', '.join(orphans)}: run {UPDATE}"
        for orphan in orphans:
            (self.folder / folder / orphan).unlink()
            self.removed += 1


def difference(name: str, old: bytes, new: bytes) -> str:
    """What differs, as a unified diff of at most SHOWN lines, and the command that accepts it."""
    before, after = (text.decode(errors="backslashreplace").splitlines() for text in (old, new))
    lines = list(difflib.unified_diff(before, after, f"golden/{name}", "what the compiler says now", lineterm=""))
    if len(lines) > SHOWN:
        lines = [*lines[:SHOWN], f"... and {len(lines) - SHOWN} more lines"]
    if not lines:
        lines = ["(only line ends differ)"]
    return "\n".join([f"golden file {name} differs; if the change is meant, run {UPDATE}", *lines])
