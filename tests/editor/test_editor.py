"""What an editor shows of the schema: a real YAML language server is asked for diagnostics, completion and hover.

What is right is not listed here: it is read from the schema, which the server reads, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlc import __main__, positions, schema
from mlc.keys.language import canonical, keys
from mlc.reader import read
from mlc.source import SourceFile, events
from tests.editor.client import Server
from tests.editor.install import command
from tests.reference import ROOT, SCHEMA, used
from tests.test_golden import expected

VALID = sorted((ROOT / "specs").glob("*.yaml"))
INVALID = sorted((ROOT / "specs" / "invalid").glob("MLC2*.yaml"))
MODELINE = "# yaml-language-server: $schema=../schemas/v1/project.schema.json\n"
PROPERTY = 10
"""The kind of completion that is a key. The others write several keys at once, under the title of the mapping."""

Diagnostics = list[tuple[int, str]]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A language server that has the project's folder open."""
    made = Server(command(), ROOT)
    yield made
    made.close()


def diagnostics(server: Server, texts: dict[str, str]) -> dict[str, Diagnostics]:
    """What the server says of files: lines, counted from 1, and messages."""
    found = server.diagnostics(texts)
    return {uri: [(one["range"]["start"]["line"] + 1, one["message"]) for one in said] for uri, said in found.items()}


@pytest.fixture(scope="module")
def of_valid(server: Server) -> dict[str, Diagnostics]:
    """What the server says of the valid specs, which stay open."""
    return diagnostics(server, {spec.as_uri(): spec.read_text(encoding="utf-8") for spec in VALID})


@pytest.fixture(scope="module")
def of_invalid(server: Server) -> dict[str, Diagnostics]:
    return diagnostics(server, {spec.as_uri(): spec.read_text(encoding="utf-8") for spec in INVALID})


def document(text: str) -> Any:
    """The data of a spec."""
    found = read(SourceFile("spec.yaml", text), [])
    assert found is not None
    return found.data


# --- diagnostics ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", VALID, ids=lambda spec: spec.stem)
def test_valid_specs_have_no_diagnostics(spec: Path, of_valid: dict[str, Diagnostics]) -> None:
    """An editor has nothing against a spec that compiles. That the first line is obeyed, a relative path, shows in `test_hover`."""
    assert spec.read_text(encoding="utf-8").startswith(MODELINE)
    assert of_valid[spec.as_uri()] == []


UNSEEN = {
    "MLC209-mixed-resources": "of two keys that exclude each other the server blames the first, and mlc the second",
}
"""Where the server says something else than mlc, though the schema refuses the spec."""


@pytest.mark.parametrize("spec", INVALID, ids=lambda spec: spec.stem)
def test_invalid_specs_are_marked(spec: Path, of_invalid: dict[str, Diagnostics]) -> None:
    """What the schema refuses is marked on the line that mlc points at. The other rules are mlc's own, and an editor cannot know them."""
    refused = not schema.validate(document(spec.read_text(encoding="utf-8")), [])
    lines = {line for line, _ in of_invalid[spec.as_uri()]}
    if spec.stem in UNSEEN:
        assert refused
        assert not {line for _, line in expected(spec)} <= lines
    elif refused:
        assert {line for _, line in expected(spec)} <= lines
    else:
        assert not lines


def test_most_invalid_specs_are_marked(of_invalid: dict[str, Diagnostics]) -> None:
    """The test above does not pass by asking for nothing: codes that only the schema gives are all there, and most specs are marked."""
    marked = {spec.stem[:6] for spec in INVALID if of_invalid[spec.as_uri()]}
    assert marked == {f"MLC20{digit}" for digit in range(1, 10)}
    assert sum(map(bool, of_invalid.values())) > len(INVALID) / 2


def test_each_mistake_has_its_line(server: Server) -> None:
    """Several mistakes in one file: each on its line, in words that name it."""
    text = (
        "mlc: v1\n"  # line 2: the first one names the schema
        "name: demo\n"
        "volumes:\n"
        "  scratch: {size: 1Gi, keep: maybe}\n"
        "images:\n"
        "  train: {pull_policy: Sometimes}\n"
        "steps:\n"
        "  train:\n"
        "    image: train\n"
        "    comand: [python, train.py]\n"
        "    timeout: 5\n"
        "    retry: {on: failure}\n"
    )
    uri = (ROOT / "specs" / "mistakes.yaml").as_uri()
    found = sorted(diagnostics(server, {uri: MODELINE + text})[uri])
    expected = [(5, "boolean"), (7, '"ref"'), (7, '"IfNotPresent"'), (11, "comand"), (12, "string"), (13, '"limit"')]
    assert [line for line, _ in found] == [line for line, _ in expected]
    for line, word in expected:
        assert any(word in message for at, message in found if at == line), (line, word, found)


