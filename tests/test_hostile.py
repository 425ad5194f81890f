"""Promise 7 at the level of manifests: hostile texts and names, everywhere a spec takes them, on both targets.

Each is refused by a code, or kept: then the manifest is searched for it, with the kubelet's and the wrapper's unescaping undone as
they would do it. `golden/hostile.txt` says which, one row a text. (What a process really receives is tested in test_wrapper.py.)
"""

from __future__ import annotations

import json
import keyword
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlc import driver
from mlc.lowering.wrapper import expanded
from mlc.source import SourceFile
from mlc.targets import TARGETS
from tests import support

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .golden import Goldens

VALUES = {
    "tag with arithmetic": "{{=1+1}}",
    "tag of the workflow": "{{workflow.name}}",
    "tag with spaces": "{{ inputs.parameters.x }}",
    "tag of a loop": "{{item}}",
    "unclosed tag": "a {{= b",
    "KFP placeholder": "{{$}}",
    "KFP input": "{{$.inputs.parameters['x']}}",
    "unknown tag": "{{.State}} f{{x}}",
    "closing braces": "a }} b",
    "kubelet variable": "$(HOME)",
    "two dollars": "$$",
    "shell variable": "$HOME ${X} `id`",
    "quotes": 'it\'s a "b" \\ c',
    "lines": "a\nb\n",
    "option": "-x",
    "empty": "",
    "IfPresent": '{"IfPresent":1}',
    "Concat": '{"Concat":["a"]}',
    "YAML words": "y",
    "number-like": "1e3",
    "leading zero": "0123",
    "comment": "a # b",
    "mapping": "a: b",
    "tab and no-break space": "a\tb\u00a0c",
    "not Latin": "한국어 🙂",
    "line separators": "a\u2028b\u0085c",
    "percent and equals": "%s=%n",
    "spaces": "  a  ",
    "control character": "a\x07b",
    "delete": "a\x7fb",
    "tag character": "a\U000e0067b",
}


def spec(place: str, value: str) -> dict[str, Any]:
    """A spec with the text at one place."""
    step: dict[str, Any] = {"image": "a:1", "command": ["prog"]}
    project: dict[str, Any] = {"mlc": "v1", "name": "demo", "steps": {"s": step}}
    if place == "args":
        step["args"] = [value]
    elif place == "env":
        step["env"] = {"A": value}
    elif place == "mixed":
        project["params"] = {"q": {"type": "string", "default": "q"}}
        step["args"] = [value + "${{ params.q }}"]
    elif place == "cache key":
        step["cache"] = {"key": value}
    elif place == "param text":
        project["params"] = {"p": {"type": "string", "default": "a", "description": value}}
    elif place == "script":
        step.pop("command")
        step["run"] = f"echo {value}"
    elif place == "default":
        project["params"] = {"p": {"type": "string", "default": value}}
        step["args"] = ["--p=${{ params.p }}"]
    elif place == "choice":
        project["params"] = {"p": {"type": "string", "default": "a", "choices": ["a", value]}}
        step["args"] = ["${{ params.p }}"]
    elif place == "when":
        project["params"] = {"p": {"type": "string", "default": "a"}}
        quoted = value.replace("'", "''")
        step["when"] = f"params.p == '{quoted}'"
    elif place == "image":
        project["params"] = {"p": {"type": "string", "default": value}}
        step["image"] = "${{ params.p }}"
    elif place in ("claim", "run label"):
        project["params"] = {"p": {"type": "string", "default": value}}
        if place == "claim":
            project["volumes"] = {"v": {"claim": "${{ params.p }}"}}
            step["volumes"] = {"v": "/v"}
        else:
            step["labels"] = {"a": "${{ params.p }}"}
    elif place in ("item", "item list"):
        step["foreach"] = {"v": [value] if place == "item" else [[value]]}
        step["args"] = ["${{ each.v }}"]
    elif place == "label":
        step["labels"] = {"a": value}
    elif place == "toleration":
        step["tolerations"] = [{"key": "a", "value": value}]
    elif place == "node label":
        step["node_selector"] = {"a": value}
    elif place == "node affinity":
        rule = {"key": "a", "operator": "In", "values": [value]}
        step["affinity"] = {"node_affinity": {"required": [{"match_expressions": [rule]}]}}
    elif place == "overlay":
        project["environments"] = {"e": {"steps": {"s": {"args": [value]}}}}
    elif place == "metric key":
        step["metrics"] = {"m": {"path": "/m.json", "key": [value], "min": 1}}
        project["steps"]["t"] = {"image": "a:1", "command": ["prog"], "gate": "s"}
    elif place == "patch":
        change = {"step": "s", "merge": {"container": {"env": [{"name": "A", "value": value}]}}}
        project["targets"] = {"argo": {"patch": [change]}, "kfp": {"patch": [change]}}
    elif place == "sidecar args":
        step["sidecars"] = {"beside": {"image": "a:1", "command": ["prog"], "args": [value]}}
    elif place == "init env":
        step["init"] = {"before": {"image": "a:1", "command": ["prog"], "env": {"A": value}}}
    elif place == "init script":
        step["init"] = {"before": {"image": "a:1", "run": f"echo {value}"}}
    else:
        step[place] = {"annotations": {"a": value}}.get(place, value)
    return project


