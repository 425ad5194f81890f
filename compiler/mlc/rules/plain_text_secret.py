"""MLC501: a secret in plain text. Found by the shape of well-known tokens, and by the name of the variable that it is given to."""

from __future__ import annotations

import re
from itertools import pairwise

from ..diagnostics.model import Finding
from ..ir import ParamRef, Script, Text
from ..patterns import lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Protocol

    from ..diagnostics.model import Path
    from ..ir import Container, Pipeline, Step
    from ..source import Document

    class Look(Protocol):
        """Looks at a text that is given to `name`."""

        def __call__(self, name: str, text: str, path: Path, within: tuple[int, int] | None = None) -> None:
            """Report the text at `path` (a piece of it: `within`) if it is a secret."""


_ASSIGNED = r"(-{0,2}[A-Za-z_][\w-]{0,80})\s?=\s?([\"']?)([^\s\"';&|]{3,200})"
_MARKS: tuple[str, ...] = (
    "earer ",
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xox",
    "hf_",
    "sk-",
    "AIza",
    "eyJ",
)
_MARKS += ("npm_", "PRIVATE KEY", "://")
"""What every text of a known shape holds: looked for first, since compiling the pattern takes longer than most projects."""
_SHAPE = (
    r"A[KS]IA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30}|github_pat_\w{30}|glpat-[\w-]{18}|xox[abprs]-[\w-]{10}|hf_[A-Za-z0-9]{30}"
    r"|sk-[A-Za-z0-9_-]{30}|AIza[\w-]{35}|eyJ[\w-]{8,400}\.eyJ[\w-]{8}|npm_[A-Za-z0-9]{30}|-----BEGIN [A-Z ]{0,30}PRIVATE KEY"
    r"|[Bb]earer [A-Za-z0-9._~+/-]{16}"
    r"|://[^/\s:@]{1,200}:[^/\s:@$]{3,200}@|://(?=[^/\s:@]{0,200}[0-9])[\w%-]{20,200}@(?!sha256:)"
)
"""No part of it looks further than some hundred characters, so that a long text costs time in proportion to its length."""
_QUERY = lazy(r"(?<=[?&;])([A-Za-z][\w.-]{0,60})=([^&;\s\"'#<>]{3,4000})", re.ASCII)
"""A word of an address and its value."""
_SIGNATURES = frozenset(("sig", "signature", "x-amz-signature", "x-goog-signature"))
"""What makes an address of Amazon, Google or Azure one that anybody may open."""
_WORDS = frozenset(("password", "passwd", "passphrase", "secret", "token", "apikey", "credential", "credentials"))
_ENDINGS = ("password", "passwd", "secret", "token")
"""As in `PGPASSWORD`."""
_PAIRS = frozenset((("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key"), ("auth", "key")))
_NOT_SECRET = frozenset(
    ("id", "name", "path", "file", "url", "uri", "endpoint", "host", "type", "length", "limit", "count", "max", "min", "size", "ttl", "dir")
)
_SPLIT = lazy(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_PUBLIC = r"|true|false|none|null|[0-9.]+|/.*|<.*>|\*+|x+"
"""Texts that a secret's name may carry without telling anything: switches, numbers, file paths, placeholders."""


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Look for known shapes in every text of the document, and at what is given to a variable, parameter or option called a secret.

    In patches a key counts as a variable. Of an applied Secret no value may stand in the file, whatever it is called.
    """
    shaped = {finding.path: finding for finding in _shapes(document)}
    findings.extend(shaped.values())
    named: dict[tuple[str, Path], Finding] = {}

    def look(name: str, text: str, path: Path, within: tuple[int, int] | None = None, help: str = "") -> None:
        if text and path not in shaped and _named_secret(name) and not re.fullmatch(_PUBLIC, text, re.IGNORECASE):
            message = f"`{name}` holds a secret in plain text"
            named.setdefault((name, path), Finding("MLC501", message, path, within=within, help=help or _help(_variable(name))))

    suspect = [param for param in pipeline.params if _named_secret(param.name)]
    objects = _names_objects(pipeline) if suspect else set()
    for param in suspect:
        if param.name in objects:
            continue
        declared = document.data["params"][param.name]
        look(param.name, param.default or "", (*param.origin, "default") if isinstance(declared, dict) else param.origin)
    for step in pipeline.steps:
        programs: tuple[Step | Container, ...] = (step, *step.beside)
        for program in programs:
            for env in program.env:
                if isinstance(env.value, Text):
                    look(env.name, _literal(env.value), env.origin)
            _arguments(look, (*(program.command or ()), *program.args))
            if program.script is not None and not step.made:  # a script that nobody here wrote
                _script(program.script, look)
    if any(step.resource is not None for step in pipeline.steps):
        from . import applied  # of few projects

        for name, value in applied.secrets(pipeline):
            if _literal(value) and value.origin not in shaped:
                message = f"`{name}` of a Secret stands here in plain text"
                named[name, value.origin] = Finding("MLC501", message, value.origin, help=_OUTSIDE)
        for name, value in applied.variables(pipeline):
            look(name, _literal(value), value.origin, help=_IN_OBJECT)
        for words in applied.words(pipeline):
            _arguments(look, words)
    if pipeline.argo.patch or pipeline.kfp.patch:
        from . import patched  # of few projects

        for name, text, path in patched.texts(pipeline):
            look(name, text, path)
            if name == "source":  # Argo's word for a script, of whatever language: only texts in quotes count
                _script(Script("python", Text((text,), path), (), path), look)
        for words in patched.words(pipeline):
            _arguments(look, words)
    findings.extend(named.values())


def _names_objects(pipeline: Pipeline) -> set[str]:
    """The parameters that are the name of an object, such as a Secret: names are not secret."""
    texts = [one.given for step in pipeline.steps for one in step.named if one.given is not None]
    return {ref.param.name for text in texts for ref in text.references if isinstance(ref, ParamRef)}


def _shapes(document: Document) -> Iterator[Finding]:
    if not any(mark in text for mark in _MARKS for text in document.texts):
        return
    open_nodes: list[tuple[Any, Path]] = [(document.data, ())]
    while open_nodes:
        node, path = open_nodes.pop()
        if isinstance(node, dict):
            open_nodes.extend((value, (*path, key)) for key, value in node.items())
        elif isinstance(node, list):
            open_nodes.extend((value, (*path, index)) for index, value in enumerate(node))
        elif isinstance(node, str) and any(mark in node for mark in _MARKS):
            outside = _FETCH if path[:1] == ("artifacts",) else _help(_called(path))
            if found := re.search(_SHAPE, node, re.ASCII) or (_CREDENTIALS.match(node) if outside is _FETCH else None):
                message = "this looks like a secret in plain text"
                yield Finding("MLC501", message, path, within=found.span(), help=outside)
            elif "://" in node and (found := _in_query(node)):
                yield Finding("MLC501", f"`{found[1]}` of this address is a secret in plain text", path, within=found.span(), help=outside)


def _in_query(text: str) -> re.Match[str] | None:
    """The first word of an address that opens something: a password, a token, a signature."""
    for found in _QUERY.finditer(text):
        name, value = found.groups()
        known = name.lower() in _SIGNATURES or _named_secret(name)
        if known and "$" not in value and not re.fullmatch(_PUBLIC, value, re.IGNORECASE):
            return found
    return None


_FETCH = "have a step fetch it, with what opens it in a Secret: `env: {TOKEN: {secret: NAME, key: KEY}}`; a bucket is opened by the `store`"
_OUTSIDE = (
    "make the Secret outside of the project, with `kubectl` or an operator, or apply a `kind: ExternalSecret`, which says where it is"
)
_IN_OBJECT = "keep it in a Secret and write `valueFrom: {secretKeyRef: {name: NAME, key: KEY}}` in place of `value`"
_CREDENTIALS = lazy(r"[a-z0-9+]+://[^/\s:@]*:[^/\s@$]*@", re.ASCII)
"""A password in an address, however short."""


def _called(path: Path) -> str:
    """A name for the variable that would hold what stands at `path`."""
    name = path[-1]
    return _variable(name) if isinstance(name, str) and path[-2:-1] == ("env",) else "NAME"


def _help(variable: str) -> str:
    return f"keep it in a Secret and write `env: {{{variable}: {{secret: NAME, key: KEY}}}}`"


def _literal(text: Text) -> str:
    """What of a text is written in the file."""
    return "".join(piece for piece in text.pieces if isinstance(piece, str))


def _script(script: Script, look: Look) -> None:
    """Assignments and options of a script, `NAME=value` and `--name=value`; in Python only of texts in quotes."""
    text = "".join(piece if isinstance(piece, str) else "\0" for piece in script.text.pieces)
    exact = len(script.text.pieces) == 1  # a path in the script would move what follows it
    for found in re.finditer(_ASSIGNED, text, re.ASCII):
        name, quote, value = found.groups()
        if quote or (script.shell != "python" and not set(value) & set("$`(\0")):
            look(name.lstrip("-"), value, script.origin, found.span() if exact else None)


def _arguments(look: Look, words: tuple[Text, ...]) -> None:
    """`--password=x` in one word, `--password x` in two."""
    option = ""
    for word in words:
        text = _literal(word)
        name, equals, value = text.partition("=")
        if text.startswith("-") and equals:
            look(name.lstrip("-"), value, word.origin)
        elif not text.startswith("--"):
            look(option, text, word.origin)
        option = text.lstrip("-") if text.startswith("--") and not equals else ""


def _named_secret(name: str) -> bool:
    parts = [part.lower() for part in _SPLIT.split(name) if part] if not name.isupper() else name.lower().replace("-", "_").split("_")
    if not parts or parts[-1] in _NOT_SECRET:
        return False
    return any(part in _WORDS or part.endswith(_ENDINGS) for part in parts) or any(pair in _PAIRS for pair in pairwise(parts))


def _variable(name: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in name).upper().strip("_") or "NAME"
