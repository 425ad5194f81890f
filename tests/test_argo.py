"""The Argo target: the whole Workflow, the ConfigMap of the store, and what is refused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlc import infra
from mlc.targets import argo
from tests import support
from tests.oracles.argolint import problems

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlc.diagnostics.model import Finding

BRACES = "contains ('{' + '{')"
FLOAT = "'^-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?$'"
HELLO = "steps:\n  a: {image: acme/a:1, command: [run]}\n"


def compile_one(body: str) -> dict[str, Any]:
    """The Workflow of a small spec, read back from the YAML."""
    (workflow,) = support.manifests(body, "argo")
    assert isinstance(workflow, dict)
    return workflow


def template(body: str, name: str = "a") -> dict[str, Any]:
    """One template of a small spec."""
    found: dict[str, dict[str, Any]] = {one["name"]: one for one in compile_one(body)["spec"]["templates"]}
    return found[name]


def task(body: str, name: str = "a") -> dict[str, Any]:
    """One task of a small spec."""
    found: dict[str, dict[str, Any]] = {one["name"]: one for one in template(body, "entrypoint")["dag"]["tasks"]}
    return found[name]


def check(body: str) -> list[Finding]:
    """What the target finds in a spec that is valid otherwise."""
    findings: list[Finding] = []
    argo.check(support.pipeline(body), findings)
    return findings


# --- the Workflow -------------------------------------------------------------------------------------------------------------


def test_smallest_workflow() -> None:
    """Nothing is there that the spec does not ask for."""
    assert compile_one(HELLO) == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "demo-"},
        "spec": {
            "entrypoint": "entrypoint",
            "templates": [
                {"name": "entrypoint", "dag": {"failFast": False, "tasks": [{"name": "a", "template": "a"}]}},
                {"name": "a", "container": {"image": "acme/a:1", "command": ["run"]}},
            ],
        },
    }


def test_identity() -> None:
    """Labels and annotations are the Workflow's; the description goes where the UI looks, unless the project took that place."""
    head = "mlc: v1\nname: demo\ndescription: It learns\nlabels: {team: vision}\nannotations: {owner: me}\n"
    assert compile_one(head + HELLO)["metadata"] == {
        "generateName": "demo-",
        "labels": {"team": "vision"},
        "annotations": {"owner": "me", "workflows.argoproj.io/description": "It learns"},
    }
    taken = head.replace("{owner: me}", "{workflows.argoproj.io/description: mine}")
    assert compile_one(taken + HELLO)["metadata"]["annotations"] == {
        "workflows.argoproj.io/description": "mine",
        "mlc/description": "It learns",
    }


def test_parameters() -> None:
    """Values are texts; what has no default must be supplied; choices and booleans are enums; types and limits can be read."""
    body = """
        params:
          epochs: {default: 10, description: How often, min: 1, max: 100}
          lr: 1e-5
          stage: {type: string, choices: [dev, prod]}
          fast: true
          name: x
          layers: [2, 4]
        steps:
          a: {image: acme/a:1, command: [run]}
        """
    assert compile_one(body)["spec"]["arguments"]["parameters"] == [
        {"name": "epochs", "description": "How often (int from 1 to 100)", "value": "10"},
        {"name": "lr", "description": "(float)", "value": "1e-5"},
        {"name": "stage", "valueFrom": {"supplied": {}}, "enum": ["dev", "prod"]},
        {"name": "fast", "description": "(bool)", "value": "true", "enum": ["true", "false"]},
        {"name": "name", "value": "x"},
        {"name": "layers", "description": "(list)", "value": "[2,4]"},
    ]


def test_order_and_gate() -> None:
    """A step waits for success of all before it; a gate is an expression on the task; a skipped gate skips what follows."""
    body = """
        params: {baseline: 0.8}
        steps:
          train-it: {image: acme/a:1, command: [run], metrics: {acc: {path: /acc, above: "${{ params.baseline }}", max: 1}}}
          other: {image: acme/a:1, command: [run]}
          deploy: {image: acme/a:1, command: [run], gate: train-it, needs: other}
        """
    assert task(body, "deploy") == {
        "name": "deploy",
        "template": "deploy",
        "depends": "train-it.Succeeded && other.Succeeded",
        "when": "{{= all([(fromJSON(tasks['train-it'].outputs.parameters['acc']) + 0) > "
        "(fromJSON(workflow.parameters['baseline']) + 0), fromJSON(tasks['train-it'].outputs.parameters['acc']) <= 1], #) }}",
    }
    assert template(body, "train-it")["metadata"]["annotations"] == {"mlc/metrics": "acc > params.baseline and <= 1"}
    assert template(body, "train-it")["outputs"] == {"parameters": [{"name": "acc", "valueFrom": {"path": "/acc"}}]}


