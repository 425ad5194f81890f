"""The schema itself, the fast checker, and the sentences for what it refuses."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mlc.diagnostics.codes import CODES
from mlc.diagnostics.model import Finding
from mlc.schema import compile_checker, kind, schema_text, validate
from mlc.schema_wording import validator

SCHEMA: dict[str, Any] = json.loads(schema_text())

GOOD: dict[str, Any] = {
    "mlc": "v1",
    "name": "everything",
    "description": "uses every key and form",
    "labels": {"team": "vision"},
    "annotations": {"owner": "x"},
    "params": {
        "lr": 0.5,
        "names": ["a", None, {"b": 1}],
        "flag": True,
        "opt": {"type": "string", "default": "adam", "choices": ["adam", "sgd"], "description": "d"},
        "epochs": {"type": "int", "min": 1, "max": 9},
        "conf": {"default": {"a": {"b": None}}},
    },
    "images": {"train": "a/b:1", "serve": {"ref": "c", "entrypoint": ["x"], "pull_policy": "Never", "pull_secret": "s"}},
    "volumes": {
        "data": {"claim": "c"},
        "work": {"size": "1Gi", "access_mode": "ReadWriteOnce", "storage_class": "fast"},
        "shm": {"memory": "1Gi"},
        "tmp": {"empty_dir": {}},
        "key": {"secret": "s", "mode": "0400"},
        "conf": {"config_map": "m"},
    },
    "store": {
        "minio": {
            "endpoint": "h:9000",
            "bucket": "b",
            "prefix": "p",
            "region": "r",
            "insecure": True,
            "secret": {"name": "n", "access_key": "a", "secret_key": "s"},
        }
    },
    "artifacts": {"model": "model", "report": {"type": "html"}},
    "defaults": {"command": "python run.py", "env": {"A": "1"}, "retry": {"limit": 1}, "resources": {"requests": {"cpu": 1}}},
    "steps": {
        "make": {
            "title": "t",
            "description": None,
            "image": "train",
            "run": "echo",
            "shell": "python",
            "packages": ["x==1"],
            "args": ["a", 1, 0.5, True],
            "workdir": "/w",
            "env": {"A": None, "B": 1, "C": {"secret": "s", "key": "k"}, "D": {"config_map": "m", "key": "k"}, "E": {"field": "f"}},
            "outputs": {"model": "/m"},
            "values": {"id": "/id", "rows": {"path": "/rows", "type": "int"}},
            "metrics": {
                "loss": "/l",
                "f1": {"path": "/m.json", "key": ["a b", "c"], "format": "json", "min": 0.5, "below": "${{ params.lr }}"},
            },
            "volumes": {"data": "/data", "shm": None},
            "resources": {"cpu": "500m", "memory": "1Gi", "gpu": {"type": "amd.com/gpu", "count": 1}, "ephemeral_storage": None},
            "retry": {"limit": 3, "backoff": {"duration": "1s", "factor": 2, "max": "1m"}, "on": "always"},
            "timeout": "1h",
            "labels": {"a": "b", "c": None},
            "annotations": None,
            "cache": {"key": "k"},
            "use": "job",
            "machine": "gpu",
            "code": True,
            "node_selector": {"a": "b"},
            "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute", "toleration_seconds": 5}, {"value": "b"}],
            "affinity": {
                "node_affinity": {
                    "required": [{"match_expressions": [{"key": "a", "operator": "In", "values": ["b"]}]}],
                    "preferred": [{"weight": 1, "preference": {"match_fields": [{"key": "metadata.name", "operator": "Exists"}]}}],
                },
                "pod_affinity": {
                    "required": [{"topology_key": "z", "label_selector": {}, "namespaces": ["n"], "namespace_selector": {}}],
                    "preferred": [
                        {
                            "weight": 1,
                            "pod_affinity_term": {
                                "topology_key": "z",
                                "label_selector": {
                                    "match_labels": {"a": "b"},
                                    "match_expressions": [{"key": "a", "operator": "Exists"}],
                                },
                            },
                        }
                    ],
                },
                "pod_anti_affinity": {"required": [{"topology_key": "z", "label_selector": {}}]},
            },
        },
        "use": {
            "image": "serve",
            "command": ["a"],
            "needs": "make",
            "inputs": ["model"],
            "gate": ["make"],
            "when": "params.flag",
            "cache": True,
            "resources": {"requests": {"gpu": 1}, "limits": {"memory": "2Gi"}},
        },
        "nothing": {},
    },
    "targets": {"kfp": {"storage_class": "fast"}},
    "templates": {"job": {"image": "train", "needs": "make", "env": {"A": None}, "retry": {"limit": 1}, "outputs": None}},
    "machines": {"gpu": {"resources": {"gpu": 1}, "node_selector": {"a": "b"}, "tolerations": [{"operator": "Exists"}]}},
    "datasets": {
        "reviews": {
            "dvc": {"repo": "git@h:r", "path": "p", "remote": "s"},
            "tag": "v1",
            "ssh_key": {"secret": "s", "key": "k"},
            "known_hosts": {"config_map": "c", "key": "k"},
            "overwrite": True,
            "author": "A <a@b>",
        },
        "labels": {"git": {"repo": "https://h/r", "path": "p"}, "rev": "9fceb02", "token": {"secret": "s", "key": "k"}},
        "raw": {"s3": {"uri": "s3://b/k", "version": "1"}},
    },
    "code": {"git": "https://h/r", "ref": "v1", "token": {"secret": "s", "key": "k"}},
    "environments": {
        "dev": {
            "params": {"lr": 1, "opt": {"choices": ["a"]}},
            "images": {"train": "a/b:2", "serve": {"pull_policy": "Always"}, "more": None},
            "volumes": {"data": {"claim": "d"}, "work": {"access_mode": "ReadWriteMany"}, "tmp": None},
            "store": {"minio": {"bucket": "c"}},
            "datasets": {"reviews": {"tag": "v2"}},
            "machines": {"gpu": {"resources": {"gpu": None}, "tolerations": None}},
            "defaults": {"retry": None, "env": {"A": None}},
            "targets": {"kfp": {}},
            "steps": {"make": {"machine": None, "command": ["x"]}},
        },
        "prod": {"store": None},
    },
}


@cache
def checkers() -> tuple[Any, Any, Any]:
    """Our checker, the `jsonschema` validator behind the wording, and `jsonschema_rs`, compiled once."""
    return compile_checker(SCHEMA), validator(SCHEMA), jsonschema_rs.validator_for(SCHEMA)


def problems(document: Any) -> list[Finding]:
    """The findings for a document; they exist exactly when it is refused."""
    findings: list[Finding] = []
    assert validate(document, findings) is (findings == [])
    return findings


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """The good document with one value set."""
    document = copy.deepcopy(GOOD)
    node: Any = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = to
    return document


def nodes(schema: Any, place: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside the schema, with the place where it stands."""
    yield place, schema
    for keyword in ("properties", "$defs"):
        for name, part in schema.get(keyword, {}).items():
            yield from nodes(part, f"{place}/{keyword}/{name}")
    for keyword in ("additionalProperties", "propertyNames", "items"):
        if isinstance(schema.get(keyword), dict):
            yield from nodes(schema[keyword], f"{place}/{keyword}")
    for keyword in ("anyOf", "allOf"):
        for index, part in enumerate(schema.get(keyword, [])):
            yield from nodes(part, f"{place}/{keyword}/{index}")


