"""Steps that do something to a Kubernetes object: what they may say, and the manifest that reaches `kubectl`."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support import check, manifests, step

MAP = "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}}"


def one(resource: str, keys: str = "", head: str = "") -> str:
    """A project of one step."""
    return f"{head}\nsteps: {{a: {{resource: {{{resource}}}{keys}}}}}"


def errors(body: str, *targets: str) -> list[tuple[str, str]]:
    """Code and place of what is wrong."""
    return [(item.code, ".".join(map(str, item.path))) for item in check(body, targets) if item.severity == "error"]


def template(body: str, name: str = "a") -> dict[str, Any]:
    """A step's template for Argo."""
    found: dict[str, Any] = next(one for one in manifests(body, "argo")[0]["spec"]["templates"] if one["name"] == name)
    return found


def test_template() -> None:
    """Metadata, retry, time and account are the pod's; there is no container."""
    keys = ", title: T, timeout: 5m, retry: {limit: 1}, labels: {x: y}, service_account: s, node_selector: {a: b}"
    body = one(f"action: patch, manifest: {MAP}, success: 'a.b == c, !d', failure: 'e in (f, g)'", keys)
    found = template(body)
    assert json.loads(found.pop("resource").pop("manifest")) == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}}
    assert found == {
        "name": "a",
        "metadata": {"labels": {"x": "y"}, "annotations": {"mlc/title": "T"}},
        "retryStrategy": {"limit": "1", "retryPolicy": "OnFailure"},
        "activeDeadlineSeconds": 300,
        "nodeSelector": {"a": "b"},
        "serviceAccountName": "s",
    }
    assert template(body)["resource"] | {"manifest": ""} == {
        "action": "patch",
        "manifest": "",
        "successCondition": "a.b == c, !d",
        "failureCondition": "e in (f, g)",
    }


@pytest.mark.parametrize(
    "text", ["$(HOME) $$ $x", "{{workflow.name}}", "{{=1}} }} {{", "{{{", 'a "b" \\ c\n\t', "\x7f 한 🙂", "- x: y", "", "{}"]
)
def test_constants_arrive(text: str) -> None:
    """Any text is the same text for `kubectl`: neither the controller nor a kubelet finds anything to replace in it."""
    tree = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"k": text, f"key {text}": [text]}}
    manifest = json.dumps(tree, ensure_ascii=False).replace("\x7f", "\\u007f")
    written = template(f"steps:\n  a:\n    resource: {{action: apply, manifest: {manifest}}}")["resource"]["manifest"]
    assert "$" not in written
    assert "{{" not in written
    assert json.loads(written)["data"] == {"k": text, f"key {text}": [text]}


def test_types() -> None:
    """What is not a text stays as it is, empty collections and nothing too."""
    data: dict[str, Any] = {"a": 1, "b": 1.5, "c": True, "d": None, "e": {}, "f": [], "g": [[1], {"h": "i"}]}
    manifest = json.dumps({"apiVersion": "v1", "kind": "X", "metadata": {"name": "m"}, "spec": data})
    assert json.loads(template(one(f"action: apply, manifest: {manifest}"))["resource"]["manifest"])["spec"] == data


def test_expressions() -> None:
    """An expression alone has the type of its value, text around one makes a text; each is written as JSON by the task's argument."""
    body = """
    params: {s: {type: string, default: x}, n: 1, f: 0.5, b: true, l: [1], d: {type: dict, default: {a: 1}}}
    steps:
      make: {image: 'x:1', command: t, values: {v: /v}, metrics: {m: /m}}
      a:
        resource:
          action: apply
          manifest:
            apiVersion: v1
            kind: X
            metadata: {name: "x-${{ run.id }}"}
            spec: ["${{ params.s }}", "${{ params.n }}", "${{ params.f }}", "${{ params.b }}", "${{ params.l }}", "${{ params.d }}"]
            more: {v: "${{ steps.make.values.v }}", m: "${{ steps.make.metrics.m }}", again: "${{ params.s }}"}
    """
    assert step(body, "a").after == ("make",)
    found = template(body)
    names = [port["name"] for port in found["inputs"]["parameters"]]
    assert names == ["manifest-name", "s", "n", "f", "b", "l", "d", "v", "m"]
    assert re.findall(r"\{\{inputs\.parameters\.([-\w]+)\}\}", found["resource"]["manifest"]) == [*names, "s"]
    task = next(one for one in template(body, "entrypoint")["dag"]["tasks"] if one["name"] == "a")
    given = {one["name"]: one["value"] for one in task["arguments"]["parameters"]}
    assert given["manifest-name"].startswith("{{= replace(replace(toJson('x-' + workflow.uid), '$', ")
    assert given["s"].startswith("{{= replace(replace(toJson(workflow.parameters['s']), '$', ")
    assert [given[name].split("(")[0] for name in ("n", "f", "b", "m")] == ["{{= toJson", "{{= toJson", "{{= ", "{{= toJson"]
    assert "toJson(asInt(" in given["n"]
    assert "toJson(asFloat(" in given["f"]
    assert "toJson(fromJSON(" in given["d"]


