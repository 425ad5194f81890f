"""The shape of the Workflows that a compiler of ours has a reason to write: a part of Argo's API, closed.

Facts: argo-workflows pkg/apis/workflow/v1alpha1 (workflow_types.go), workflow/validate. A field that is not here has to be put here
before it is emitted, with the checks that it needs.
"""

from __future__ import annotations

import re
from typing import Any

from .kubernetes import (
    ANNOTATION_TEXTS,
    CLAIM,
    CONTAINER,
    LABELS,
    POD_LABELS,
    POD_VOLUME,
    SCHEDULING,
    VOLUME,
    config_key,
    container_port,
    identity,
    object_name,
    path,
    volume_name,
)
from .shape import EXACTLY_ONE, By, filled, one_of, positive, text

_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
_PORT = re.compile(r"[-a-zA-Z0-9_]+")
_GENERATE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?-")
_SUFFIX = 5  # characters that the API server puts behind `generateName`


def name(value: Any) -> str:
    """What templates and tasks may be called. A task may not begin with a digit where `depends` is used."""
    fits = isinstance(value, str) and _NAME.fullmatch(value) and len(value) <= 128 and not value[0].isdigit()
    return "" if fits else "is no name of a template or task"


def port(value: Any) -> str:
    """What parameters and artifacts may be called."""
    return "" if isinstance(value, str) and _PORT.fullmatch(value) else "is no name of a parameter or artifact"


def _parameter(value: Any) -> str:
    # `workflow.parameters.json` is the list of all parameters (workflow/controller/operator.go, setGlobalParameters)
    return "is all parameters together" if value == "json" else port(value)


def _generate_name(value: Any) -> str:
    fits = isinstance(value, str) and _GENERATE.fullmatch(value) and len(value) + _SUFFIX <= 63
    return "" if fits else "is no beginning of a workflow's name"


def _pattern(pattern: str, what: str) -> Any:
    compiled = re.compile(pattern)
    return lambda value: "" if isinstance(value, str) and compiled.fullmatch(value) else f"is no {what}"


_WHOLE = _pattern("[0-9]{1,9}", "whole number as text")
_SECONDS = _pattern("[1-9][0-9]*s", "duration in seconds")

_OBJECT_METADATA = {"labels?": LABELS, "annotations?": ANNOTATION_TEXTS}

_SECRET_KEY = {"name": object_name, "key": config_key}
_BUCKET_KEYS = {"useSDKCreds?": True, "accessKeySecret?": _SECRET_KEY, "secretKeySecret?": _SECRET_KEY}
_LOCATION = {
    # without it the executor unpacks what looks like an archive
    "archive": {"none": {}},
    "s3?": {"endpoint": filled, "bucket": filled, "region?": filled, "insecure?": True, "key": filled, **_BUCKET_KEYS},
    "gcs?": {"bucket": filled, "key": filled, "serviceAccountKeySecret?": _SECRET_KEY},
    "oss?": {"endpoint": filled, "bucket": filled, "key": filled, **_BUCKET_KEYS},
    "azure?": {"endpoint": filled, "container": filled, "blob": filled, "useSDKCreds?": True, "accountKeySecret?": _SECRET_KEY},
    "http?": {"url": _pattern(r"https?://[^\s]+", "address")},
    "git?": {"repo": _pattern(r"https://(?:[^\s@/]+@)?[^\s@]+", "repository"), "revision?": filled},
}

_OF_TASK = _pattern(r"\{\{tasks\.[-\w]+\.outputs\.artifacts\.[-\w]+\}\}", "artifact of a task")
_ARCHIVE = {"none?": {}, "tar?": {}, EXACTLY_ONE: [("none", "tar")]}

TASK = {
    "name": name,
    "template": name,
    "depends?": filled,
    "when?": filled,
    "arguments?": {
        "parameters?": [{"name": port, "value": filled}],
        "artifacts?": [
            {
                "name": port,
                "from?": _pattern(r"\{\{(tasks\.[-\w]+\.outputs|inputs)\.artifacts\.[-\w]+\}\}", "artifact of a task, or of the template"),
                # a key alone is completed by the run's repository (v1alpha1/workflow_types.go, Relocate)
                "s3?": {"key": filled},
                "archive?": _ARCHIVE,
                "optional?": True,
                EXACTLY_ONE: [("from", "s3")],
            }
        ],
    },
    # the list of a loop; expressions in `withItems` see other things in each version
    "withParam?": "{{inputs.parameters.x-items}}",
}

_BESIDE = {
    "name": volume_name,  # a DNS label, like those of volumes
    **{key: shape for key, shape in CONTAINER.items() if key not in ("securityContext?", "workingDir?")},
    "ports?": [{"containerPort": container_port}],
}
"""Another container of a step's pod."""

_DAG = {
    "name": name,
    "inputs?": {"parameters?": [{"name": port}], "artifacts?": [{"name": port}]},
    "outputs?": {
        "parameters": [
            {
                "name": port,
                "valueFrom": {
                    "parameter?": _pattern(r"\{\{tasks\.[-\w]+\.outputs\.parameters(\.[-\w]+)?\}\}", "output of a task"),
                    "expression?": filled,
                    "default?": "[]",
                    EXACTLY_ONE: [("parameter", "expression")],
                },
            }
        ]
    },
    "parallelism?": positive,
    # the default of failFast ends branches that wait for a free slot
    "dag": {"failFast": False, "tasks": [TASK]},
}