def merged(node: dict[str, Any]) -> dict[str, Any]:
    """A schema with what it refers to."""
    return {**merged(SCHEMA["$defs"][node["$ref"].removeprefix("#/$defs/")]), **node} if "$ref" in node else node


# --- the schema ---------------------------------------------------------------------------------------------------------------


def test_schema_is_valid_and_is_the_file() -> None:
    """The schema obeys the meta-schema, has its own identity, and what is loaded is the file under schemas/."""
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"] == "urn:mlc:schema:v1"
    assert schema_text() == (Path(__file__).parent.parent / "schemas/v1/project.schema.json").read_text(encoding="utf-8")


def test_every_property_is_documented() -> None:
    """Each key of the language has a description and an example, by itself or through what it refers to."""
    bare = [
        f"{place}/{name}"
        for place, node in nodes(SCHEMA)
        for name, part in node.get("properties", {}).items()
        if not (merged(part).get("description") and merged(part).get("examples"))
    ]
    assert bare == []


def test_examples_are_valid() -> None:
    """Each example fits the schema that it stands in, for both validators."""
    for place, node in nodes(SCHEMA):
        whole = {**node, "$defs": SCHEMA["$defs"]}
        for example in node.get("examples", []):
            assert compile_checker(whole)(example), (place, example)
            assert Draft202012Validator(whole).is_valid(example), (place, example)


def test_every_mapping_is_closed() -> None:
    """A mapping with keys of its own takes no others, so that nothing is accepted and ignored."""
    opened = [place for place, node in nodes(SCHEMA) if "properties" in node and node.get("additionalProperties") is not False]
    assert opened == []


def test_every_mapping_with_required_keys_has_a_title() -> None:
    """An editor offers to write the required keys of a mapping at once, under its title; without one, under a name of JSON Schema's."""
    mappings = [(place, node) for place, node in nodes(SCHEMA) if "required" in node and "properties" in node]
    assert [place for place, node in mappings if not node.get("title") or node["title"] in node["properties"]] == []


def test_shared_parts_describe_nothing() -> None:
    """What `allOf`, or a `$ref` with more beside it than words, adds to a key has no words of its own: editors would show those first."""
    words = {"description", "examples", "title", "default"}
    found = []
    for place, node in nodes(SCHEMA):
        parts = [*node.get("allOf", ()), *([{"$ref": node["$ref"]}] if node.keys() - words - {"$ref"} and "$ref" in node else [])]
        found += [place for part in parts if {"description", "examples"} & merged(part).keys()]
    assert found == []


def test_step_keys_and_defaults() -> None:
    """Defaults hold every key of a step but those that belong to one step, and they mean the same in both places."""
    step, defaults = SCHEMA["$defs"]["step"]["properties"], merged(SCHEMA["properties"]["defaults"])["properties"]
    own = {"needs", "inputs", "outputs", "values", "metrics", "gate", "when", "foreach", "each", "use", "resource"}
    assert set(step) - set(defaults) == own
    assert all(step[key] == node for key, node in defaults.items())


