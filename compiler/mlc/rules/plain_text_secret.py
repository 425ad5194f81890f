"""MLC501: a secret in plain text. Found by the shape of well-known tokens, and by the name of the variable that it is given to."""

from __future__ import annotations

import re
from itertools import pairwise

from ..diagnostics.model import Finding
from ..ir import Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..diagnostics.model import Path
    from ..ir import Pipeline
    from ..source import Document

_MARKS = ("AKIA", "ASIA", "gh", "github_pat_", "glpat-", "xox", "hf_", "sk-", "AIza", "eyJ", "npm_", "PRIVATE KEY", "://")
"""What every text of a known shape holds: looked for first, since compiling the pattern takes longer than most projects."""
_SHAPE = (
    r"A[KS]IA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30}|github_pat_\w{30}|glpat-[\w-]{18}|xox[abprs]-[\w-]{10}|hf_[A-Za-z0-9]{30}"
    r"|sk-[A-Za-z0-9_-]{30}|AIza[\w-]{35}|eyJ[\w-]{8,400}\.eyJ[\w-]{8}|npm_[A-Za-z0-9]{30}|-----BEGIN [A-Z ]{0,30}PRIVATE KEY"
    r"|://[^/\s:@]{1,200}:[^/\s:@$]{3,200}@"
)
"""No part of it looks further than some hundred characters, so that a long text costs time in proportion to its length."""
_WORDS = frozenset(("password", "passwd", "passphrase", "secret", "token", "apikey", "credential", "credentials"))
_PAIRS = frozenset((("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key"), ("auth", "key")))
_NOT_SECRET = frozenset(
    ("id", "name", "path", "file", "url", "uri", "endpoint", "host", "type", "length", "limit", "count", "max", "min", "size", "ttl", "dir")
)
_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_PUBLIC = r"|true|false|none|null|[0-9.]+|/.*|<.*>|\*+|x+"
"""Texts that a secret's name may carry without telling anything: switches, numbers, file paths, placeholders."""


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Look at every constant text that reaches a container, and at the defaults of parameters."""
    reported: set[Path] = set()

    def look(name: str, text: str | None, path: Path) -> None:
        if text is None or path in reported:
            return
        if any(mark in text for mark in _MARKS) and re.search(_SHAPE, text, re.ASCII):
            problem = "this looks like a secret in plain text"
        elif _named_secret(name) and not re.fullmatch(_PUBLIC, text, re.IGNORECASE):
            problem = f"`{name}` holds a secret in plain text"
        else:
            return
        reported.add(path)
        help = f"keep it in a Secret and write `env: {{{_variable(name)}: {{secret: NAME, key: KEY}}}}`"
        findings.append(Finding("MLC501", problem, path, help=help))

    for param in pipeline.params:
        declared = document.data["params"][param.name]
        look(param.name, param.default, (*param.origin, "default") if isinstance(declared, dict) else param.origin)
    for step in pipeline.steps:
        for env in step.env:
            if isinstance(env.value, Text):
                look(env.name, env.value.constant, env.origin)
        _arguments(look, (*(step.command or ()), *step.args))
        if step.script is not None:
            look("", step.script.text.constant, step.script.origin)
        for labels, key in ((step.labels, "labels"), (step.annotations, "annotations")):
            for name, value in labels.items():
                look("", value, step.where(key, name))


def _arguments(look: Callable[[str, str | None, Path], None], words: tuple[Text, ...]) -> None:
    """`--password=x` in one word, `--password x` in two."""
    option = ""
    for word in words:
        text = word.constant
        name, equals, value = (text or "").partition("=")
        if text is not None and text.startswith("-") and equals:
            look(name.lstrip("-"), value, word.origin)
        look("" if text is not None and text.startswith("--") else option, text, word.origin)
        option = text.lstrip("-") if text is not None and text.startswith("--") and not equals else ""


def _named_secret(name: str) -> bool:
    parts = [part.lower() for part in _SPLIT.split(name) if part] if not name.isupper() else name.lower().replace("-", "_").split("_")
    if not parts or parts[-1] in _NOT_SECRET:
        return False
    return bool(_WORDS.intersection(parts)) or any(pair in _PAIRS for pair in pairwise(parts))


def _variable(name: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in name).upper().strip("_") or "NAME"
