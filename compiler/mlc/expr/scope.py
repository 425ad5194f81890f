"""What names mean at one place of the document. Apart from `bind`, since every step has scopes and few have expressions."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..ir import EachRef, Metric, Param, Value

    Items = Mapping[str, Mapping[str, EachRef] | None]
    """What `each.` may be followed by: for each name its fields ("" for the item itself), None where only a run knows what there is."""


class Scope:
    """What names mean at one place of the document.

    `values` and `metrics` map a step's name to what it declares. `own` holds the paths of the step's own ports and is None where
    paths may not be used; `place` names the place in messages, such as "`when`"; `suggest` words the nearest name as a help text.
    `final`: the place is in `finally`. `apart` says why a step that exists cannot be referred to from here and what to do instead,
    None for other steps. `inside` maps a step to the loop that it is in; `loop` is that of the place, "" for none, and `items` what
    its items are. `once`: the place is evaluated once, before its loop.
    """

    def __init__(
        self,
        place: str,
        params: Mapping[str, Param],
        values: Mapping[str, Mapping[str, Value]],
        metrics: Mapping[str, Mapping[str, Metric]],
        own: Mapping[str, Mapping[str, str]] | None,
        suggest: Callable[[str, Iterable[str]], str],
        final: bool = False,
        apart: Callable[[str], tuple[str, str] | None] = lambda _: None,
        inside: Mapping[str, str] | None = None,
        loop: str = "",
        items: Items | None = None,
        once: bool = False,
    ) -> None:
        self.place, self.params, self.values, self.metrics, self.own, self.suggest = place, params, values, metrics, own, suggest
        self.final, self.apart = final, apart
        self.inside, self.loop, self.items, self.once = inside or {}, loop, items, once