def test_every_keyword_is_known_to_the_checker() -> None:
    """Each schema compiles by itself: the checker refuses keywords that it would ignore."""
    for _, node in nodes(SCHEMA):
        compile_checker({**node, "$defs": SCHEMA["$defs"]})


@pytest.mark.parametrize("node", [{"exclusiveMinimum": 1}, {"properties": {"a": {"oneOf": []}}}, {"enum": [1]}, {"$ref": "other.json"}])
def test_what_the_checker_does_not_know_is_refused(node: dict[str, Any]) -> None:
    """A keyword, an enum of numbers or a foreign reference that the checker cannot do is an error, not a hole."""
    with pytest.raises(ValueError, match=r"schema|const"):
        compile_checker(node)


# --- the checker and two libraries ----------------------------------------------------------------------------------------------

BAD: list[Any] = [
    None,
    [],
    "text",
    {},
    {"mlc": "v1", "name": "a", "steps": {}},
    changed("mlc", to="v2"),
    changed("mlc", to=1),
    changed("name", to="a\n"),
    changed("name", to="A"),
    changed("name", to="a" * 51),
    changed("name", to=""),
    changed("params", "a_", to=1),
    changed("params", "ok\n", to=1),
    changed("params", "a" * 64, to=1),
    changed("params", "x", to={}),
    changed("params", "x", to=None),
    changed("params", "x", to={"type": "int", "default": None}),
    changed("params", "opt", "choices", to=[]),
    changed("labels", "v", to=1),
    changed("volumes", "data", to={"claim": "a", "size": "1Gi"}),
    changed("volumes", "data", to={}),
    changed("volumes", "key", "mode", to="0800"),
    changed("store", to={}),
    changed("store", "s3", to={"bucket": "b"}),
    changed("store", to={"minio": {"bucket": "b"}}),
    changed("artifacts", "x", to="modle"),
    changed("defaults", "needs", to="make"),
    changed("defaults", "image", to=None),
    changed("defaults", "env", "A", to=None),
    changed("defaults", "resources", "requests", "cpu", to=None),
    changed("steps", "make", to=None),
    changed("steps", "make", "needs", to=["a", "a"]),
    changed("steps", "make", "needs", to=[]),
    changed("steps", "make", "env", "B", to={"secret": "s"}),
    changed("steps", "make", "env", "B", to={"secret": "s", "config_map": "m", "key": "k"}),
    changed("steps", "make", "retry", to={"limit": True}),
    changed("steps", "make", "retry", to={"limit": -1}),
    changed("steps", "make", "resources", "requests", to={}),
    changed("steps", "use", "resources", "limits", to={"cpu": None}),
    changed("steps", "make", "values", "id", to={"type": "int"}),
    changed("templates", "job", to=None),
    changed("templates", "job", "foreach", to={"x": 1}),
    changed("machines", "gpu", to={}),
    changed("machines", "gpu", "resources", to=None),
    changed("machines", "gpu", "image", to="x"),
    changed("defaults", "use", to="job"),
    changed("steps", "make", "tolerations", to=[{}]),
    changed("steps", "make", "tolerations", 0, "effect", to="noSchedule"),
    changed("steps", "make", "affinity", to={}),
    changed("steps", "make", "node_selector", "a", to=1),
    changed("datasets", "raw", "s3", to={}),
    changed("code", "ref", to=None),
    changed("environments", "dev", to={}),
    changed("environments", "dev", "params", "lr", to=None),
    changed("environments", "dev", "steps", "make", "needs", to="x"),
    changed("environments", "dev", "steps", "make", to=None),
    changed("environments", "dev", "artifacts", to={}),
    changed("environments", "Dev", to={"store": None}),
    changed("steps", "make", "foreach", to={"x": [1, None]}),
    changed("steps", "make", "foreach", to={"x": [{"a b": 1}]}),
    changed("steps", "make", "foreach", to={"x": 3}),
    changed("steps", "make", "foreach", to={}),
    changed("steps", "make", "parallel", to=0),
    changed("steps", "make", "each", to=["a"]),
    changed("steps", "use", "inputs", to={"table": {"best": "accuracy"}}),
    changed("steps", "use", "outputs", to={"chart": {"path": "/x"}}),
]

FINE: list[Any] = [
    GOOD,
    {"mlc": "v1", "name": "a", "steps": {"a": {}}},
    changed("name", to="a" * 50),
    changed("params", "a" * 63, to=""),
    changed("store", to={"s3": {"bucket": "b"}}),
    changed("steps", "make", "resources", to={}),
    changed("steps", "make", "image", to=None),
    changed("steps", "make", "foreach", to={"x": [1, "a", True, [None], {"y": {"z": None}}], "y": "${{ params.rates }}"}),
    changed("steps", "make", "parallel", to=None),
    changed("steps", "use", "inputs", to={"table": {"path": "/x", "best": "f1"}}),
    changed("steps", "make", "when", to=False),
    changed("steps", "use", "resources", to={"requests": None}),
    changed("volumes", "key", "mode", to="400"),
]