def test_artifacts_flow_by_name() -> None:
    """Outputs are stored as they are and given to the consumer, who can read them whatever user it runs as."""
    body = """
        artifacts: {model: model}
        steps:
          a: {image: acme/a:1, command: [run], outputs: {model: /out/m, log: /out/l}}
          b: {image: acme/a:1, command: [run], inputs: {model: /in/m}}
        """
    assert template(body)["outputs"]["artifacts"] == [
        {"name": "model", "path": "/out/m", "archive": {"none": {}}},
        {"name": "log", "path": "/out/l", "archive": {"none": {}}},
    ]
    assert template(body)["metadata"]["annotations"] == {"mlc/types": "model=model"}
    assert template(body, "b")["inputs"] == {"artifacts": [{"name": "model", "path": "/in/m", "mode": 0o755, "recurseMode": True}]}
    assert task(body, "b")["arguments"] == {"artifacts": [{"name": "model", "from": "{{tasks.a.outputs.artifacts.model}}"}]}


def test_outputs_of_one_file_name_do_not_overwrite_each_other() -> None:
    """Argo's key ends in the file's name: outputs that share it are packed, as is one that is called like the pod's log."""
    body = "steps:\n  a: {image: acme/a:1, command: [run], outputs: {x: /a/m.bin, y: /b/m.bin, z: /c/main.log, w: /w}}\n"
    archives = {port["name"]: port["archive"] for port in template(body)["outputs"]["artifacts"]}
    assert archives == {"x": {"tar": {}}, "y": {"tar": {}}, "z": {"tar": {}}, "w": {"none": {}}}


def test_promised_folders() -> None:
    """`/mlc/outputs` is there for a step that writes below it; other folders, and a volume of the user's there, are not made twice."""
    body = "steps:\n  a: {image: acme/a:1, command: [run], outputs: [model], values: {v: /tmp/v}}\n"
    assert template(body)["volumes"] == [{"name": "x-outputs", "emptyDir": {}}]
    assert template(body)["container"]["volumeMounts"] == [{"name": "x-outputs", "mountPath": "/mlc/outputs"}]
    own = "volumes: {m: {memory: 1Gi}}\n" + body.replace("command: [run],", "command: [run], volumes: {m: /mlc},")
    assert "volumes" not in template(own)
    assert template(own)["container"]["volumeMounts"] == [{"name": "m", "mountPath": "/mlc"}]


def test_scripts() -> None:
    """A script is Argo's own script template; with args it is an artifact, for Argo would append its path after them."""
    plain = "steps:\n  a: {image: acme/a:1, run: 'echo $HOME $$ {{x}}'}\n"
    assert template(plain)["script"] == {"image": "acme/a:1", "command": ["sh", "-e"], "source": "echo $$HOME $$$$ {{x}}"}
    args = "steps:\n  a: {image: acme/a:1, shell: bash, run: 'echo $1', args: [$x]}\n"
    assert template(args)["container"] == {
        "image": "acme/a:1",
        "command": ["bash", "-eo", "pipefail", "/argo/staging/script"],
        "args": ["$$x"],
    }
    assert template(args)["inputs"] == {
        "artifacts": [{"name": "x-script", "path": "/argo/staging/script", "raw": {"data": "echo $1"}}],
    }
    assert "arguments" not in task(args)


def test_dollars_of_scripts() -> None:
    """The executor gets scripts in a variable, where a kubelet changes `$$` and `$(`: every `$` is doubled, in long ones it is refused."""
    for run, source in (("echo $(date) $1", "echo $$(date) $$1"), ("echo $1 ${X}", "echo $1 ${X}")):
        body = f"steps:\n  a: {{image: acme/a:1, run: '{run}'}}\n"
        assert template(body)["script"]["source"] == source
        with_args = body.replace("}}\n", ", args: [x]}\n").replace("'}", "', args: [x]}")
        assert template(with_args)["inputs"]["artifacts"][0]["raw"] == {"data": source}
    long = "steps: {a: {image: acme/a:1, run: 'echo %s'}}"
    assert support.codes(long % ("$$" + "x" * 100_000), ("argo",)) == ["MLC408"]
    assert support.codes(long % ("$" + "x" * 100_000), ("argo",)) == []