PLACES = (
    "args", "env", "mixed", "script", "default", "choice", "when", "metric key", "cache key",
    "title", "description", "param text", "label", "annotations", "toleration", "node label", "node affinity", "overlay",
    "sidecar args", "init env", "init script", "image", "claim", "run label", "item", "item list", "patch",
)  # fmt: skip
PASSES = {
    "argo": {"args": 1, "env": 1, "overlay": 1, "sidecar args": 1, "init env": 1, "init script": 1, "script": 1},
    "kfp": dict.fromkeys(PLACES, 1)
    | dict.fromkeys(("args", "env", "mixed", "script", "overlay", "item", "item list"), 2)
    | {"param text": 0, "patch": 0},
}
"""How many kubelets read a text on its way. Argo: the pod's own, for command, args and env, and for a
script that of the executor, which gets the template as a variable (controller/workflowpod.go). KFP: the driver's too, which gets the IR as
arguments (argocompiler/container.go); what becomes of the container is read by the step's. What describes a param is shown from the
stored IR: of the copy that drivers get they read types and defaults (driver/resolve.go). A patch is printed as it is written, for whoever
reads it then."""


def strings(node: Any) -> Iterator[str]:
    """Every text of a manifest, and every pair of a mapping that could hold a default that is no text."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield str(key)
            yield from strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value)
    elif isinstance(node, str):
        yield node


def kubelet(text: str, passes: int) -> str:
    """What kubelets make of a text: `$$` is `$`, `$(NAME)` something else (third_party/forked/golang/expansion)."""
    for _ in range(passes):
        text = re.sub(r"\$(\$|\([^)]*\))", lambda match: "$" if match[1] == "$" else "<expanded>", text)
    return text


def word(text: str) -> str:
    """What the wrapper makes of a positional: `=` is cut off, after `%` come escapes of `printf %b`."""
    if text.startswith("="):
        return text[1:]
    if text.startswith("%"):
        return re.sub(r"\\0([0-7]{1,3})|\\(\\)", lambda match: match[2] or chr(int(match[1], 8)), text[1:])
    return text


def literals(text: str) -> set[str]:
    """The string literals of an expression of Argo or CEL, joined where they are added."""
    found = set()
    for run in re.findall(r"'(?:[^'\\]|\\.)*'(?:\s*\+\s*'(?:[^'\\]|\\.)*')*", text, re.DOTALL):
        parts = re.findall(r"'((?:[^'\\]|\\.)*)'", run, re.DOTALL)
        found.add("".join(_undo(part) for part in parts))
    return found


def _undo(text: str) -> str:
    named = {"n": "\n", "r": "\r", "t": "\t"}

    def one(match: re.Match[str]) -> str:
        code = match[1]
        return named[code] if code in named else chr(int(code[1:], 16)) if code[0] in "xuU" and len(code) > 1 else code

    return re.sub(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", one, text, flags=re.DOTALL)


def _mark(result: driver.Result) -> Any:
    """What tells the results of a cached step apart on KFP."""
    return next(yaml.safe_load_all(result.outputs[0].text))["root"]["dag"]["tasks"]["s"]["inputs"]["parameters"]["x-cache"]


def fate(place: str, value: str, target: str) -> str:
    """`kept`, `hashed` where only what is made of it is there, `left out`, or the codes that refuse it."""
    text = json.dumps(spec(place, value), ensure_ascii=False).replace("\x7f", "\\u007f")
    result = driver.compile_source(SourceFile("spec.yaml", text), (target,), (), "e" if place == "overlay" else "")
    if not result.outputs:
        return " ".join(sorted({item.code for item in result.diagnostics if item.severity == "error"}))
    assert place == "patch" or support.unsound(result) == []  # which may say what no self-check knows
    found = list(strings(list(yaml.safe_load_all(result.outputs[0].text))))
    wanted = f"echo {value}" if place.endswith("script") else value
    if place == "mixed":
        wanted += "{{$.inputs.parameters['q']}}"
    if place == "env" and target == "kfp" and expanded(value):
        wanted = f"A={value}"  # an argument of `env`
    if place == "cache key" and target == "kfp":
        assert value not in found
        assert _mark(result) != _mark(driver.compile_source(SourceFile("spec.yaml", json.dumps(spec(place, "another"))), (target,)))
        return "hashed"
    arrived = [kubelet(one, PASSES[target].get(place, 0)) for one in found]
    if place.startswith("item"):
        arrived += [text for one in arrived if one.startswith("[") and one.endswith("]") for text in strings(json.loads(one))]
    if wanted in arrived or wanted in map(word, arrived) or any(wanted in literals(one) for one in arrived):
        return "kept"
    if place == "mixed" and any(value in literals(one) for one in arrived):
        return "kept"  # on Argo the two are put together in an expression
    assert not value, (place, value, target, result.outputs[0].text)
    return "left out"


def test_hostile_texts(goldens: Goldens) -> None:
    """The table of texts, places and targets."""
    lines = [
        "What becomes of odd texts: kept to the letter, hashed, refused by a code, or (empty ones) left out; argo / kfp where they differ.",
        "",
    ]
    for name, value in VALUES.items():
        lines.append(f"{name}: {json.dumps(value, ensure_ascii=True)}")
        for place in PLACES:
            fates = [fate(place, value, target) for target in TARGETS]
            assert all(fates)
            lines.append(f"  {place:12} {fates[0] if fates[0] == fates[1] else ' / '.join(fates)}")
        lines.append("")
    goldens.check("hostile.txt", "\n".join(lines))


EXPR = "in not and or matches contains let if else nil true false startsWith endsWith split filter map all none count any len type".split()
CEL = """in true false null as break const continue else for function if import let loop package namespace return var void while
size matches""".split()
YAML_1_1 = "y Y yes Yes n N no No on On off Off true True null Null".split()
NAMES = sorted({*EXPR, *CEL, *YAML_1_1, *keyword.kwlist})


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", NAMES)
def test_hostile_names(name: str, target: str) -> None:
    """A keyword of any language below us, as the name of everything a spec names: refused by name, or there in the manifest."""
    project = {
        "mlc": "v1",
        "name": "demo",
        "params": {name: 1},
        "steps": {
            name.lower(): {
                "image": "a:1",
                "command": ["prog", f"${{{{ params.{name} }}}}"],
                "outputs": {name: "/out"},
                "values": {f"{name}-v": {"path": "/v", "type": "int"}},
                "metrics": {f"{name}-m": {"path": "/m", "min": 1}},
                "env": {name: "x"},
            },
            "after": {
                "image": "a:1",
                "command": ["prog"],
                "gate": name.lower(),
                "when": f"steps.{name.lower()}.values.{name}-v > params.{name}",
                "inputs": {name: "/in"},
            },
        },
    }
    result = driver.compile_source(SourceFile("spec.yaml", json.dumps(project)), (target,))
    if not result.outputs:
        assert {item.code for item in result.diagnostics if item.severity == "error"} <= {"MLC205", "MLC307", "MLC310", "MLC402"}
        return
    assert support.unsound(result) == []
    documents = list(yaml.safe_load_all(result.outputs[0].text))
    assert name.lower() in set(strings(documents))
    for document in documents:
        for one in strings(document):
            assert isinstance(one, str)
    tasks = (
        {task["name"] for template in documents[0]["spec"]["templates"] for task in template.get("dag", {}).get("tasks", ())}
        if target == "argo"
        else set(documents[0]["root"]["dag"]["tasks"])
    )
    assert tasks == {name.lower(), "after"}
