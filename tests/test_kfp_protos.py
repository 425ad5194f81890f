"""The KFP documents against KFP's own protocol buffers, and against what the KFP SDK writes for the same pipeline.

Compared as protocol buffers, so order and number notation do not count. Normalised first: `sdkVersion`, which names the compiler, and
the input `x-cache` of steps whose results are reused, which the SDK does not have (targets/kfp/reuse.py).
What the SDK cannot say is not compared: conditions on a container task, the wrapper, claims deleted whatever happened.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from google.protobuf import json_format
from kfp import compiler, components, dsl, kubernetes
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from mlc import driver
from mlc.source import SourceFile
from mlc.targets import kfp
from tests import support

ROOT = Path(__file__).resolve().parent.parent
SPECS = sorted((ROOT / "specs").glob("*.yaml"))


def parse(documents: list[Any]) -> tuple[Any, Any]:
    """Both documents as messages; every executor too, which the documents hold as free structures."""
    spec = json_format.ParseDict(documents[0], pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(documents[0]["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
    platform = pipeline_spec_pb2.PlatformSpec()
    if len(documents) > 1:
        json_format.ParseDict(documents[1], platform)
        for executor in documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
            json_format.ParseDict(executor, kubernetes_executor_config_pb2.KubernetesExecutorConfig())
    spec.sdk_version = ""
    return spec, platform


def executors(documents: list[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Each executor as its own message, which two structures of other numbers or texts could not tell."""
    containers = documents[0]["deploymentSpec"]["executors"]
    settings = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"] if len(documents) > 1 else {}
    container, setting = pipeline_spec_pb2.PipelineDeploymentConfig.ExecutorSpec, kubernetes_executor_config_pb2.KubernetesExecutorConfig
    return (
        {name: json_format.ParseDict(value, container()) for name, value in containers.items()},
        {name: json_format.ParseDict(value, setting()) for name, value in settings.items()},
    )


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_spec_parses(path: Path) -> None:
    """What is written parses strictly, to the last field of the last executor, as it is read back from the file."""
    result = driver.compile_source(SourceFile(path.name, path.read_text(encoding="utf-8"), beside=support.beside), ("kfp",))
    if not result.outputs:
        assert path.stem.startswith("argo-") or path.with_name(f"{path.name}.lock").is_file(), [item.message for item in result.diagnostics]
        return
    spec, _ = parse(list(yaml.safe_load_all(result.outputs[0].text)))
    assert components.load_component_from_text(result.outputs[0].text).name == spec.pipeline_info.name, "what `kfp.Client` reads first"
    assert len(spec.root.dag.tasks) > 0


def component(name: str, command: list[str], args: list[str] | None = None, image: str = "x:1") -> Any:
    """An SDK component whose task is called `name`."""

    def step() -> Any:
        return dsl.ContainerSpec(image=image, command=command, args=args)

    step.__name__ = name
    step.__annotations__ = {}
    return dsl.container_component(step)()


def chain() -> None:
    """Three steps in a row and one across."""
    first = component("first", ["echo", "a b"], ["x", "-y"]).set_display_name("The first one").set_caching_options(False)
    second = component("second", ["echo"]).after(first).set_caching_options(False)
    component("third", ["echo"]).after(second, first).set_caching_options(False)


CHAIN = """
description: a chain
steps:
  first: {image: x:1, title: The first one, command: [echo, a b], args: [x, -y]}
  second: {image: x:1, command: echo, needs: first}
  third: {image: x:1, command: echo, needs: [second, first]}
"""


def kitchen() -> None:
    """Everything that the SDK can set on a step."""
    step = component("all", ["t"])
    step.set_caching_options(True).set_retry(3, backoff_duration="10s", backoff_factor=2, backoff_max_duration="600s")
    step.set_cpu_limit("2").set_cpu_request("500m").set_memory_limit("2Gi").set_memory_request("1G")
    step.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(1).set_env_variable("A", "text")
    kubernetes.mount_pvc(step, pvc_name="data", mount_path="/d")
    kubernetes.use_secret_as_env(step, secret_name="sec", secret_key_to_env={"k": "S"})
    kubernetes.use_config_map_as_env(step, config_map_name="cfg", config_map_key_to_env={"k": "C"})
    kubernetes.use_field_path_as_env(step, env_name="POD", field_path="metadata.name")
    kubernetes.use_secret_as_volume(step, secret_name="sec", mount_path="/s")
    kubernetes.use_config_map_as_volume(step, config_map_name="cfg", mount_path="/c")
    kubernetes.empty_dir_mount(step, volume_name="x-shm", mount_path="/dev/shm", medium="Memory", size_limit="2Gi")
    kubernetes.empty_dir_mount(step, volume_name="x-tmp", mount_path="/scratch")
    kubernetes.add_pod_label(step, "team", "ml")
    kubernetes.add_pod_annotation(step, "note", "한글")
    kubernetes.set_image_pull_policy(step, "Always")
    kubernetes.set_image_pull_secrets(step, ["reg"])
    kubernetes.set_timeout(step, 5400)


KITCHEN = """
description: a chain
images: {t: {ref: "x:1", pull_policy: Always, pull_secret: reg}}
volumes:
  d: {claim: data}
  s: {secret: sec}
  c: {config_map: cfg}
  shm: {memory: 2Gi}
  tmp: {empty_dir: {}}
steps:
  all:
    image: t
    command: t
    cache: {key: k1}
    retry: {limit: 3, backoff: {duration: 10s, factor: 2, max: 10m}}
    resources: {requests: {cpu: 500m, memory: 1G}, limits: {cpu: "2", memory: 2Gi, gpu: 1}}
    env: {A: text, S: {secret: sec, key: k}, C: {config_map: cfg, key: k}, POD: {field: metadata.name}}
    volumes: {d: /d, s: /s, c: /c, shm: /dev/shm, tmp: /scratch}
    labels: {team: ml}
    annotations: {note: 한글}
    timeout: 1h30m
"""


