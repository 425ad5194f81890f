"""What the parts of `resolve` share: the findings, the names declared so far, and how expressions in the document are read."""

from __future__ import annotations

from ..diagnostics.model import Finding, Related
from ..expr.scope import Scope
from ..ir import ParamRef, Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ..diagnostics.model import At, Path
    from ..expr.parse import ExpressionError
    from ..expr.scope import Items
    from ..ir import Expr, Metric, Param, Ref, Value
    from .ports import Ports

_MOST_COMPARISONS = 20_000
"""Of misspelt names with known ones, in one project: about a second's worth."""


class Context:
    """Collects findings, so that every stage reports all problems at once, and holds the names that expressions may use."""

    def __init__(self, data: Mapping[str, Any], findings: list[Finding]) -> None:
        self.data = data
        self.findings = findings
        self.params: dict[str, Param] = {}
        self.images: dict[str, Text] = {}
        """Entries of `images` with parameters in their reference."""
        self.values: dict[str, dict[str, Value]] = {}
        self.metrics: dict[str, dict[str, Metric]] = {}
        self.helpers: list[str] | None = None
        """The steps that fetch and publish data; None where it was not found out which these are."""
        self.final = False
        self.inside: dict[str, str] = {}
        self.items: dict[str, Items] = {}
        self.loop, self.once = "", False
        self._elsewhere: frozenset[str] = frozenset()
        self._comparisons = 0
        self._unknown: set[tuple[str, Path]] = set()

    def enter(self, ports: Mapping[str, Ports], elsewhere: Iterable[str], final: bool) -> None:
        """Go on with the steps of one group: `ports` of its steps may be referred to, steps `elsewhere` may not."""
        self.values = {name: found.values for name, found in ports.items()}
        self.metrics = {name: found.metrics for name, found in ports.items()}
        self.final, self._elsewhere = final, frozenset(elsewhere)
        self.inside, self.items, self.loop, self.once = {}, {}, "", False

    def at(self, step: str, *, once: bool = False) -> None:
        """Go on with a step: what its expressions say of an item is of its loop. `once`: they are evaluated before that loop."""
        loop = self.inside.get(step, "")
        self.loop, self.once = ("", bool(loop)) if once else (loop, False)

    def apart(self, step: str) -> tuple[str, str] | None:
        """Why a step that exists cannot be referred to from here, and what to do instead; None for any other."""
        if step not in self._elsewhere:
            return None
        if self.final:
            help = "use `run.status`, or read what the step leaves on a volume"
            return f"`finally` cannot refer to step `{step}`, which may not have run", help
        return f"step `{step}` runs in `finally`, after all others: nothing can wait for it", "move it to `steps`"

    def report(
        self,
        code: str,
        message: str,
        path: Path,
        *,
        at: At = "value",
        within: tuple[int, int] | None = None,
        label: str = "",
        related: tuple[Related, ...] = (),
        help: str = "",
    ) -> None:
        """Add a finding."""
        self.findings.append(Finding(code, message, path, at, within, label, related, help))

    def unknown(self, code: str, message: str, path: Path, word: str, candidates: Iterable[str], help: str = "", at: At = "value") -> None:
        """Add a finding about a name that does not exist, with the nearest names that do. What many steps inherit is said once."""
        if (message, path) in self._unknown:
            return
        self._unknown.add((message, path))
        self.report(code, message, path, at=at, help=self.suggest(word, candidates) or help)

    def suggest(self, word: str, candidates: Iterable[str]) -> str:
        """A help text with the nearest name. Not for the thousandth misspelt name of a generated spec: each costs a look at all names."""
        known = list(candidates)
        self._comparisons += len(known)
        if self._comparisons > _MOST_COMPARISONS:
            return ""
        from ..diagnostics.suggest import did_you_mean

        return did_you_mean(word, known)

    def scope(self, place: str, own: Mapping[str, Mapping[str, str]] | None = None) -> Scope:
        """Names for an expression at `place`; `own` are the paths of the step's own ports, where paths may be used."""
        items = self.items.get(self.loop)
        return Scope(
            place,
            self.params,
            self.values,
            self.metrics,
            own,
            self.suggest,
            self.final,
            self.apart,
            self.inside,
            self.loop,
            items,
            self.once,
        )

    def text(self, text: str, path: Path, scope: Scope) -> Text:
        """A text with `${{ references }}` in it. Problems are reported; the faulty expression is left out of the result."""
        found: list[str | Ref] = []
        for part in self.pieces(text, path):
            piece = part if isinstance(part, str) else self.reference(text, part, path, scope)
            if isinstance(piece, str) and found and isinstance(found[-1], str):
                found[-1] += piece
            elif piece is not None and piece != "":
                found.append(piece)
        return Text(tuple(found), path)

    def pieces(self, text: str, path: Path) -> list[str | tuple[int, int]]:
        """The literal pieces of a text and where its expressions lie; none (and a finding) if one of them is never closed."""
        if "${{" not in text:
            return [text]
        from ..expr.parse import ExpressionError, pieces

        try:
            return pieces(text)
        except ExpressionError as error:
            self.expression_error(error, path)
            return []

    def reference(self, text: str, part: tuple[int, int], path: Path, scope: Scope) -> str | Ref | None:
        """One `${{ }}` of a text: a reference, or a constant's text."""
        from ..ir import Compare, In, Literal, Logic, Not

        expr = self.expression(text, part, path, scope)
        if isinstance(expr, (Compare, In, Not, Logic)):
            self.report(
                "MLC311",
                "a condition may not stand in a text",
                path,
                within=part,
                help="put the condition into `when`, or have a step write the text to a file that it declares under `values`",
            )
            return None
        return expr.text if isinstance(expr, Literal) else expr

    def expression(self, text: str, part: tuple[int, int], path: Path, scope: Scope) -> Expr | None:
        """One expression, `text[part]`; None (and a finding) if it cannot be read or bound."""
        name = text[part[0] : part[1]].strip().removeprefix("params.")
        if name in self.params and text[part[0] : part[1]].strip() == f"params.{name}":
            return ParamRef(self.params[name])  # what most expressions are needs no parser, whose import is a part of start-up
        from ..expr.bind import bind
        from ..expr.parse import ExpressionError, parse

        try:
            return bind(parse(text, *part), scope)
        except ExpressionError as error:
            self.expression_error(error, path)
            return None

    def expression_error(self, error: ExpressionError, path: Path) -> None:
        """Turn an expression's error into a finding."""
        self.report(getattr(error, "code", "MLC310"), error.message, path, within=(error.start, error.end), help=error.help)