def test_packages() -> None:
    """Packages are installed before the script starts; each is one quoted word."""
    body = "steps:\n  a: {image: acme/a:1, shell: python, packages: ['pandas==2.2.0', 'x[y]>=1'], run: pass}\n"
    install = "python -m pip install --quiet --disable-pip-version-check 'pandas==2.2.0' 'x[y]>=1'"
    assert template(body)["script"]["command"] == ["sh", "-ec", f'{install}\nexec python -u "$$0" "$$@"\n']
    with_args = body.replace("run: pass", "run: pass, args: [x]")
    assert template(with_args)["container"]["command"] == ["sh", "-ec", f'{install}\nexec python -u "$$0" "$$@"\n', "/argo/staging/script"]


def test_run_time_texts_enter_as_arguments() -> None:
    """Command, args and env hold nothing but the name of an input parameter; the task computes it."""
    body = """
        params: {lr: 0.1, who: me}
        steps:
          a:
            image: acme/a:1
            command: [run, "--lr=${{ params.lr }}", "${{ params.lr }}", "$x"]
            env: {WHO: "${{ params.who }}", COST: $5}
        """
    lr = "workflow.parameters['lr']"
    guarded = f"({lr} matches {FLOAT} ? {lr} : asInt('parameter lr is not a float'))"
    who = "workflow.parameters['who']"
    assert template(body) == {
        "name": "a",
        "inputs": {"parameters": [{"name": "command-2"}, {"name": "lr"}, {"name": "who"}]},
        "container": {
            "image": "acme/a:1",
            "command": ["run", "{{inputs.parameters.command-2}}", "{{inputs.parameters.lr}}", "$$x"],
            "env": [{"name": "WHO", "value": "{{inputs.parameters.who}}"}, {"name": "COST", "value": "$$5"}],
        },
    }
    assert task(body)["arguments"]["parameters"] == [
        {"name": "command-2", "value": "{{= '--lr=' + " + guarded + " }}"},
        {"name": "lr", "value": "{{= " + guarded + " }}"},
        {
            "name": "who",
            "value": "{{= " + f"{who} {BRACES} ? asInt('parameter who contains double braces') : replace({who}, '$', '$$')" + " }}",
        },
    ]


