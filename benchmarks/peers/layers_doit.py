"""The graph of `benchmarks/local.py` for doit: `doit -n JOBS -f layers_doit.py --dir FOLDER steps=STEPS`, markers go to that folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from doit import get_var

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 10


def task_step() -> Iterator[dict[str, Any]]:
    """Steps that run `true` and leave a marker; each needs three of the layer before."""
    for index in range(int(get_var("steps", "1000"))):
        layer, place = divmod(index, WIDTH)
        before = [f"s{(layer - 1) * WIDTH + (place + other) % WIDTH}" for other in range(3)] if layer else []
        yield {"name": str(index), "actions": [f"true && touch s{index}"], "file_dep": before, "targets": [f"s{index}"]}