@pytest.mark.parametrize("document", FINE)
def test_good_documents(document: Any) -> None:
    """What the language allows is accepted by the checker and by both libraries."""
    ours, python, rust = checkers()
    assert (ours(document), python.is_valid(document), rust.is_valid(document)) == (True, True, True)
    assert problems(document) == []


@pytest.mark.parametrize("document", BAD)
def test_bad_documents(document: Any) -> None:
    """What the language does not allow is refused by the checker and by both libraries, with findings in words."""
    ours, python, rust = checkers()
    assert (ours(document), python.is_valid(document), rust.is_valid(document)) == (False, False, False)
    check_findings(document)


def check_findings(document: Any) -> None:
    """A refusal has findings of the 2xx codes, each at a place that is in the document, in the form that messages have."""
    findings = problems(document)
    assert findings
    assert len({(finding.code, finding.path, finding.at, finding.message) for finding in findings}) == len(findings)
    for finding in findings:
        assert finding.code in CODES
        assert finding.code.startswith("MLC2")
        assert finding.message[0].islower() or finding.message[0] == "`"
        assert not finding.message.endswith(".")
        assert (finding.message + finding.help).isprintable()
        for path in (finding.path, *(related.path for related in finding.related)):
            node: Any = document
            for key in path:
                assert key in (node if isinstance(node, dict) else range(len(node)))
                node = node[key]
        assert finding.path or finding.at == "value"


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**31), 2**31),
    st.floats(-1e6, 1e6).filter(lambda number: not number.is_integer()),
    st.text(max_size=5),
    st.sampled_from(["v1", "a", "a\n", "model", "int", "sh", "1Gi", "0400", "${{ params.lr }}", "Always"]),
)
KEYS = st.one_of(
    st.text(max_size=4),
    st.sampled_from(
        sorted({name for _, node in nodes(SCHEMA) for name in node.get("properties", {})} | {"foreach", "A_b", "a\n", "finally", "x" * 70})
    ),
)
VALUES = st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)), max_leaves=6)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document."""
    yield path
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in entries:
        yield from places(item, (*path, key))


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """The good document with up to three values replaced, removed, renamed or added."""
    document = copy.deepcopy(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(document))[1:] or [()]))
        if not path:
            return document
        holder: Any = document
        for key in path[:-1]:
            holder = holder[key]
        key = path[-1]
        action = draw(st.sampled_from(["replace", "remove", "rename", "add"]))
        if action == "replace":
            holder[key] = draw(VALUES)
        elif action == "remove":
            del holder[key]
        elif isinstance(holder, list):
            holder.append(draw(VALUES))
        elif action == "rename":
            holder[draw(KEYS)] = holder.pop(key)
        else:
            holder[draw(KEYS)] = draw(VALUES)
    return document


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mutated())
def test_validators_agree_on_mutations(document: Any) -> None:
    """On mutated documents the checker, `jsonschema` and `jsonschema_rs` agree, and each refusal is explained."""
    ours, python, rust = checkers()
    accepted = ours(document)
    assert python.is_valid(document) is accepted
    assert rust.is_valid(document) is accepted
    if not accepted:
        check_findings(document)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(VALUES)
def test_validators_agree_on_any_value(document: Any) -> None:
    """The same for values that are no project at all."""
    ours, python, rust = checkers()
    assert ours(document) is python.is_valid(document) is rust.is_valid(document)
    if not ours(document):
        check_findings(document)


class Marked(float):
    """A number that remembers its source text, as the reader makes them."""

    text = "1.50"


class Hex(int):
    """An integer that remembers its source text."""

    text = "0x10"


def test_numbers() -> None:
    """Numbers are finite everywhere; a whole number has no decimal point; subclasses of the reader's count as numbers."""
    assert [kind(value) for value in (True, 1, 1.0, Marked(1.5), Hex(16), float("inf"), float("nan"), (1,))] == [
        *("boolean", "integer", "number", "number", "integer", "", "", "")
    ]
    assert problems(changed("params", "lr", to=Marked(1.5))) == []
    assert problems(changed("steps", "make", "retry", "limit", to=Hex(16))) == []
    limit = ("steps", "make", "retry", "limit")
    [finding] = problems(changed(*limit, to=3.0))
    assert (finding.code, finding.path, finding.help) == ("MLC203", limit, "write a number without a decimal point")
    for value in (float("nan"), float("-inf")):
        [finding] = problems(changed("params", "names", to=[[value]]))
        assert (finding.code, finding.path) == ("MLC203", ("params", "names", 0, 0))
    [finding] = problems(changed("labels", "v", to=Marked(1.5)))
    assert finding.help == 'write it in quotes: `"1.50"`'


# --- the sentences ---------------------------------------------------------------------------------------------------------------

MAKE = ("steps", "make")