def test_pods() -> None:
    """Env sources, resources, folder, retries, timeout, labels, pull policy and secret in Argo's words."""
    body = """
        images: {a: {ref: acme/a:1, entrypoint: [run], pull_policy: Always, pull_secret: registry}}
        steps:
          a:
            image: a
            title: Train
            description: It trains
            workdir: /job
            env: {S: {secret: s, key: k}, C: {config_map: c, key: k}, F: {field: metadata.name}}
            resources: {cpu: 2, memory: 1Gi, gpu: 1}
            retry: {limit: 3, on: always, backoff: {duration: 1m30s, factor: 2, max: 1h}}
            timeout: 2h
            labels: {team: vision}
            annotations: {owner: me}
        """
    assert compile_one(body)["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert template(body) == {
        "name": "a",
        "metadata": {"labels": {"team": "vision"}, "annotations": {"owner": "me", "mlc/title": "Train", "mlc/description": "It trains"}},
        "retryStrategy": {
            "limit": "3",
            "retryPolicy": "Always",
            "backoff": {"duration": "90s", "factor": "2", "maxDuration": "3600s"},
        },
        "activeDeadlineSeconds": 7200,
        "container": {
            "image": "acme/a:1",
            "imagePullPolicy": "Always",
            "command": ["run"],
            "workingDir": "/job",
            "env": [
                {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
                {"name": "F", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            "resources": {
                "requests": {"cpu": "2", "memory": "1Gi", "nvidia.com/gpu": "1"},
                "limits": {"cpu": "2", "memory": "1Gi", "nvidia.com/gpu": "1"},
            },
        },
    }


@pytest.mark.parametrize(
    ("on", "files", "policy", "expression"),
    [
        ("failure", False, "OnFailure", None),
        ("error", False, "OnError", None),
        ("always", False, "Always", None),
        ("failure", True, "Always", "lastRetry.status == 'Failed' || lastRetry.exitCode == '0'"),
        ("error", True, "OnError", "lastRetry.exitCode != '0'"),
        ("always", True, "Always", None),
    ],
)
def test_a_missing_file_is_a_failure_of_the_program(on: str, files: bool, policy: str, expression: str | None) -> None:
    """Argo calls it an error of the pod; steps that declare files tell it from a lost pod by the program's exit code."""
    for port in ("outputs: {o: /tmp/f}", "values: {v: /tmp/f}", "metrics: {m: /tmp/f}"):
        found = template(f"steps: {{a: {{image: x:1, command: t, retry: {{limit: 2, on: {on}}}, {port if files else 'title: A'}}}}}")
        wanted = {"limit": "2", "retryPolicy": policy, "expression": expression}
        assert found["retryStrategy"] == {key: value for key, value in wanted.items() if value}


def test_volumes() -> None:
    """Every kind of volume; only those that a step mounts; claims of a run go with it, also after a failure."""
    body = """
        volumes:
          data: {claim: data-pvc}
          work: {size: 10Gi, access_mode: ReadWriteMany, storage_class: fast}
          plain: {size: 1Gi}
          shm: {memory: 2Gi}
          tmp: {empty_dir: {size: 5Gi}}
          key: {secret: ssh, mode: 0400}
          conf: {config_map: settings}
          unused: {claim: other}
        steps:
          a: {image: acme/a:1, command: [run], volumes: {data: /d, work: /w, plain: /p, shm: /dev/shm, tmp: /t, key: /k, conf: /c}}
        """
    spec = compile_one(body)["spec"]
    assert spec["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-pvc"}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "5Gi"}},
        {"name": "key", "secret": {"secretName": "ssh", "defaultMode": 0o400}},
        {"name": "conf", "configMap": {"name": "settings"}},
    ]
    assert spec["volumeClaimTemplates"] == [
        {
            "metadata": {"name": "work"},
            "spec": {"accessModes": ["ReadWriteMany"], "storageClassName": "fast", "resources": {"requests": {"storage": "10Gi"}}},
        },
        {"metadata": {"name": "plain"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
    ]
    assert spec["volumeClaimGC"] == {"strategy": "OnWorkflowCompletion"}


# --- the store ----------------------------------------------------------------------------------------------------------------

STORE = "store: {minio: {endpoint: 'm:9000', bucket: bkt, prefix: ml/x, insecure: true, secret: {name: s, access_key: a, secret_key: k}}}\n"


def test_store() -> None:
    """The Workflow names the ConfigMap, `mlc infra` makes it: keys are unique per run, and it reads as Argo reads it."""
    assert compile_one(STORE + HELLO)["spec"]["artifactRepositoryRef"] == {"configMap": "demo-artifacts", "key": "default"}
    (config_map,) = infra.manifests(support.pipeline(STORE + HELLO))
    assert config_map["kind"] == "ConfigMap"
    assert config_map["metadata"] == {"name": "demo-artifacts"}
    assert yaml.safe_load(config_map["data"]["default"]) == {
        "s3": {
            "endpoint": "m:9000",
            "bucket": "bkt",
            "insecure": True,
            "keyFormat": "ml/x/{{workflow.name}}/{{workflow.uid}}/{{pod.name}}",
            "accessKeySecret": {"name": "s", "key": "a"},
            "secretKeySecret": {"name": "s", "key": "k"},
        }
    }
    assert infra.manifests(support.pipeline(HELLO)) == ()


def test_store_without_secret() -> None:
    """S3 without a secret uses the pod's own identity, and Amazon's endpoint."""
    (config_map,) = infra.manifests(support.pipeline("store: {s3: {bucket: bkt, region: 014}}\n" + HELLO))
    assert config_map["data"]["default"] == (
        's3:\n  endpoint: "s3.amazonaws.com"\n  bucket: "bkt"\n  region: "014"\n'
        '  keyFormat: "{{workflow.name}}/{{workflow.uid}}/{{pod.name}}"\n  useSDKCreds: true\n'
    )


@pytest.mark.parametrize(
    ("store", "repository"),
    [
        ("gcs: {bucket: bkt, prefix: p}", {"gcs": {"bucket": "bkt", "keyFormat": "p/KEY"}}),
        (
            "gcs: {bucket: bkt, secret: {name: s, key: k}}",
            {"gcs": {"bucket": "bkt", "keyFormat": "KEY", "serviceAccountKeySecret": {"name": "s", "key": "k"}}},
        ),
        (
            "azure: {endpoint: 'https://a.blob.core.windows.net', container: c, prefix: /p/}",
            {"azure": {"endpoint": "https://a.blob.core.windows.net", "container": "c", "blobNameFormat": "p/KEY", "useSDKCreds": True}},
        ),
        (
            "azure: {endpoint: 'https://a.blob.core.windows.net', container: c, secret: {name: s, key: k}}",
            {
                "azure": {
                    "endpoint": "https://a.blob.core.windows.net",
                    "container": "c",
                    "blobNameFormat": "KEY",
                    "accountKeySecret": {"name": "s", "key": "k"},
                }
            },
        ),
        (
            "oss: {endpoint: oss.example.com, bucket: bkt}",
            {"oss": {"endpoint": "https://oss.example.com", "bucket": "bkt", "keyFormat": "KEY", "useSDKCreds": True}},
        ),
        (
            "oss: {endpoint: 'oss.example.com:80', bucket: bkt, insecure: true, secret: {name: s, access_key: a, secret_key: k}}",
            {
                "oss": {
                    "endpoint": "http://oss.example.com:80",
                    "bucket": "bkt",
                    "keyFormat": "KEY",
                    "accessKeySecret": {"name": "s", "key": "a"},
                    "secretKeySecret": {"name": "s", "key": "k"},
                }
            },
        ),
    ],
)
def test_other_stores(store: str, repository: Any) -> None:
    """Each kind of store is a repository of Argo's; without a secret the identity of the pod counts."""
    body = f"store: {{{store}}}\n{HELLO}"
    assert compile_one(body)["spec"]["artifactRepositoryRef"] == {"configMap": "demo-artifacts", "key": "default"}
    (config_map,) = infra.manifests(support.pipeline(body))
    text = config_map["data"]["default"].replace("{{workflow.name}}/{{workflow.uid}}/{{pod.name}}", "KEY")
    assert yaml.safe_load(text) == repository


def test_kept_results() -> None:
    """A cached step is memoized under its name, the namespace, and a digest of its key and outputs; `mlc infra` makes the ConfigMap."""
    body = "steps: {a: {image: 'x:1', command: t, cache: {key: KEY}, outputs: {o: /o}}, b: {image: 'x:1', command: t, cache: {key: KEY}}}"
    kept = {one["name"]: one.get("memoize") for one in compile_one(body)["spec"]["templates"]}
    assert kept["entrypoint"] is None
    assert [kept[name]["cache"] for name in "ab"] == [{"configMap": {"name": "demo-cache"}}] * 2
    keys = [kept["a"]["key"], kept["b"]["key"]]
    for change in (("KEY", "OTHER"), ("o: /o", "p: /o"), ("o: /o", "o: /p")):
        keys.append(compile_one(body.replace(*change))["spec"]["templates"][1]["memoize"]["key"])
    assert len(set(keys)) == 5
    assert all(re.fullmatch(r"[ab]-\{\{workflow\.namespace\}\}-[0-9a-f]{32}", key) for key in keys)
    (config_map,) = infra.manifests(support.pipeline(body))
    labels = {"workflows.argoproj.io/configmap-type": "Cache"}
    assert config_map == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "demo-cache", "labels": labels}}


