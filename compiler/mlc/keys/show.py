"""The keys in words: the page of one, the table of all, the same as data, and the reference of the docs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ..emit import to_yaml
from ..schema_hints import flow
from ..targets import TARGETS, VERSIONS
from .language import ANY, Key, Place, keys
from .support import Table

VERSION = 1
"""Of the JSON document."""

_MOST = 8
"""Other places of a key, and other keys of its name, that its page names."""

_WIDE = 100
"""Columns of an example in one line."""


def page(key: Key, table: Table) -> str:
    """The page of a key, in Markdown as the pages of codes are."""
    inner = dict.fromkeys(other.pointer[-1] for other in keys().values() if _parents(other) & set(key.places))
    name = key.pointer[-1]
    namesakes = dict.fromkeys(other.path for other in keys().values() if other.pointer[-1] == name and other.path != key.path)
    facts = {
        "type": " or ".join(key.types),
        "required": "yes" if key.required else "",
        "default": f"`{_word(key.node['default'])}`" if "default" in key.node else "",
        "keys": ", ".join(f"`{word}`" for word in inner),
        "also": _some([path for path in key.paths if path != key.path]),
        f"others called `{name}`": _some(list(namesakes)),
    }
    examples = "# or\n".join(_example(name, example) for example in key.examples)
    return (
        f"# {key.path}\n\n{key.description}\n\n"
        + "".join(f"- {what}: {fact}\n" for what, fact in facts.items() if fact)
        + f"\n## Example\n\n```yaml\n{examples}```\n\n## Support\n\n"
        + "".join(f"- {target} ({VERSIONS[target][0]} to {VERSIONS[target][-1]}): {table[key.pointer][target]}\n" for target in TARGETS)
    )


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - _MOST} more" if len(paths) > _MOST else ""
    return ", ".join(f"`{path}`" for path in paths[:_MOST]) + more


def _example(name: str, value: Any) -> str:
    """A key with a value, as people would write it: in one line where that is short."""
    line = f"{name}: {flow(value)}\n"
    return line if len(line) <= _WIDE and "\\n" not in line else to_yaml([{name: value}], "")


def _parents(key: Key) -> set[Place]:
    """The places of what the key may lie in, without names behind them."""
    found = set()
    for place in key.places:
        parent = place[:-1]
        while parent[-1:] == (ANY,):
            parent = parent[:-1]
        found.add(parent)
    return found


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def listing(table: Table) -> str:
    """Every key with what each target does with it, one a line, in columns."""
    rows = [["key", *(f"{target} ({VERSIONS[target][0]} to {VERSIONS[target][-1]})" for target in TARGETS)]]
    rows += [[key.path, *(str(table[key.pointer][target]) for target in TARGETS)] for key in keys().values()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows)


def document(chosen: Iterable[Key], table: Table) -> dict[str, Any]:
    """The keys as data, with the versions of each target, oldest first."""
    return {
        "version": VERSION,
        "targets": {target: list(VERSIONS[target]) for target in TARGETS},
        "keys": [
            {
                "key": key.path,
                "also": [path for path in key.paths if path != key.path],
                "description": key.description,
                "type": [word.strip("`") for word in key.types],
                "required": key.required,
                **({"default": key.node["default"]} if "default" in key.node else {}),
                "examples": key.examples,
                "support": {target: table[key.pointer][target].data() for target in TARGETS},
            }
            for key in chosen
        ],
    }


# --- docs/reference.md --------------------------------------------------------------------------------------------------------

_HEAD = """# Reference

Every key of the language, generated from [the schema](../schemas/v1/project.schema.json) and from what the compiler does with it: \
`make golden` writes this page, and a test fails where it is not true any more. `mlc explain KEY` prints what is here of one key, \
`mlc explain --keys` the support of all.
What the keys mean together is told in [language.md](language.md); what differs between the targets, and why, in [targets.md](targets.md).

A heading names what the keys below it stand in, without the names that a project gives: `steps.retry` is the `retry` of any step. \
What may stand in several places, as a step's `retry` also may in `defaults`, is listed once. A value that a target cannot do is refused \
with a code, also where the key is lowered.

A key is *lowered* (it is in the manifest), *handed over* to another command with a note, or *refused* with a code; *checked* is a \
version, which leaves no trace. Where a version stands, some uses of the key need that version of the engine or a newer one: \
`mlc describe` says which.
"""


def reference(table: Table) -> str:
    """The text of docs/reference.md."""
    sections: dict[str, list[str]] = {}
    for key in keys().values():
        cells = [
            f"`{key.pointer[-1]}`{' (required)' if key.required else ''}",
            _cell(key.description),
            (" " if key.types[0].startswith("`") else " or ").join(key.types),
            f"`{_cell(_word(key.node['default']))}`" if "default" in key.node else "",
            f"`{_cell(json.dumps(key.examples[0], ensure_ascii=False))}`",
            *(str(table[key.pointer][target]) for target in TARGETS),
        ]
        sections.setdefault(key.path.rpartition(".")[0], []).append("| " + " | ".join(cells) + " |")
    lines = [_HEAD]
    for owner, rows in sections.items():
        lines += [f"## `{owner}`" if owner else "## The project", ""]
        lines += [f"| key | meaning | type | default | example | {' | '.join(f'`{target}`' for target in TARGETS)} |"]
        lines += ["|" + "---|" * (5 + len(TARGETS)), *rows, ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")