def test_a_new_project_is_checked(server: Server, tmp_path: Path) -> None:
    """`mlc init` leaves a project and the schema beside it, which an editor finds."""
    assert __main__.main(["init", str(tmp_path)]) == 0
    text = (tmp_path / "mlc.yaml").read_text(encoding="utf-8")
    good, bad = ((tmp_path / name).as_uri() for name in ("mlc.yaml", "bad.yaml"))
    found = diagnostics(server, {good: text, bad: text.replace("steps:", "step:")})
    assert found[good] == []
    assert any("step" in message for _, message in found[bad])


# --- hover ----------------------------------------------------------------------------------------------------------------------


DESCRIPTIONS = {key.description for key in keys().values()}


def shown(server: Server, uri: str, line: int, character: int) -> str:
    """What is shown when the pointer rests on a place, without the marks that keep Markdown from reading it."""
    answer = server.at("hover", uri, line, character)
    return re.sub(r"\\([\\`*_{}\[\]#+!])", r"\1", answer["contents"]["value"]) if answer else ""


@pytest.mark.parametrize("spec", VALID, ids=lambda spec: spec.stem)
def test_hover(spec: Path, server: Server, of_valid: dict[str, Diagnostics]) -> None:
    """Each key of each spec shows its description.

    What an environment changes of an entry may be a part of one, of which the schema says nothing: there nothing may be shown, but not
    the description of something else.
    """
    text = spec.read_text(encoding="utf-8")
    wanted: dict[tuple[str | int, ...], set[str]] = {}
    for pointer, path in used(SCHEMA, document(text)):
        wanted.setdefault(path, set()).add(keys()[canonical(pointer)].description)
    places = positions.find(events(text), text, wanted)
    asked = 0
    for path, descriptions in wanted.items():
        key = places[path].key if path in places else None  # what an alias stands for has no place of its own
        if key is None:
            continue
        asked += 1
        said = shown(server, spec.as_uri(), key.line - 1, key.column - 1)
        partial = path[0] == "environments" and len(path) == 5
        right = any(one in said for one in descriptions)
        assert right or (partial and not any(one in said for one in DESCRIPTIONS)), (path, said)
    assert asked >= 5, "hardly any key was asked for"


# --- completion -----------------------------------------------------------------------------------------------------------------