@pytest.mark.parametrize(
    ("more", "head"),
    [
        ("cache: true", ""),
        ("cache: {key: k}, volumes: {d: /d}", "volumes: {d: {claim: c}}"),
        ("cache: {key: k}, volumes: {d: /d}", "volumes: {d: {size: 1Gi}}"),
        ("cache: {key: k}, init: {i: {image: 'x:1', command: t, volumes: {d: /d}}}", "volumes: {d: {claim: c}}"),
        ("cache: {key: k}, sidecars: {s: {image: 'x:1', command: t, volumes: {d: /d}}}", "volumes: {d: {size: 1Gi}}"),
        ("cache: {key: k}, retry: {limit: 1}", ""),
    ],
)
def test_what_is_not_kept(more: str, head: str) -> None:
    """Without a key nothing would be found, what lies on a volume is in no entry, and a node of retries that has none ends no run."""
    body = f"{head}\n{STEP.format(f'command: [run], {more}')}"
    assert [(item.code, item.path) for item in check(body)][:1] == [("MLC401", ("steps", "a", "cache"))]


# --- check --------------------------------------------------------------------------------------------------------------------

STEP = "steps:\n  a: {{image: acme/a:1, {}}}\n"


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        (STEP.format("command: [run], cache: true"), "MLC401", ("steps", "a", "cache")),
        (
            STEP.format("command: [run], retry: {limit: 1, backoff: {duration: 1s, factor: 1.5}}"),
            "MLC401",
            ("steps", "a", "retry", "backoff", "factor"),
        ),
        ("params: {json: 1}\n" + HELLO, "MLC402", ("params", "json")),
        ("volumes: {input-artifacts: {claim: x}}\n" + HELLO, "MLC402", ("volumes", "input-artifacts")),
        (STEP.format("command: [run], values: {v: /argo/v}"), "MLC402", ("steps", "a", "values", "v")),
        (STEP.format("command: [run, '{{=1+1}}']"), "MLC403", ("steps", "a", "command", 1)),
        (STEP.format("command: [run], args: ['a {{= b']"), "MLC403", ("steps", "a", "args", 0)),
        (STEP.format("command: [run], env: {A: '{{workflow.name}}'}"), "MLC403", ("steps", "a", "env", "A")),
        (STEP.format("run: 'echo {{workflow.name}}'"), "MLC403", ("steps", "a", "run")),
        (STEP.format("command: [run], title: '{{workflow.name}}'"), "MLC403", ("steps", "a", "title")),
        (STEP.format("command: [run], description: '{{ item }}'"), "MLC403", ("steps", "a", "description")),
        (STEP.format("command: [run], annotations: {x: '{{pod.name}}'}"), "MLC403", ("steps", "a", "annotations", "x")),
        ("params: {x: 'f{{y}}'}\n" + HELLO, "MLC403", ("params", "x")),
        (
            "params: {x: y}\n" + STEP.format("command: [run], args: ['{{z}} ${{ params.x }}']"),
            "MLC403",
            ("steps", "a", "args", 0),
        ),
        (STORE + HELLO, "MLC405", ("store", "minio")),
        ("steps:\n  a: {image: acme/a:1}\n", "MLC407", ("steps", "a")),
        (STEP.format("command: [run], env: {A: " + "é" * 65_535 + "}"), "MLC408", ("steps", "a", "env", "A")),
    ],
)
def test_findings(body: str, code: str, path: tuple[str | int, ...]) -> None:
    """What Argo cannot do, would expand, or leaves to others is said once, at its place."""
    assert [(finding.code, finding.path) for finding in check(body)] == [(code, path)]


