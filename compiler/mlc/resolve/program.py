"""What a step runs: `command`, `args`, `run`. A string is split into words as a shell would, but nothing is expanded."""

from __future__ import annotations

from ..diagnostics.model import Related
from ..ir import PathRef, Script, Text
from ..scalars import source_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..diagnostics.model import Path
    from ..expr.scope import Scope
    from ..ir import Ref
    from .context import Context
    from .merge import Merged

_OPERATORS = "|&;<>()$`\n"
_GLOBS = "*?["
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,=@%+ ")


def resolve(
    context: Context, step: Merged, entrypoint: Any, entrypoint_path: Path, own: dict[str, dict[str, str]] | None
) -> tuple[tuple[Text, ...] | None, tuple[Text, ...], Script | None]:
    """`command`, `args` and `script` of a step. Without `command` and `run` the image's declared `entrypoint` is the command."""
    scope = context.scope("a command", own)
    args = words(context, step.get("args", []), step.where("args"), scope)
    script = _script(context, step, own)
    command = step.get("command")
    path = step.where("command")
    if command is None and script is None and entrypoint is not None:
        command, path = entrypoint, entrypoint_path
    if command is None:
        return None, args, script
    if script is not None:
        help = "put the whole program into `run`, or keep `command`"
        context.report("MLC209", "`command` and `run` exclude each other", step.where("run"), at="key", help=help)
    found = words(context, command, path, scope)
    if not found:
        context.report("MLC206", "the command is empty", path, help="name the program to run")
    elif _blank(command, found[0]):
        message = "the first word of a command is empty, which is no program"
        context.report("MLC206", message, found[0].origin, help="name the program to run")
    elif found[0].references:
        help = "write the program itself; `args` may hold expressions"
        context.report("MLC311", "the first word of a command may not hold an expression", path, help=help)
    elif isinstance(command, str) and "=" in (found[0].constant or "").split("/")[0]:
        help = "set it under `env`, or use `run` for a shell script"
        context.report("MLC315", f"`{found[0].constant}` sets a variable as a shell would", path, help=help)
    return found, args, script


def _blank(command: Any, first: Text) -> bool:
    """Whether the first word is empty as written: an expression there, or a line break, is reported for what it is."""
    if isinstance(command, str):
        return first.constant == "" and not command.lstrip().startswith("${{")
    return not source_text(command[0]).strip()


def _check_inherited(context: Context, step: Merged) -> None:
    """`shell` and `packages` belong to the `run` they stand beside: a script must not seem to have those of a layer below."""
    path = step.where("run")
    owner, holder = ("template", path[1]) if path[0] == "templates" else ("step", step.name)
    for key, place in step.lost.items():
        if key not in ("shell", "packages") or (key == "shell" and _at(context.data, place) == "sh"):
            continue
        below = "`defaults`" if place[0] == "defaults" else f"template `{place[1]}`"
        related = (Related(place, "does not reach this script", "key"),)
        help = f"write `{key}` in the {owner}, beside its `run`: a {owner} that sets `run` inherits nothing of the program"
        message = f"{owner} `{holder}` has a script of its own, which does not get `{key}` from {below}"
        context.report("MLC209", message, path, at="key", related=related, help=help)


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _script(context: Context, step: Merged, own: dict[str, dict[str, str]] | None) -> Script | None:
    text = step.get("run")
    shell = step.get("shell", "sh")
    packages = tuple(step.get("packages", ()))
    if text is None:
        for key in ("shell", "packages"):
            if step.get(key) is not None:
                help = "write the script under `run`"
                context.report(
                    "MLC209", f"`{key}` goes with `run`, which step `{step.name}` does not have", step.where(key), at="key", help=help
                )
        return None
    if step.lost:
        _check_inherited(context, step)
    if packages and shell != "python":
        help = "say `shell: python`, or install them in the image"
        context.report(
            "MLC209", f"`packages` go with `shell: python`, this script runs in `{shell}`", step.where("packages"), at="key", help=help
        )
    for index, package in enumerate(packages):
        if package.startswith("-") or not _is_requirement(package.strip()):
            help = "one requirement each, such as `pandas==2.2.0`"
            context.report("MLC205", f"`{package}` is not a requirement", (*step.where("packages"), index), help=help)
    return Script(shell, script_text(context, text, step.where("run"), shell, own), packages, step.where("run"))


def _is_requirement(text: str) -> bool:
    """Whether a text is one requirement on one line: spaces stand around its operators and in its marker (`x >= 1; os_name == 'nt'`).

    What it says beyond that is pip's to judge.
    """
    if not any(char.isspace() for char in text):
        return bool(text)
    import re

    what, semicolon, marker = text.partition(";")
    joined = re.sub(r" *([][(),<>=!~@]+) *", r"\1", what).strip(" ")
    plain = not any(char.isspace() for char in joined) and not any(char in "\n\r\t#" for char in marker)
    return bool(joined) and plain and bool(marker.strip()) == bool(semicolon)


