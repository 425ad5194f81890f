"""MLC501: a secret in plain text. Found by the shape of well-known tokens, and by the name of the variable that it is given to."""

from __future__ import annotations

import re
from itertools import pairwise

from ..diagnostics.model import Finding
from ..ir import Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from ..diagnostics.model import Path
    from ..ir import Pipeline, Script
    from ..source import Document

    class Look(Protocol):
        """Looks at a text that is given to `name`."""

        def __call__(self, name: str, text: str | None, path: Path, within: tuple[int, int] | None = None) -> None:
            """Report the text at `path` (a piece of it: `within`) if it is a secret."""


_ASSIGNED = r"(-{0,2}[A-Za-z_][\w-]{0,80})\s?=\s?([\"']?)([^\s\"';&|]{3,200})"
_MARKS = ("earer ", "AKIA", "ASIA", "gh", "github_pat_", "glpat-", "xox", "hf_", "sk-", "AIza", "eyJ", "npm_", "PRIVATE KEY", "://")
"""What every text of a known shape holds: looked for first, since compiling the pattern takes longer than most projects."""
_SHAPE = (
    r"A[KS]IA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30}|github_pat_\w{30}|glpat-[\w-]{18}|xox[abprs]-[\w-]{10}|hf_[A-Za-z0-9]{30}"
    r"|sk-[A-Za-z0-9_-]{30}|AIza[\w-]{35}|eyJ[\w-]{8,400}\.eyJ[\w-]{8}|npm_[A-Za-z0-9]{30}|-----BEGIN [A-Z ]{0,30}PRIVATE KEY"
    r"|[Bb]earer [A-Za-z0-9._~+/-]{16}"
    r"|://[^/\s:@]{1,200}:[^/\s:@$]{3,200}@"
)
"""No part of it looks further than some hundred characters, so that a long text costs time in proportion to its length."""
_WORDS = frozenset(("password", "passwd", "passphrase", "secret", "token", "apikey", "credential", "credentials"))
_ENDINGS = ("password", "passwd", "secret", "token")
"""As in `PGPASSWORD`."""
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

    def look(name: str, text: str | None, path: Path, within: tuple[int, int] | None = None) -> None:
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
        findings.append(Finding("MLC501", problem, path, within=within, help=help))

    for param in pipeline.params:
        declared = document.data["params"][param.name]
        look(param.name, param.default, (*param.origin, "default") if isinstance(declared, dict) else param.origin)
    for step in pipeline.steps:
        for env in step.env:
            if isinstance(env.value, Text):
                look(env.name, env.value.constant, env.origin)
        _arguments(look, (*(step.command or ()), *step.args))
        if step.script is not None:
            _script(step.script, look)
        for labels, key in ((step.labels, "labels"), (step.annotations, "annotations")):
            for name, value in labels.items():
                look("", value, step.where(key, name))


def _script(script: Script, look: Look) -> None:
    """Assignments and options of a script, `NAME=value` and `--name=value`; in Python only of texts in quotes. Then known shapes."""
    text = "".join(piece if isinstance(piece, str) else "\0" for piece in script.text.pieces)
    exact = len(script.text.pieces) == 1  # a path in the script would move what follows it
    for found in re.finditer(_ASSIGNED, text, re.ASCII):
        name, quote, value = found.groups()
        if quote or (script.shell != "python" and not set(value) & set("$`(\0")):
            look(name.lstrip("-"), value, script.origin, found.span() if exact else None)
    shape = re.search(_SHAPE, text, re.ASCII) if any(mark in text for mark in _MARKS) else None
    if shape:
        look("", shape[0], script.origin, shape.span() if exact else None)


def _arguments(look: Look, words: tuple[Text, ...]) -> None:
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
    return any(part in _WORDS or part.endswith(_ENDINGS) for part in parts) or any(pair in _PAIRS for pair in pairwise(parts))


def _variable(name: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in name).upper().strip("_") or "NAME"