@pytest.mark.parametrize(
    ("document", "code", "path", "at", "message", "help"),
    [
        (changed(*MAKE, "gpu", to=1), "MLC201", (*MAKE, "gpu"), "key", "unknown key `gpu` in step `make`", "`gpu` goes under `resources`"),
        (changed("imges", to={}), "MLC201", ("imges",), "key", "unknown key `imges`", "did you mean `images`?"),
        (
            changed("epochs", to=3),
            "MLC201",
            ("epochs",),
            "key",
            "unknown key `epochs`",
            f"a value of your own is one of `params`; the keys of a project: {', '.join(json.loads(schema_text())['properties'])}",
        ),
        (
            changed(*MAKE, "metrics", "f1", "on_miss", to="stop"),
            "MLC204",
            (*MAKE, "metrics", "f1", "on_miss"),
            "value",
            "`on_miss` of metric `f1` of step `make` cannot be `stop`",
            "allowed: `skip`, `fail`",
        ),
        (
            changed(*MAKE, "depends_on", to="x"),
            "MLC201",
            (*MAKE, "depends_on"),
            "key",
            "unknown key `depends_on` in step `make`",
            "did you mean `needs`?",
        ),
        (
            changed("defaults", "gate", to="x"),
            "MLC201",
            ("defaults", "gate"),
            "key",
            "unknown key `gate` in `defaults`",
            "`gate` belongs to one step, it cannot be a default",
        ),
        (
            changed(*MAKE, "params", to={}),
            "MLC201",
            (*MAKE, "params"),
            "key",
            "unknown key `params` in step `make`",
            "`params` belongs at the top level of the file",
        ),
        (changed("gate", to="x"), "MLC201", ("gate",), "key", "unknown key `gate`", "`gate` is a key of a step"),
        (
            changed("volumes", "data", to={"clam": "c"}),
            "MLC201",
            ("volumes", "data", "clam"),
            "key",
            "unknown key `clam` in volume `data`",
            "did you mean `claim`?",
        ),
        (
            changed("images", "train", to={"pull_policy": "Always"}),
            "MLC202",
            ("images", "train"),
            "key",
            "image `train` has no `ref`",
            "add `ref`, for example `ref: acme/train:1.0`",
        ),
        (
            {"mlc": "v1", "name": "a"},
            "MLC202",
            (),
            "value",
            "the project has no `steps`",
            "add `steps`, for example `steps: {train: {image: acme/train:1.0, command: [python, train.py]}}`",
        ),
        (
            changed(*MAKE, "timeout", to=30),
            "MLC203",
            (*MAKE, "timeout"),
            "value",
            "`timeout` of step `make` is the number `30`, expected text",
            "write the unit: `timeout: 30s`",
        ),
        (
            changed("labels", "v", to=1),
            "MLC203",
            ("labels", "v"),
            "value",
            "label `v` is the number `1`, expected text",
            'write it in quotes: `"1"`',
        ),
        (
            changed(*MAKE, "retry", to=3),
            "MLC203",
            (*MAKE, "retry"),
            "value",
            "`retry` of step `make` is the number `3`, expected a mapping",
            "for example `retry: {limit: 3, backoff: {duration: 30s, factor: 2}}`",
        ),
        (
            changed("params", "lr", to=None),
            "MLC203",
            ("params", "lr"),
            "key",
            "parameter `lr` has an empty value",
            "give it a default, or write `{type: int}` (or another type) for a parameter that every run must give",
        ),
        (
            changed("defaults", "image", to=None),
            "MLC203",
            ("defaults", "image"),
            "key",
            "`image` of `defaults` has an empty value",
            "remove the key: an empty value in a step removes what the step would inherit, and defaults inherit nothing",
        ),
        (
            changed(*MAKE, "args", 1, to=[]),
            "MLC203",
            (*MAKE, "args", 1),
            "value",
            "item 2 of `args` of step `make` is a list, expected text, a number or `true` or `false`",
            'for example `"--epochs"`',
        ),
        (
            changed(*MAKE, "shell", to="zsh"),
            "MLC204",
            (*MAKE, "shell"),
            "value",
            "`shell` of step `make` cannot be `zsh`",
            "did you mean `sh`? allowed: `sh`, `bash`, `python`",
        ),
        (
            changed("artifacts", "model", to="blob"),
            "MLC204",
            ("artifacts", "model"),
            "value",
            "artifact `model` cannot be `blob`",
            "allowed: `artifact`, `dataset`, `model`, `metrics`, `classification_metrics`, `html`, `markdown`",
        ),
        (
            changed("steps", "My_Step", to={}),
            "MLC205",
            ("steps", "My_Step"),
            "key",
            "step `My_Step` has a name that is not allowed",
            "use lower case letters, digits and `-`, starting with a letter and ending with a letter or a digit, for example `my-step`",
        ),
        (
            changed("volumes", "key", "mode", to="rw"),
            "MLC205",
            ("volumes", "key", "mode"),
            "value",
            "`mode` of volume `key` cannot be `rw`",
            'for example `mode: "0400"`',
        ),
        (
            changed("name", to="a" * 51),
            "MLC206",
            ("name",),
            "value",
            "`name` has 51 characters",
            "use at most 50 characters",
        ),
        (
            changed(*MAKE, "needs", to=["a", "b", "a"]),
            "MLC206",
            (*MAKE, "needs", 2),
            "value",
            "`a` stands twice in `needs` of step `make`",
            "remove one of them",
        ),
        (
            changed(*MAKE, "retry", "limit", to=-1),
            "MLC206",
            (*MAKE, "retry", "limit"),
            "value",
            "`limit` of `retry` of step `make` is `-1`",
            "use 0 or more",
        ),
        (
            changed("volumes", "data", to={}),
            "MLC207",
            ("volumes", "data"),
            "key",
            "volume `data` has none of `claim`, `size`, `memory`, `empty_dir`, `ephemeral`, `nfs`, `host_path`, `secret` or `config_map`",
            "give exactly one of them",
        ),
        (
            changed("params", "opt", to={"lr": 1, "beta": 2}),
            "MLC207",
            ("params", "opt"),
            "value",
            "parameter `opt` is a mapping without any key of a declaration",
            "write a default that is a mapping as `{type: dict, default: {...}}`",
        ),
        (changed("mlc", to=2), "MLC208", ("mlc",), "value", "unknown language version `2`", "this version of mlc reads `mlc: v1`"),
        (
            changed("volumes", "data", "size", to="1Gi"),
            "MLC209",
            ("volumes", "data", "size"),
            "key",
            "`claim` and `size` exclude each other in volume `data`",
            "keep `claim` or `size`",
        ),
        (
            changed("volumes", "data", "mode", to="0400"),
            "MLC209",
            ("volumes", "data", "mode"),
            "key",
            "`mode` does not go with `claim` in volume `data`",
            "remove `mode` or `claim`",
        ),
        (
            changed(*MAKE, "resources", "limits", to={}),
            "MLC209",
            (*MAKE, "resources", "limits"),
            "key",
            "`cpu` and `limits` exclude each other in `resources` of step `make`",
            "keep `cpu` or `limits`",
        ),
        (
            changed("params", "opt", to={"description": "x"}),
            "MLC209",
            ("params", "opt"),
            "key",
            "parameter `opt` has neither `type` nor `default`",
            "add `type` or `default`",
        ),
    ],
)
def test_sentences(document: Any, code: str, path: tuple[Any, ...], at: str, message: str, help: str) -> None:
    """One mistake gives one finding: its code, its place, what is wrong and what to do."""
    [finding] = problems(document)
    assert (finding.code, finding.path, finding.at, finding.message, finding.help) == (code, path, at, message, help)


