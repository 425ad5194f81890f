"""The shape of the documents for KFP that a compiler of ours has a reason to write: a part of its messages, closed.

Facts: kubeflow/pipelines api/v2alpha1/pipeline_spec.proto, kubernetes_platform/proto/kubernetes_executor_config.proto. Executors are
free structures in the documents, so no parser of KFP finds a typo in them before a backend trips over it.
"""

from __future__ import annotations

import re
from typing import Any

from .cellang import TYPES
from .kubernetes import (
    ACCESS_MODE,
    ANNOTATION_TEXTS,
    LABELS,
    NODE_TERM,
    PULL_POLICY,
    config_key,
    descending,
    env_name,
    field_path,
    identity,
    image,
    object_name,
    path,
    size,
    toleration,
    volume_name,
    weight,
)
from .shape import EXACTLY_ONE, By, Each, amount, anything, filled, one_of, positive, text

_STEP = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_PORT = re.compile(r"[A-Za-z]([-._A-Za-z0-9]*[A-Za-z0-9])?")
_SECONDS = re.compile(r"[0-9]+s")


def task(value: Any) -> str:
    """What tasks may be called: Argo's tasks are called so, with a suffix."""
    return "" if isinstance(value, str) and _STEP.fullmatch(value) and len(value) <= 63 else "is no name of a task"


def port(value: Any) -> str:
    """What parameters and artifacts may be called: a quote would end the placeholder that they stand in."""
    return "" if isinstance(value, str) and _PORT.fullmatch(value) else "is no name of a parameter or artifact"


def _seconds(value: Any) -> str:
    return "" if isinstance(value, str) and _SECONDS.fullmatch(value) else "is no duration in seconds"


def _count(value: Any) -> str:
    return "" if isinstance(value, str) and value.isdigit() and int(value) > 0 and value == str(int(value)) else "is no count"


def _toleration(value: Any) -> str:
    return toleration(value, counted=lambda seconds: "" if isinstance(seconds, str) and seconds.isdigit() else "is no count")


def _identity(value: Any) -> str:
    return "" if isinstance(value, str) and value.isdigit() and not identity(int(value)) else "is no user or group"


_TYPE = {"parameterType": one_of(*TYPES), "description?": filled}
_ARTIFACT = {
    "artifactType": {
        "schemaTitle": one_of(
            *(f"system.{kind}" for kind in ("Artifact", "Dataset", "Model", "Metrics", "ClassificationMetrics", "HTML", "Markdown"))
        ),
        "schemaVersion": "0.0.1",
    }
}
_METADATA = Each(port, anything)
_PORTS = {
    "parameters?": Each(port, _TYPE),
    "artifacts?": Each(port, {**_ARTIFACT, "metadata?": _METADATA, "description?": filled}),
}

_CONSTANT = {"constant": anything}
_SOURCE = {
    "componentInputParameter?": port,
    "taskOutputParameter?": {"producerTask": task, "outputParameterKey": port},
    "runtimeValue?": _CONSTANT,
    "parameterExpressionSelector?": filled,
    EXACTLY_ONE: [("componentInputParameter", "taskOutputParameter", "runtimeValue")],
}

_TASK = {
    "taskInfo": {"name": filled},
    "componentRef": {"name": filled},
    "dependentTasks?": [task],
    "inputs?": {
        "parameters?": Each(port, _SOURCE),
        "artifacts?": Each(
            port,
            {
                "taskOutputArtifact?": {"producerTask": task, "outputArtifactKey": port},
                "componentInputArtifact?": port,
                EXACTLY_ONE: [("taskOutputArtifact", "componentInputArtifact")],
            },
        ),
    },
    "triggerPolicy?": {"condition?": filled, "strategy?": "ALL_UPSTREAM_TASKS_COMPLETED", EXACTLY_ONE: [("condition", "strategy")]},
    "cachingOptions?": {"enableCache?": True},
    "retryPolicy?": {
        "maxRetryCount": lambda value: "" if type(value) is int and value >= 0 else "is no count",
        "backoffDuration": _seconds,
        "backoffFactor": amount,
        "backoffMaxDuration": _seconds,
    },
    "parameterIterator?": {"itemInput": "x-item", "items": {"inputParameter": "x-list"}},
    "iteratorPolicy?": {"parallelismLimit": positive},
}
_DAG = {
    "tasks": Each(task, _TASK),
    "outputs?": {"parameters": Each(port, {"valueFromParameter": {"producerSubtask": task, "outputParameterKey": port}})},
}

CONTAINER = {
    "image": image,
    "command?": [text],
    "args?": [text],
    "env?": [{"name": env_name, "value": text}],
    "resources?": {
        **{f"{name}{side}?": amount for name in ("cpu", "memory") for side in ("Limit", "Request")},
        **{f"resource{name}{side}?": size for name in ("Cpu", "Memory") for side in ("Limit", "Request")},
        "accelerator?": {"type": filled, "count": _count, "resourceType": filled, "resourceCount": _count},
    },
}

