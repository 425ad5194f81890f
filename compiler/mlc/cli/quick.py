"""A small parser for well-formed `compile` and `validate` calls, so that those need not import typer.

It accepts only what it fully understands. For everything else, `--help`, mistakes and rarer spellings, it gives up, and `app` decides.
"""

from __future__ import annotations

from ..targets import words
from .request import ALL, FORMATS, LINTS, STDIN, Request, targets_of

_SPELLINGS = {"-t": "--target", "-o": "--output"}
_TAKES_VALUE = {
    "compile": ("--target", "--output", "--set", "--env", "--format"),
    "validate": ("--target", "--set", "--env", "--lint", "--format"),
}
_FLAGS = {"compile": ("--check", "--locked", "--strict"), "validate": ("--locked", "--strict")}


def parse(argv: list[str]) -> Request | None:
    """The request that the arguments make, or None where typer has to look at them."""
    command = argv[0] if argv else ""
    if command not in _FLAGS:
        return None
    values: dict[str, list[str]] = {"--target": [], "--output": [], "--set": [], "--env": [], "--lint": [], "--format": []}
    flags: set[str] = set()
    arguments: list[str] = []
    rest = iter(argv[1:])
    for word in rest:
        if word == STDIN or not word.startswith("-"):
            arguments.append(word)
            continue
        if word in _FLAGS[command]:
            flags.add(word)
            continue
        name, equals, value = word.partition("=")
        if equals and not name.startswith("--"):
            return None
        name = _SPELLINGS.get(name, name)
        if name not in _TAKES_VALUE[command]:
            return None
        if not equals:
            value = next(rest, "")
            if value.startswith("-") and value != STDIN:
                return None
        if not value:
            return None
        values[name].append(value)
    if any(target not in (*words(), ALL) for target in values["--target"]) or any(word not in FORMATS for word in values["--format"]):
        return None
    if any(word not in LINTS for word in values["--lint"]):
        return None
    return Request(
        command=command,
        arguments=tuple(arguments),
        targets=targets_of(values["--target"]),
        output=values["--output"][-1] if values["--output"] else "",
        overrides=tuple(values["--set"]),
        environment=values["--env"][-1] if values["--env"] else "",
        check="--check" in flags,
        strict="--strict" in flags,
        locked="--locked" in flags,
        format=values["--format"][-1] if values["--format"] else "text",
        lints=tuple(dict.fromkeys(values["--lint"])),
    )