SECRET = {"dvc": {"repo": "https://git.test/data.git", "path": "a"}, "tag": "v1"}


@pytest.mark.parametrize(
    ("path", "value", "help"),
    [
        (("datasets",), {"a": {**SECRET, "token": "x"}}, "for example `token: {secret: git-login, key: token}`"),
        (("datasets",), {"a": {**SECRET, "token": {"secret": "x"}}}, "add `key`, for example `key: token`"),
        (("datasets",), {"a": {**SECRET, "ssh_key": "x"}}, "for example `ssh_key: {secret: git-ssh, key: id_ed25519}`"),
        (("code",), {"git": "https://git.test/code.git", "ref": "v1", "token": 1}, "for example `token: {secret: git-login, key: token}`"),
        ((*MAKE, "resources"), {"requests": {"cpu": 1}, "limits": 3}, "for example `limits: {cpu: 4, memory: 8Gi}`"),
        (
            ("store",),
            {"azure": {"endpoint": "https://a.test", "container": "c", "secret": "x"}},
            "for example `secret: {name: azure-storage, key: account-key}`",
        ),
        (("defaults",), 3, "for example `defaults: {command: [python, run.py], retry: {limit: 2}}`"),
    ],
)
def test_examples(path: tuple[str, ...], value: Any, help: str) -> None:
    """An example is that of the key, also where the schema says what the key holds in another place, together with other keys."""
    assert [finding.help for finding in problems(changed(*path, to=value))] == [help]


LATER = "this version of mlc does not have `{}` yet"