def forms(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas that may hold for a value: what `$ref`, `anyOf` and `allOf` lead to."""
    yield node
    if "$ref" in node:
        yield from forms(SCHEMA["$defs"][node["$ref"].rpartition("/")[2]])
    for part in (*node.get("anyOf", ()), *node.get("allOf", ())):
        yield from forms(part)


def at(path: tuple[str | int, ...]) -> list[dict[str, Any]]:
    """The schemas that may hold for the value at a place of a document."""
    found = list(forms(SCHEMA))
    for key in path:
        inner = [
            part.get("items") if isinstance(key, int) else part.get("properties", {}).get(key, part.get("additionalProperties"))
            for part in found
        ]
        found = [form for node in inner if isinstance(node, dict) for form in forms(node)]
    return found


def complete(server: Server, name: str, text: str) -> list[dict[str, Any]]:
    """What the server offers where the text has a `|`."""
    before, _, after = (MODELINE + text).partition("|")
    uri = (ROOT / "specs" / name).as_uri()
    server.open(uri, before + after)
    answer = server.at("completion", uri, before.count("\n"), len(before) - before.rfind("\n") - 1)
    items: list[dict[str, Any]] = answer["items"] if isinstance(answer, dict) else answer
    return items


def nested(path: str, inside: str) -> str:
    """A project with something at a place, one key a line; a word `-` is an item of a list."""
    lines = ["mlc: v1", "name: demo"] if path else []
    words = path.split()
    for depth, word in enumerate(words):
        lines.append("  " * depth + ("-" if word == "-" else f"{word}:"))
    return "\n".join([*lines, *("  " * len(words) + line for line in inside.split("\n"))]) + "\n"


KEYS = [
    ("", "|"),
    ("", "mlc: v1\nname: demo\n|"),
    ("", "mlc: v1\n|\nsteps:\n  train: {image: a}"),
    ("steps train", "|"),
    ("steps train", "image: a\n|\ncommand: [b]"),
    ("steps train", "image: a\nco|"),
    ("steps train metrics accuracy", "path: /a\n|"),
    ("steps train values rows", "|"),
    ("steps train inputs model", "path: /a\n|"),
    ("steps train volumes data", "|"),
    ("steps train env TOKEN", "|"),
    ("steps train env TOKEN", "secret: a\n|"),
    ("steps train resources", "|"),
    ("steps train resources", "cpu: 1\n|"),
    ("steps train resources", "requests: {cpu: 1}\n|"),
    ("steps train resources limits", "cpu: 1\n|"),
    ("steps train retry", "limit: 1\n|"),
    ("steps train retry backoff", "|"),
    ("steps train security", "|"),
    ("steps train tolerations -", "|"),
    ("steps train affinity node_affinity preferred - preference", "|"),
    ("steps train sidecars cache", "image: a\n|"),
    ("steps train resource", "|"),
    ("finally notify", "|"),
    ("defaults", "image: a\n|"),
    ("templates job", "|"),
    ("machines gpu", "|"),
    ("params epochs", "|"),
    ("images train", "ref: a\n|"),
    ("artifacts model", "|"),
    ("volumes data", "|"),
    ("volumes data", "size: 1Gi\n|"),
    ("volumes data", "secret: a\n|"),
    ("volumes", "data: {s|}"),
    ("volumes", "data: {size: 1Gi, a|}"),
    ("store", "s|"),  # with `maxProperties: 1` the server offers nothing before the first letter
    ("store minio", "|"),
    ("store s3 secret", "|"),
    ("datasets reviews", "|"),
    ("datasets reviews dvc", "|"),
    ("schedule", "|"),
    ("targets", "|"),
    ("targets argo", "|"),
    ("targets argo patch -", "|"),
    ("environments prod", "|"),
    ("environments prod steps train", "|"),
    ("environments prod machines gpu", "|"),
]


@pytest.mark.parametrize(("path", "inside"), KEYS, ids=[f"{path}: {inside}" for path, inside in KEYS])
def test_keys_are_completed(path: str, inside: str, server: Server, request: pytest.FixtureRequest) -> None:
    """Offered are the keys that the schema has there and that go with those that are there already, each once.

    What else is offered, several keys at once, is called by the title that the schema gives the mapping.
    """
    text = nested(path, inside)
    typed = re.search(r"[a-z]*\|", text)
    assert typed is not None
    data = document(text.replace(typed[0], "")) if text != "|\n" else {}
    place = [0 if word == "-" else word for word in path.split()]
    if "{" in inside and "}" in inside and inside.endswith(f"{typed[0]}}}"):
        place.append(inside.partition(":")[0])
    there = data
    for key in place:
        there = (there or {}).get(key) if isinstance(key, str) else there[key]
    present = set(there or ())
    mappings = [form for form in at(tuple(place)) if "properties" in form]
    wanted = {key for form in mappings if present <= form["properties"].keys() for key in form["properties"]} - present
    items = complete(server, request.node.name.replace("/", "-"), text)
    assert sorted(item["label"] for item in items if item["kind"] == PROPERTY) == sorted(wanted)
    assert {item["label"] for item in items if item["kind"] != PROPERTY} <= {form.get("title") for form in mappings}


VALUES = [
    "mlc",
    "steps train shell",
    "steps train retry on",
    "steps train metrics accuracy format",
    "steps train metrics accuracy on_miss",
    "steps train values rows type",
    "steps train code",
    "steps train resource action",
    "steps train tolerations - operator",
    "params epochs type",
    "images train pull_policy",
    "artifacts model",
    "artifacts model type",
    "volumes data access_mode",
    "volumes data keep",
    "schedule concurrency",
    "targets argo version",
    "targets argo kind",
    "targets kfp version",
]


@pytest.mark.parametrize("path", VALUES)
def test_values_are_completed(path: str, server: Server) -> None:
    """Where only some values may stand, these are offered, in quotes where a text would be read as a number."""
    outer, _, key = path.rpartition(" ")
    before = {"volumes data keep": "size: 1Gi\n", "volumes data access_mode": "size: 1Gi\n"}.get(path, "")
    items = complete(server, f"value-{path}", nested(outer, f"{before}{key}: |"))
    found = at(tuple(0 if word == "-" else word for word in path.split()))
    wanted = {value for form in found for value in form.get("enum", [form["const"]] if "const" in form else ())}
    if not wanted:
        types = {kind for form in found for kind in ([form["type"]] if isinstance(form.get("type"), str) else form.get("type", ()))}
        assert types <= {"boolean", "null"}
        wanted = {True, False, *([None] if "null" in types else [])}
    offered = [document(f"mlc: {item['label']}")["mlc"] for item in items]
    assert set(offered) == wanted
    assert len(offered) == len(wanted)
