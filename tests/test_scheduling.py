"""`node_selector`, `tolerations`, `affinity`: checked as the API server does, and there on both targets."""

from __future__ import annotations

from typing import Any

import pytest

from .support import check, manifests

STEP = "steps:\n  s:\n    image: a:1\n    command: [x]\n"


def argo(keys: str) -> dict[str, Any]:
    """The template of a step on Argo."""
    (manifest,) = manifests(STEP + keys, "argo")
    template: dict[str, Any] = manifest["spec"]["templates"][1]
    return template


def kfp(keys: str) -> dict[str, Any]:
    """The Kubernetes settings of a step on KFP."""
    settings: dict[str, Any] = manifests(STEP + keys, "kfp")[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-s"]
    return settings


def test_older_backends() -> None:
    """KFP before 2.14 passes over node affinity, so it is refused for them."""
    keys = "    affinity: {node_affinity: {required: [{match_expressions: [{key: a, operator: Exists}]}]}}\n"
    assert [one.code for one in check(STEP + keys, ("kfp@2.5",))] == ["MLC413"]
    assert check(STEP + keys, ("kfp@2.14",)) == ()


TOLERATIONS = """
    tolerations:
      - {key: gpu, operator: Exists, effect: NoSchedule}
      - {key: spot, value: "yes", effect: NoExecute, toleration_seconds: 0}
      - {operator: Exists}
"""


def test_tolerations() -> None:
    """As written; what is left out stays out; zero seconds are some."""
    expected: list[dict[str, Any]] = [
        {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "spot", "value": "yes", "effect": "NoExecute", "tolerationSeconds": 0},
        {"operator": "Exists"},
    ]
    assert argo(TOLERATIONS)["tolerations"] == expected
    expected[1]["tolerationSeconds"] = "0"  # int64 in JSON
    assert kfp(TOLERATIONS)["tolerations"] == expected


NODES = """
    node_selector: {zone: "1", spot: "true"}
    affinity:
      node_affinity:
        required:
          - match_expressions: [{key: a, operator: In, values: [x, y]}, {key: n, operator: Lt, values: ["3"]}]
            match_fields: [{key: metadata.name, operator: In, values: [node]}]
          - match_expressions: [{key: b, operator: Exists}]
        preferred:
          - {weight: 7, preference: {match_expressions: [{key: c, operator: NotIn, values: [""]}]}}
"""


def test_nodes() -> None:
    """Labels are texts; terms keep their order; KFP tells the preferred ones by their weight."""
    first = {
        "matchExpressions": [{"key": "a", "operator": "In", "values": ["x", "y"]}, {"key": "n", "operator": "Lt", "values": ["3"]}],
        "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node"]}],
    }
    second = {"matchExpressions": [{"key": "b", "operator": "Exists"}]}
    preferred = {"matchExpressions": [{"key": "c", "operator": "NotIn", "values": [""]}]}
    template = argo(NODES)
    assert template["nodeSelector"] == {"zone": "1", "spot": "true"}
    assert template["affinity"] == {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [first, second]},
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 7, "preference": preferred}],
        }
    }
    settings = kfp(NODES)
    assert settings["nodeSelector"] == {"labels": {"zone": "1", "spot": "true"}}
    assert settings["nodeAffinity"] == [first, second, {**preferred, "weight": 7}]


PODS = """
    affinity:
      pod_affinity:
        required: [{topology_key: host, label_selector: {match_labels: {a: b}}, namespaces: [n], namespace_selector: {}}]
      pod_anti_affinity:
        preferred: [{weight: 100, pod_affinity_term: {topology_key: zone, label_selector: {}}}]
"""