@pytest.mark.parametrize(
    ("place", "key", "help"),
    [
        (
            (),
            "namespace",
            "this version of mlc does not have `namespace` yet: choose it when you apply the manifest, with `kubectl -n NAME`",
        ),
        ((), "env", "variables of every step go under `defaults`: `defaults: {env: {NAME: text}}`"),
        ((), "sched", "did you mean `schedule`?"),
        (MAKE, "file", "`file` goes under `resource`"),
        (MAKE, "comand", "did you mean `command`?"),
        (MAKE, "container", "a step is one container: write its `image` and `command` as keys of the step"),
        (MAKE, "environment", "did you mean `env`?"),
        (MAKE, "replicas", "a step runs in one pod, and is over when its program ends"),
        (MAKE, "ports", "a step is a program that ends: mlc runs no servers"),
        (
            MAKE,
            "parameters",
            "declare parameters under `params` at the top level, and use them as `${{ params.NAME }}` in `args` or `env`",
        ),
        (MAKE, "withItems", "did you mean `foreach`?"),
        (MAKE, "nodeSelector", "did you mean `node_selector`?"),
        (("templates", "job"), "withItems", "did you mean `foreach`?"),
        (("templates", "job", "retry"), "attempts", "allowed: `limit`, `backoff`, `on`"),
        (("machines", "gpu"), "nodeSelector", "did you mean `node_selector`?"),
        (("machines", "gpu"), "image", "`image` is a key of a step"),
        (("defaults",), "use", "`use` belongs to one step, it cannot be a default"),
        (("environments", "dev", "steps", "make"), "gate", "`gate` is the same in every environment: write it in the step"),
        (("environments", "dev", "steps", "make"), "dependsOn", "did you mean `needs`?"),
        (("environments", "dev", "defaults"), "comand", "did you mean `command`?"),
        (("environments", "dev"), "artifacts", "`artifacts` belongs at the top level of the file"),
        (("environments", "dev"), "machins", "did you mean `machines`?"),
        (MAKE, "serviceAccountName", "did you mean `service_account`?"),
        (MAKE, "securityContext", "did you mean `security`?"),
        (MAKE, "initContainers", "did you mean `init`?"),
        (MAKE, "imagePullPolicy", "give the image its `pull_policy` under `images`"),
        (MAKE, "imagePullSecrets", "give the image its `pull_secret` under `images`"),
        (MAKE, "pip", "did you mean `packages`, with `shell: python`?"),
        (MAKE, "requirements", "did you mean `packages`, with `shell: python`?"),
        (
            MAKE,
            "secrets",
            "a secret is a variable, `env: {TOKEN: {secret: NAME, key: KEY}}`, "
            "or files, `volumes: {NAME: {secret: NAME}}` at the top level",
        ),
        (MAKE, "entrypoint", "write `command`, or give the image its `entrypoint` under `images`"),
        (MAKE, "volumeMounts", "did you mean `volumes`?"),
        (MAKE, "dependencies", "did you mean `needs`?"),
        (MAKE, "script", "did you mean `run`?"),
        (MAKE, "if", "did you mean `when`?"),
        (MAKE, "\xa0 image", "it starts with U+00A0 (no-break space), which is no indent to YAML: replace it with a space"),
        (("defaults",), "dependsOn", "write `needs` in a step: it cannot be a default"),
        (("volumes", "data"), "mountPath", "a step says where it mounts the volume: `volumes: {NAME: /path}`"),
        ((*MAKE, "metrics", "f1"), "threshold", "say how the number compares: `min`, `max`, `above` or `below`"),
        ((*MAKE, "metrics", "f1"), "gt", "did you mean `above`?"),
        ((*MAKE, "metrics", "f1"), "lte", "did you mean `max`?"),
        (("steps", "use", "resources", "limits"), "nvidia.com/gpu", "did you mean `gpu`?"),
        (("steps", "make", "resources"), "amd.com/gpu", "write it as `gpu: {type: amd.com/gpu, count: 1}`"),
        ((*MAKE, "retry"), "attempts", "allowed: `limit`, `backoff`, `on`"),
        (("targets", "kfp"), "pipeline_root", "allowed: `version`, `ttl`, `deadline`, `storage_class`, `workspace`, `patch`"),
    ],
)
def test_unknown_keys(place: tuple[str, ...], key: str, help: str) -> None:
    """A key of another tool gets the word for it here; one that is like nothing gets the keys that there are, if these are few."""
    [finding] = problems(changed(*place, key, to=1))
    assert (finding.code, finding.path, finding.help) == ("MLC201", (*place, key), help)


@pytest.mark.parametrize(
    ("key", "help"),
    [
        ("pvc", "did you mean `claim`, the name of a claim that exists?"),
        ("persistentVolumeClaim", "did you mean `claim`, the name of a claim that exists?"),
        ("claimName", "did you mean `claim`, the name of a claim that exists?"),
        ("emptyDir", "did you mean `empty_dir`?"),
        ("configMap", "did you mean `config_map`?"),
        ("hostPath", "did you mean `host_path`?"),
    ],
)
def test_kinds_of_volume(key: str, help: str) -> None:
    """A volume of a kind that other tools call otherwise."""
    [finding] = problems(changed("volumes", "data", to={key: "x"}))
    assert (finding.path, finding.help) == (("volumes", "data", key), help)


def test_numbers_where_texts_are() -> None:
    """A metric that is a number is meant as a threshold, a duration lacks its unit; a label of that name is only a text."""
    [metric] = problems(changed(*MAKE, "metrics", "b", to=0.8))
    assert metric.help == "a threshold stands beside the path of the metric: `b: {path: /metrics.json, min: 0.8}`"
    [backoff] = problems(changed(*MAKE, "retry", "backoff", "max", to=600))
    assert backoff.help == "write the unit: `max: 600s`"
    [label] = problems(changed("labels", "timeout", to=600))
    assert label.help == 'write it in quotes: `"600"`'
    commit = {"d": {"git": {"repo": "https://h/x", "path": "p"}, "rev": 1234567}, "e": {"s3": {"uri": "s3://bucket/k", "version": 12}}}
    assert {one.help for one in problems(changed("datasets", to=commit))} == {f'write it in quotes: `"{text}"`' for text in (1234567, 12)}
    [step] = problems(changed("steps", "metrics", to={"timeout": 600}))
    assert step.help == "write the unit: `timeout: 600s`"
    assert problems(5)[0].code == "MLC203"