def params(
    must: int,
    s: str = "it's",
    i: int = 3,
    f: float = 1e-5,
    b: bool = True,
    l: list[Any] = [1, "a", {"k": 2.5}],  # noqa: B006, E741
    d: dict[str, Any] = {"z": 1, "a": [True]},  # noqa: B006
) -> None:
    """Parameters of every type, one without default."""
    component("only", ["t"]).set_caching_options(False)


PARAMS = """
description: a chain
params:
  s: "it's"
  i: 3
  f: 1e-5
  b: true
  l: {type: list, default: [1, a, {k: 2.5}]}
  d: {type: dict, default: {z: 1, a: [true]}}
  must: {type: int}
steps: {only: {image: x:1, command: t}}
"""


def sdk(function: Callable[..., Any], folder: Path) -> list[Any]:
    """What the SDK writes for a pipeline."""
    function.__annotations__ = get_type_hints(function)  # the SDK reads types, not their names
    function.__annotations__.pop("return")
    file = folder / "sdk.yaml"
    compiler.Compiler().compile(dsl.pipeline(name="demo", description="a chain")(function), str(file))
    return list(yaml.safe_load_all(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(("function", "body"), [(chain, CHAIN), (kitchen, KITCHEN), (params, PARAMS)], ids=["chain", "kitchen", "params"])
def test_equal_to_the_sdk(function: Callable[..., Any], body: str, tmp_path: Path) -> None:
    """The same pipeline, written for the SDK and for us, gives equal messages, document by document and executor by executor.

    A key of a cache is no `cacheKey` of the SDK: see `targets.kfp.reuse`.
    """
    theirs = sdk(function, tmp_path)
    ours = list(kfp.lower(support.pipeline(body)))
    for task in ours[0]["root"]["dag"]["tasks"].values():
        if task["cachingOptions"]:
            assert task.pop("inputs").keys() == ours[0]["components"][task["componentRef"]["name"]].pop("inputDefinitions").keys()
    assert len(ours) == len(theirs)
    for executor in theirs[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values() if len(theirs) > 1 else ():
        for variable in (*executor.get("secretAsEnv", ()), *executor.get("configMapAsEnv", ())):
            assert variable.pop("optional") is False  # what is so without the field, which the backend 2.14 does not know
    assert executors(ours) == executors(theirs)
    our_spec, our_platform = parse(ours)
    their_spec, their_platform = parse(theirs)
    assert our_platform == their_platform
    assert our_spec == their_spec


def claims() -> None:
    """A claim that is made, mounted and deleted."""
    made = kubernetes.CreatePVC(pvc_name_suffix="-work", access_modes=["ReadWriteOnce"], size="1Gi", storage_class_name="fast")
    step = component("use", ["t"])
    kubernetes.mount_pvc(step, pvc_name=made.outputs["name"], mount_path="/w")
    kubernetes.DeletePVC(pvc_name=made.outputs["name"]).after(step)


def test_claims_as_the_sdk_makes_them(tmp_path: Path) -> None:
    """The tasks that make and delete a claim are the SDK's: the same stub images, inputs and output; only where they stand differs."""
    body = """
    volumes: {work: {size: 1Gi, storage_class: fast}}
    steps: {use: {image: x:1, command: t, volumes: {work: /w}}}
    """
    theirs = sdk(claims, tmp_path)
    ours = list(kfp.lower(support.pipeline(body)))
    create, delete = (
        ours[0]["root"]["dag"]["tasks"]["x-create-work"],
        ours[0]["components"]["comp-x-delete"]["dag"]["tasks"]["x-delete-work"],
    )
    their_tasks = theirs[0]["root"]["dag"]["tasks"]
    assert create["inputs"] == their_tasks["createpvc"]["inputs"]
    assert set(delete["inputs"]["parameters"]) == set(their_tasks["deletepvc"]["inputs"]["parameters"])
    our_components, their_components = ours[0]["components"], theirs[0]["components"]
    for name, other in (("comp-x-create-work", "comp-createpvc"), ("comp-x-delete-work", "comp-deletepvc")):
        assert our_components[name].get("outputDefinitions") == their_components[other].get("outputDefinitions")
        known = their_components[other]["inputDefinitions"]["parameters"]
        for key, definition in our_components[name]["inputDefinitions"]["parameters"].items():
            assert definition["parameterType"] == known[key]["parameterType"]
    our_executors, their_executors = ours[0]["deploymentSpec"]["executors"], theirs[0]["deploymentSpec"]["executors"]
    assert our_executors["exec-x-create-work"] == their_executors["exec-createpvc"]
    assert our_executors["exec-x-delete-work"] == their_executors["exec-deletepvc"]
    parse(ours)


def test_typos_are_found() -> None:
    """The parser of this test is strict: a field that does not exist fails, also inside an executor."""
    for path in (("deploymentSpec", "executors", "exec-only", "container", "imagee"), ("root", "dagg")):
        ours = list(kfp.lower(support.pipeline(PARAMS)))
        place = ours[0]
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = "x"
        with pytest.raises(json_format.ParseError):
            parse(ours)