def script_text(context: Context, text: str, path: Path, shell: str, own: dict[str, dict[str, str]] | None) -> Text:
    """A script: only paths may stand in it, a value would be read as code."""
    found: list[str | Ref] = []
    for part in context.pieces(text, path):
        if isinstance(part, str):
            found.append(part)
            continue
        expr = context.expression(text, part, path, context.scope("a script", own))
        if isinstance(expr, PathRef):
            found.append(expr)
        elif expr is not None:
            source = text[part[0] : part[1]].strip()
            name = "".join(char if char.isalnum() else "_" for char in source.split(".")[-1]).upper() or "VALUE"
            read = f'os.environ["{name}"]' if shell == "python" else f'"${name}"'
            help = f'write `env: {{{name}: "${{{{ {source} }}}}"}}`, and {read} in the script'
            context.report("MLC321", f"`{source}` may not be pasted into a script", path, within=part, help=help)
    return Text(tuple(found), path)


def words(context: Context, value: Any, path: Path, scope: Scope) -> tuple[Text, ...]:
    """The words of a `command` or `args`: a list as it is, a string split."""
    if isinstance(value, list):
        return tuple(context.text(source_text(item), (*path, index), scope) for index, item in enumerate(value))
    if not _PLAIN.issuperset(value):
        return _Splitter(context, value, path, scope).split()
    return tuple(Text((word,), path) for word in value.split())


class _Splitter:
    """Splits a string as a POSIX shell splits words (2.2 Quoting), expressions first; refuses what a shell would interpret."""

    def __init__(self, context: Context, text: str, path: Path, scope: Scope) -> None:
        self.context, self.text, self.path, self.scope = context, text, path, scope
        self.found: list[Text] = []
        self.word: list[str | Ref] | None = None
        self.refused: set[str] = set()
        self.globs = False

    def split(self) -> tuple[Text, ...]:
        text, position = self.text, 0
        while position < len(text):
            char = text[position]
            if text.startswith("${{", position):
                position = self.expression(position)
            elif char in " \t":
                self.end()
                position += 1
            elif char == "'":
                position = self.single(position)
            elif char == '"':
                position = self.double(position)
            elif char == "\\" and position + 1 < len(text) and text[position + 1] != "\n":
                self.add(text[position + 1])
                position += 2
            else:
                self.unquoted(char, position)
                position += 1
        self.end()
        return tuple(self.found)

    def unquoted(self, char: str, position: int) -> None:
        if char in _OPERATORS or (self.word is None and char in "~#"):
            self.refuse(char, position)
        elif char in _GLOBS and not self.globs:
            self.globs = True
            help = f"put quotes around it to say that `{char}` is meant, or use `run` to have a shell expand it"
            self.context.report(
                "MLC502", f"no shell expands the `{char}` in this command", self.path, within=(position, position + 1), help=help
            )
        self.add(char)

    def refuse(self, char: str, position: int) -> None:
        if char in self.refused:
            return
        self.refused.add(char)
        shown = "a line break" if char == "\n" else f"`{char}`"
        help = "use `run` for a shell script, put quotes around the text, or write the words as a list"
        if char == "$":
            help = "use `run` to have a shell read a variable; a parameter is written `${{ params.NAME }}`, a plain `$` in single quotes"
        self.context.report(
            "MLC315", f"{shown} in a command is shell syntax, but no shell runs it", self.path, within=(position, position + 1), help=help
        )

    def expression(self, position: int) -> int:
        from ..expr.parse import ExpressionError, closing

        inside = position + 3
        end = closing(self.text, inside)
        if end < 0:
            self.context.expression_error(
                ExpressionError("`${{` is never closed", position, inside, "end the expression with `}}`"), self.path
            )
            self.add("")
            return len(self.text)
        piece = self.context.reference(self.text, (inside, end), self.path, self.scope)
        self.add("" if piece is None else piece)
        return end + 2

    def single(self, position: int) -> int:
        end = self.text.find("'", position + 1)
        if end < 0:
            return self.unclosed("'", position)
        self.add(self.text[position + 1 : end])
        return end + 1

    def double(self, position: int) -> int:
        text, start = self.text, position
        self.add("")
        position += 1
        while position < len(text):
            char = text[position]
            if char == '"':
                return position + 1
            if text.startswith("${{", position):
                position = self.expression(position)
            elif char == "\\" and position + 1 < len(text) and text[position + 1] in '$`"\\':
                self.add(text[position + 1])
                position += 2
            else:
                if char in "$`":
                    self.refuse(char, position)
                self.add(char)
                position += 1
        return self.unclosed('"', start)

    def unclosed(self, quote: str, position: int) -> int:
        help = f"end it with {quote}, or write the words as a list"
        self.context.report("MLC315", "a quote in the command is never closed", self.path, within=(position, position + 1), help=help)
        return len(self.text)

    def add(self, piece: str | Ref) -> None:
        if self.word is None:
            self.word = []
        self.word.append(piece)

    def end(self) -> None:
        if self.word is None:
            return
        pieces: list[str | Ref] = []
        literal: list[str] = []  # joined once: a text that grows by a character at a time is copied at every one
        for piece in [*self.word, None]:
            if isinstance(piece, str):
                literal.append(piece)
                continue
            if text := "".join(literal):
                pieces.append(text)
            literal = []
            if piece is not None:
                pieces.append(piece)
        self.found.append(Text(tuple(pieces), self.path))
        self.word = None