def test_inherited_findings_are_said_once() -> None:
    """Ten steps that inherit one setting are one problem."""
    body = "defaults: {cache: true}\nsteps:\n  a: {image: acme/a:1, command: [run]}\n  b: {image: acme/a:1, command: [run]}\n"
    assert [(finding.code, finding.path) for finding in check(body)] == [("MLC401", ("defaults", "cache"))]


@pytest.mark.parametrize(
    "body",
    [
        HELLO,
        STEP.format("command: [run], cache: false"),
        STEP.format("command: [run, '{{x}}', '$(HOME)', '$$', '', '-x', '}}']"),
        STEP.format("run: 'docker ps --format {{.Names}}'"),
        "targets: {kfp: {storage_class: fast}}\n" + HELLO,
        STEP.format("command: [run], env: {A: ." + "é" * 65_534 + "}"),
    ],
)
def test_what_is_no_problem(body: str) -> None:
    """Braces that Argo leaves alone, dollars, KFP's settings, and what just fits."""
    assert check(body) == []


# --- hostile texts and names, end to end --------------------------------------------------------------------------------------

TAGS = ["{{=1+1}}", "{{workflow.name}}", "a {{= b", "{{$}}"]
PLAIN = ["$(HOME)", "$$", "'", '"', "a\nb", "-x", '{"IfPresent":1}', "# x", "a: b", "*", "é😀", "}}", "{{x}}"]
PLACES: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "args": ("command: [run], args: [{}]", lambda one: one["container"]["args"][0]),
    "command": ("command: [run, {}]", lambda one: one["container"]["command"][1]),
    "env": ("command: [run], env: {{A: {}}}", lambda one: one["container"]["env"][0]["value"]),
    "run": ("run: {}", lambda one: one["script"]["source"]),
    "title": ("command: [run], title: {}", lambda one: one["metadata"]["annotations"]["mlc/title"]),
    "description": ("command: [run], description: {}", lambda one: one["metadata"]["annotations"]["mlc/description"]),
    "annotations": ("command: [run], annotations: {{x: {}}}", lambda one: one["metadata"]["annotations"]["x"]),
}
EXPANDED = ("args", "command", "env")
"""Places that the kubelet expands; the file of a script and annotations it leaves alone."""


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", TAGS)
def test_hostile_literals_that_are_refused(place: str, text: str) -> None:
    """A tag that Argo would expand is refused wherever it stands."""
    body = STEP.format(PLACES[place][0].format(json.dumps(text, ensure_ascii=False)))
    assert [finding.code for finding in check(body)] == ["MLC403"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", PLAIN)
def test_hostile_literals_that_are_written(place: str, text: str) -> None:
    """Everything else arrives: `$` doubled where the kubelet halves it, the YAML as it was."""
    body, written = PLACES[place]
    expected = text.replace("$", "$$") if place in EXPANDED or (place == "run" and re.search(r"\$[$(]", text)) else text
    assert written(template(STEP.format(body.format(json.dumps(text, ensure_ascii=False))))) == expected


@pytest.mark.parametrize("text", [*PLAIN[:-1], ""])
def test_hostile_defaults(text: str) -> None:
    """A parameter's default is its text; what it may do is up to the guard at the place where it is used."""
    body = f"params: {{x: {json.dumps(text, ensure_ascii=False)}}}\n" + HELLO
    assert compile_one(body)["spec"]["arguments"]["parameters"] == [{"name": "x", "value": text}]


def test_hostile_names() -> None:
    """Names that are words of some language elsewhere are names here, and everything that is named resolves."""
    words = "in not and or matches contains let if else nil true false on yes no null y n class def size split count map".split()
    body = {
        "mlc": "v1",
        "name": "demo",
        "params": {f"p-{word}": 1 for word in words} | dict.fromkeys(words, 1),
        "steps": {
            "a": {
                "image": "acme/a:1",
                "command": ["run"],
                "values": {word: {"path": f"/v/{word}", "type": "int"} for word in words},
                "outputs": {f"o-{word}": f"/o/{word}" for word in words},
                "metrics": {f"m-{word}": {"path": f"/m/{word}", "min": f"${{{{ params.{word} }}}}"} for word in words},
            },
            "class": {
                "image": "acme/a:1",
                "command": ["run", *(f"${{{{ params.{word} }}}}" for word in words)],
                "args": [f"${{{{ steps.a.values.{word} }}}}" for word in words],
                "inputs": {f"o-{word}": f"/i/{word}" for word in words},
                "gate": "a",
            },
        },
    }
    workflow = compile_one(yaml.safe_dump(body, sort_keys=False))
    assert problems(workflow) == []
    consumer = workflow["spec"]["templates"][2]["inputs"]["parameters"]
    assert [port["name"] for port in consumer] == words + [f"a-{word}" for word in words]


def test_a_volume_is_not_called_like_the_secret_of_the_store() -> None:
    """Argo mounts the store's secret under its own name: two volumes of one name are no pod (workflowpod.go)."""
    body = """
        store: {minio: {endpoint: "m:9000", bucket: bkt, secret: {name: minio-secret, access_key: a, secret_key: k}}}
        volumes: {minio-secret: {claim: data}}
        steps: {s: {image: acme/a:1, command: [run], volumes: {minio-secret: /data}}}
        """
    assert "MLC402" in support.codes(body, ("argo",))


def test_packed_outputs_keep_their_keys_apart() -> None:
    """Outputs of one file name are packed as `<name>.tgz`: an output whose file has that name is packed too."""
    (workflow,) = support.manifests(
        "steps: {s: {image: acme/a:1, command: [run], outputs: {o: /a/x, p: /b/x, q: /c/o.tgz, r: /d/y}}}", "argo"
    )
    archives = {port["name"]: next(iter(port["archive"])) for port in workflow["spec"]["templates"][1]["outputs"]["artifacts"]}
    assert archives == {"o": "tar", "p": "tar", "q": "tar", "r": "none"}