@pytest.mark.parametrize(
    ("document", "path", "message"),
    [
        (
            {"apiVersion": "v1", "kind": "Workflow", "spec": {}},
            "apiVersion",
            "this is a Kubernetes manifest of kind `Workflow`, not a project",
        ),
        (
            {"pipelineInfo": {}, "deploymentSpec": {}, "root": {}},
            "pipelineInfo",
            "this is a compiled pipeline of Kubeflow Pipelines, not a project",
        ),
    ],
)
def test_manifests_are_no_projects(document: Any, path: str, message: str) -> None:
    """A manifest given as the spec is one mistake, not one for each of its keys."""
    [finding] = problems(document)
    assert (finding.code, finding.path, finding.message) == ("MLC201", (path,), message)
    assert "`mlc init`" in finding.help
    assert len(problems({**GOOD, "apiVersion": "v1", "kind": "x"})) == 2


def test_keys_beside_the_step_they_belong_to() -> None:
    """An empty step followed by keys of a step is one mistake of indentation; what else is wrong is still found."""
    steps = {"a": None, "image": "x", "command": ["y"], "b": {"gpu": 1}, "c": None, "run": {"image": "x"}}
    found = {finding.path: finding for finding in problems({**GOOD, "steps": steps})}
    assert set(found) == {("steps", "a"), ("steps", "b", "gpu"), ("steps", "c")}
    first = found["steps", "a"]
    assert (first.code, first.message) == ("MLC203", "step `a` is empty, and what belongs to it follows at the same level")
    assert first.help == "indent `image` and `command` under `a`"
    assert [related.path for related in first.related] == [("steps", "image")]
    assert found["steps", "c"].message == "step `c` has an empty value"


def test_entries_beside_the_section_they_belong_to() -> None:
    """The same one level up, where the entries wait for their check until they are indented."""
    document = {"mlc": "v1", "name": "x", "params": None, "lr": 1, "steps": None, "a": {"image": "x"}, "b": {"gpu": 1}}
    found = {finding.path: finding.help for finding in problems(document)}
    assert found == {("params",): "indent `lr` under `params`", ("steps",): "indent `a` and `b` under `steps`"}
    [many] = problems({"mlc": "v1", "name": "x", "steps": None, **{f"s{number}": {} for number in range(6)}})
    assert many.help == "indent `s0`, `s1`, `s2`, `s3` and what follows under `steps`"


def test_all_problems_at_once() -> None:
    """Problems in different places are all found in one run, also in the same section."""
    document = changed("sched", to=1)
    document["steps"]["make"].update(timeout=3, retry={}, gpu=1)
    document["steps"]["use"]["needs"] = []
    document["params"]["x_"] = None
    found = {(finding.code, finding.path) for finding in problems(document)}
    assert found == {
        ("MLC201", ("sched",)),
        ("MLC203", (*MAKE, "timeout")),
        ("MLC202", (*MAKE, "retry")),
        ("MLC201", (*MAKE, "gpu")),
        ("MLC206", ("steps", "use", "needs")),
        ("MLC205", ("params", "x_")),
        ("MLC203", ("params", "x_")),
    }


def test_hostile_keys_and_texts_stay_on_one_line() -> None:
    """Control characters and long texts of the user do not reach a message as they are."""
    [finding] = problems(changed("a\x1b[31m\n" + "x" * 100, to=1))
    assert finding.message == "unknown key `a\\x1b[31m\\n" + "x" * 46 + "...`"


def test_deep_documents() -> None:
    """A value nested 150 deep, in a place that allows anything and in places that do not, ends in an answer."""
    deep: Any = 1
    for _ in range(150):
        deep = {"a": [deep]} if len(str(deep)) % 2 else {"a": deep}
    assert problems(changed("params", "conf", "default", to=deep)) == []
    for path in (("defaults", "image"), ("steps", "make", "labels"), ("params", "lr"), ("name",)):
        assert problems(changed(*path, to=deep))


def test_ten_thousand_steps_with_one_mistake() -> None:
    """Only what is wrong goes to the slow library, so one mistake among many good steps is found at once."""
    document = {**GOOD, "steps": {f"s-{index}": GOOD["steps"]["make"] for index in range(10_000)}}
    document["steps"]["s-5000"] = {"gpu": 1}
    [finding] = problems(document)
    assert finding.path == ("steps", "s-5000", "gpu")


def test_checker_and_library_disagree(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that the checker refuses and the library accepts is refused, as a fault of ours."""
    monkeypatch.setattr("mlc.schema._checkers", [lambda _: False])
    [finding] = problems(GOOD)
    assert finding.code == "MLC901"


def test_right_documents_import_no_library() -> None:
    """Validating a right document imports neither a JSON Schema library nor the modules that word errors."""
    code = (
        "import json, sys; from mlc.schema import validate; findings = []; assert validate(json.loads(sys.argv[1]), findings);"
        "slow = {'jsonschema', 'difflib', 'dataclasses', 'typing', 'unicodedata'};"
        "print(sorted(name for name in sys.modules if name in slow or name.startswith('mlc.schema_')))"
    )
    compiler = str(Path(__file__).parent.parent / "compiler")
    command = [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {compiler!r}); {code}", json.dumps(GOOD)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