def test_pods() -> None:
    """On Argo; an empty selector, which means all, stays. KFP's driver does not read them: refused, each kind."""
    near = {"topologyKey": "host", "labelSelector": {"matchLabels": {"a": "b"}}, "namespaces": ["n"], "namespaceSelector": {}}
    far = {"weight": 100, "podAffinityTerm": {"topologyKey": "zone", "labelSelector": {}}}
    assert argo(PODS)["affinity"] == {
        "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [near]},
        "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [far]},
    }
    found = check(STEP + PODS, ("kfp",))
    assert [(one.code, one.path[-1]) for one in found] == [("MLC401", "pod_affinity"), ("MLC401", "pod_anti_affinity")]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("tolerations: [{}]", ["MLC207"]),
        ("tolerations: [{key: a, operator: exists}]", ["MLC204"]),
        ("tolerations: [{key: a, effect: NoExecute, toleration_seconds: -1}]", ["MLC206"]),
        ("tolerations: [{key: a/b/c}]", ["MLC323"]),
        ("tolerations: [{key: a, operator: Exists, value: ''}]", []),
        ("tolerations: [{value: x}]", ["MLC329"]),
        ("tolerations: [{key: a, effect: NoSchedule, toleration_seconds: 5}]", ["MLC329"]),
        ("node_selector: {a: 1}", ["MLC203"]),
        ("node_selector: {'-a': x, b: 'x y'}", ["MLC323", "MLC323"]),
        ("node_selector: {mlc/kind: x}", []),  # a label of the node, which is nobody's but the node's
        ("node_selector: {a: '${{ run.id }}'}", ["MLC311"]),
        ("affinity: {}", ["MLC207"]),
        ("affinity: {node_affinity: {}}", ["MLC207"]),
        ("affinity: {node_affinity: {required: [{}]}}", ["MLC207"]),
        ("affinity: {node_affinity: {required: []}}", ["MLC206"]),
        (
            "affinity: {node_affinity: {preferred: [{weight: 0, preference: {match_expressions: [{key: a, operator: Exists}]}}]}}",
            ["MLC206"],
        ),
        ("affinity: {node_affinity: {required: [{match_expressions: [{key: a, operator: Gt, values: ['1', '2']}]}]}}", ["MLC329"]),
        ("affinity: {node_affinity: {required: [{match_expressions: [{key: a, operator: Lt, values: ['-1']}]}]}}", ["MLC329"]),
        ("affinity: {node_affinity: {required: [{match_expressions: [{key: a, operator: In, values: ['${{ run.id }}']}]}]}}", ["MLC311"]),
        ("affinity: {pod_affinity: {required: [{topology_key: a b, label_selector: {}}]}}", ["MLC323"]),
        ("affinity: {pod_affinity: {required: [{label_selector: {}}]}}", ["MLC202"]),
        ("affinity: {pod_affinity: {required: [{topology_key: a, label_selector: {match_labels: {a: b c}}}]}}", ["MLC323"]),
        ("affinity: {pod_affinity: {required: [{topology_key: a, label_selector: {}, namespaces: ['${{ run.id }}']}]}}", ["MLC311"]),
    ],
)
def test_what_the_api_server_refuses(keys: str, expected: list[str]) -> None:
    """Is refused before the run starts."""
    assert [one.code for one in check(f"{STEP}    {keys}\n")] == expected


@pytest.mark.parametrize(
    ("keys", "help"),
    [
        ("nodeSelector: {a: b}", "did you mean `node_selector`?"),
        ("tolerations: [{key: a, tolerationSeconds: 5}]", "did you mean `toleration_seconds`?"),
        ("affinity: {nodeAffinity: {}}", "did you mean `node_affinity`?"),
        ("affinity: {node_affinity: {requiredDuringSchedulingIgnoredDuringExecution: {}}}", "did you mean `required`?"),
        ("affinity: {pod_affinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}", "did you mean `preferred`?"),
        ("affinity: {node_affinity: {required: [{matchExpressions: []}]}}", "did you mean `match_expressions`?"),
    ],
)
def test_words_of_kubernetes(keys: str, help: str) -> None:
    """What is pasted from a manifest gets the word for it here."""
    assert [(one.code, one.help) for one in check(f"{STEP}    {keys}\n") if one.code == "MLC201"] == [("MLC201", help)]