def test_defaults_about_programs_do_not_reach_it() -> None:
    """What lies under every step and is about a program, or a pod's containers, is not inherited; what is about any step is."""
    body = f"""
    volumes: {{v: {{claim: c}}}}
    machines: {{m: {{resources: {{cpu: 1}}}}}}
    defaults:
      image: x:1
      command: t
      env: {{A: b}}
      volumes: {{v: /v}}
      resources: {{memory: 1Gi}}
      security: {{run_as_user: 1}}
      sidecars: {{s: {{image: 'y:1', command: s}}}}
      machine: m
      cache: false
      retry: {{limit: 2}}
      labels: {{a: b}}
      service_account: base
    steps:
      b: {{}}
      a: {{needs: b, resource: {{action: apply, manifest: {MAP}}}}}
    """
    found = step(body, "a")
    assert (found.image.ref, found.env, found.mounts, found.resources, found.security, found.beside) == ("", (), (), (), None, ())
    assert (found.labels, found.service_account, found.after) == ({"a": "b"}, "base", ("b",))
    assert found.retry is not None


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (one(f"action: apply, manifest: {MAP}", ", image: 'x:1'"), [("MLC209", "steps.a.image")]),
        (one(f"action: apply, manifest: {MAP}", ", outputs: {o: /o}"), [("MLC209", "steps.a.outputs")]),
        (one(f"action: delete, manifest: {MAP}, failure: a"), [("MLC209", "steps.a.resource.failure")]),
        (one(f"action: run, manifest: {MAP}"), [("MLC204", "steps.a.resource.action")]),
        (one("action: apply"), [("MLC202", "steps.a.resource")]),
        (one("action: apply, file: x.yaml"), [("MLC342", "steps.a.resource.file")]),
        (one("action: apply, manifest: 'kind: X'"), [("MLC203", "steps.a.resource.manifest")]),
        (one("action: apply, manifest: {kind: X, metadata: {name: m}}"), [("MLC334", "steps.a.resource.manifest")]),
        (
            one("action: apply, manifest: {apiVersion: v1, kind: X, metadata: {generateName: m-}}"),
            [("MLC334", "steps.a.resource.manifest")],
        ),
        (one("action: create, manifest: {apiVersion: v1, kind: X, metadata: {generateName: m-}}"), []),
        (one("action: apply, manifest: {apiVersion: v1, kind: X, metadata: m}"), [("MLC334", "steps.a.resource.manifest")]),
        (
            one(f"action: apply, manifest: {MAP[:-1]}, data: {{a: '${{{{ params.q }}}}'}}}}"),
            [("MLC303", "steps.a.resource.manifest.data.a")],
        ),
        (one(f"action: apply, manifest: {MAP[:-1]}, '${{{{ run.id }}}}': 1}}"), [("MLC311", "steps.a.resource.manifest.${{ run.id }}")]),
        (one(f"action: apply, manifest: {MAP}, success: '${{{{ run.id }}}}'"), [("MLC311", "steps.a.resource.success")]),
        (one(f"action: apply, manifest: {MAP}", ", service_account: Big"), [("MLC323", "steps.a.service_account")]),
    ],
)
def test_wrong_resources(body: str, found: list[tuple[str, str]]) -> None:
    """Keys, names and expressions."""
    assert errors(body) == found


@pytest.mark.parametrize(
    ("text", "right"),
    [
        *(
            (text, True)
            for text in ("a", "!a", "a.b=c", "a == b", "a!=b", "a=", "a > 3", "a<-1", "a in (b, c)", "a notin (b)", "x.io/a = b")
        ),
        *((text, True) for text in ("status.phase == Running, status.n > 0", "a in (b,c), d", "a in (b,c),d notin (e)", "a in ()")),
        *(
            (text, False)
            for text in ("a >= 1", "a && b", "a = 'b'", "a > b", "a > 1.5", "a,", "a in b", "a in (b", "(a)", "a b", "a == b c")
        ),
        *((text, False) for text in ("{{= 1 }}", "a == $(B)", "a == " + "b" * 64)),
    ],
)
def test_conditions(text: str, right: bool) -> None:
    """Label selectors, as Kubernetes parses them."""
    assert errors(one(f"action: apply, manifest: {MAP}, success: {json.dumps(text)}")) == (
        [] if right else [("MLC333", "steps.a.resource.success")]
    )


def test_kfp() -> None:
    """There are programs only, and nothing else is said about the step."""
    assert errors(one(f"action: apply, manifest: {MAP}"), "kfp") == [("MLC401", "steps.a.resource")]