_IMPORTER = {
    # what the launcher opens (component/importer_launcher.go, objectstore/config.go)
    "artifactUri": {
        "constant?": lambda value: "" if re.fullmatch(r"(gs|s3|minio|oci)://[^\s{}$]+", str(value)) else "is no address",
        "runtimeParameter?": port,
        EXACTLY_ONE: [("constant", "runtimeParameter")],
    },
    "typeSchema": _ARTIFACT["artifactType"],
    "metadata?": _METADATA,
}

PIPELINE = {
    "pipelineInfo": {"name": task, "displayName?": filled, "description?": filled},  # displayName from patches only
    "root": {
        "inputDefinitions?": {"parameters": Each(port, {**_TYPE, "defaultValue?": anything, "isOptional?": True})},
        "dag": _DAG,
    },
    "components": Each(
        text,
        {
            "executorLabel?": filled,
            "dag?": _DAG,
            "inputDefinitions?": _PORTS,
            "outputDefinitions?": _PORTS,
            EXACTLY_ONE: [("executorLabel", "dag")],
        },
    ),
    "deploymentSpec": {
        "executors": Each(text, {"container?": CONTAINER, "importer?": _IMPORTER, EXACTLY_ONE: [("container", "importer")]})
    },
    "schemaVersion": "2.1.0",
    "sdkVersion": filled,
}


def _named(key: str, more: dict[str, Any]) -> By:
    """A secret or a config map: by its name, written twice, or by an input that is its name."""
    constant = {"runtimeValue": {"constant": object_name}}
    return By(key, {**more, key: object_name, f"{key}Parameter": constant}, {**more, f"{key}Parameter": {"componentInputParameter": port}})


EXECUTOR = {
    "pvcMount?": [
        {
            "mountPath": path,
            "constant?": object_name,
            "componentInputParameter?": port,
            "taskOutputParameter?": {"producerTask": task, "outputParameterKey": port},
            "subPath?": descending,
            "pvcNameParameter": {key: shape for key, shape in _SOURCE.items() if key != "parameterExpressionSelector?"},
            EXACTLY_ONE: [("constant", "componentInputParameter", "taskOutputParameter")],
        }
    ],
    "secretAsEnv?": [_named("secretName", {"keyToEnv": [{"secretKey": config_key, "envVar": env_name}]})],
    "configMapAsEnv?": [_named("configMapName", {"keyToEnv": [{"configMapKey": config_key, "envVar": env_name}]})],
    "secretAsVolume?": [_named("secretName", {"mountPath": path, "optional": False})],
    "configMapAsVolume?": [_named("configMapName", {"mountPath": path, "optional": False})],
    "emptyDirMounts?": [{"volumeName": volume_name, "mountPath": path, "medium?": "Memory", "sizeLimit?": size}],
    "genericEphemeralVolume?": [
        {
            "volumeName": volume_name,
            "mountPath": path,
            "accessModes": [ACCESS_MODE],
            "size": size,
            "storageClassName?": object_name,
            "defaultStorageClass?": True,
            # with neither the driver asks for the class "" (driver/k8s.go), which no claim is ever bound for
            EXACTLY_ONE: [("storageClassName", "defaultStorageClass")],
        }
    ],
    "fieldPathAsEnv?": [{"name": env_name, "fieldPath": field_path}],
    "imagePullPolicy?": PULL_POLICY,
    "imagePullSecret?": [{"secretName": object_name, "secretNameParameter": {"runtimeValue": {"constant": object_name}}}],
    "activeDeadlineSeconds?": _count,  # an int64, which JSON writes as a text
    "nodeSelector?": {"labels": LABELS},
    "tolerations?": [_toleration],
    # required without a weight; there is a `podAffinity`, too, which no driver reads
    "nodeAffinity?": [{**NODE_TERM, "weight?": weight}],
    # int64, which JSON writes as texts
    "securityContext?": {
        "runAsUser?": _identity,
        "runAsGroup?": _identity,
        "runAsNonRoot?": lambda value: "" if isinstance(value, bool) else "is no boolean",
    },
    "podMetadata?": {"labels?": LABELS, "annotations?": ANNOTATION_TEXTS},
}

_RUN = ("resourceTtlOnCompletion?", "resourceTtlOnSuccess?", "resourceTtlOnFailure?", "activeDeadlineSeconds?")
_WORKSPACE = {"size": size, "kubernetes": {"pvcSpecPatch": {"accessModes": [ACCESS_MODE], "storageClassName?": object_name}}}

PLATFORM = {
    "platforms": {
        "kubernetes": {
            "deploymentSpec?": {"executors": Each(text, EXECUTOR)},
            "pipelineConfig?": {**dict.fromkeys(_RUN, positive), "workspace?": _WORKSPACE},
        }
    }
}