_STEP = {
    "name": name,
    "metadata?": {"labels?": POD_LABELS, "annotations?": ANNOTATION_TEXTS},
    "inputs?": {
        "parameters?": [{"name": port}],
        "artifacts?": [
            {
                "name": port,
                "path": path,
                "mode?": 0o755,
                "recurseMode?": True,
                "optional?": True,
                "raw?": {"data": filled},
                **{f"{key.rstrip('?')}?": shape for key, shape in _LOCATION.items()},
            }
        ],
    },
    "outputs?": {
        # no default: a metric whose file is missing must fail its step, not take what the default says
        "parameters?": [{"name": port, "valueFrom": {"path": path}}],
        "artifacts?": [{"name": port, "path": path, "archive": _ARCHIVE, "optional?": True}],
    },
    "retryStrategy?": {
        "limit": _WHOLE,
        "retryPolicy": one_of("OnFailure", "OnError", "Always"),
        # a declared file that is missing is an error of the pod whose program ended with 0 (controller/operator.go, inferFailedReason)
        "expression?": one_of("lastRetry.status == 'Failed' || lastRetry.exitCode == '0'", "lastRetry.exitCode != '0'"),
        "backoff?": {"duration?": _SECONDS, "factor?": _WHOLE, "maxDuration?": _SECONDS},
    },
    "activeDeadlineSeconds?": positive,
    # letters, digits and `-`: the controller refuses other keys when the step is due
    "memoize?": {
        "key": _pattern(r"[a-zA-Z0-9](?:[-a-zA-Z0-9]|\{\{workflow\.namespace\}\})*", "key of a result"),
        "maxAge": "",
        "cache": {"configMap": {"name": object_name}},
    },
    **SCHEDULING,
    "volumes?": [POD_VOLUME],
    "serviceAccountName?": object_name,
    # of the pod; as whom the program runs stands at its container, for the executor's containers keep their own user
    "securityContext?": {"fsGroup": identity},
    "initContainers?": [_BESIDE],
    "sidecars?": [_BESIDE],
    "priorityClassName?": object_name,  # from patches only
    "container?": CONTAINER,
    "script?": {**CONTAINER, "source": filled},
    "suspend?": {},
    # what the UI calls a node, from 3.7 on
    "annotations?": {"workflows.argoproj.io/display-name": _pattern("[A-Za-z0-9][-A-Za-z0-9.]{0,61}[A-Za-z0-9]", "name of a node")},
    "resource?": {
        "action": one_of("get", "create", "apply", "delete", "replace", "patch"),
        "manifest": filled,
        "successCondition?": filled,
        "failureCondition?": filled,
    },
    EXACTLY_ONE: [("container", "script", "dag", "suspend", "resource")],
}

TEMPLATE = By("dag", _DAG, _STEP)

_TTL = {"secondsAfterCompletion?": positive, "secondsAfterSuccess?": positive, "secondsAfterFailure?": positive}

WORKFLOW: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"generateName": _generate_name, "namespace?": object_name, **_OBJECT_METADATA},
    "spec": {
        "entrypoint": name,
        "onExit?": name,
        "serviceAccountName?": object_name,
        "activeDeadlineSeconds?": positive,
        "parallelism?": positive,
        "ttlStrategy?": _TTL,
        "arguments?": {
            "parameters": [
                {
                    "name": _parameter,
                    "description?": filled,
                    "value?": text,
                    "valueFrom?": {"supplied": {}},
                    "enum?": [text],
                    EXACTLY_ONE: [("value", "valueFrom")],
                }
            ]
        },
        "imagePullSecrets?": [{"name": object_name}],
        "artifactRepositoryRef?": {"configMap": object_name, "key": config_key},
        "volumes?": [VOLUME],
        "volumeClaimTemplates?": [CLAIM],
        "volumeClaimGC?": {"strategy": "OnWorkflowCompletion"},
        # from patches only
        "podGC?": {"strategy": one_of("OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess")},
        "templates": [TEMPLATE],
    },
}

WORKFLOW_TEMPLATE: dict[str, Any] = {
    **WORKFLOW,
    "kind": "WorkflowTemplate",
    "metadata": {"name": object_name, "namespace?": object_name, **_OBJECT_METADATA},
    "spec": {**WORKFLOW["spec"], "workflowMetadata?": _OBJECT_METADATA},
}

CRON_WORKFLOW: dict[str, Any] = {
    **WORKFLOW_TEMPLATE,
    "kind": "CronWorkflow",
    "spec": {
        "schedule?": filled,
        "schedules?": [filled],
        EXACTLY_ONE: [("schedule", "schedules")],
        "timezone?": filled,
        "concurrencyPolicy?": one_of("Allow", "Forbid", "Replace"),
        "startingDeadlineSeconds?": positive,
        "suspend?": True,
        "workflowSpec": {"workflowTemplateRef": {"name": object_name}},
    },
}
