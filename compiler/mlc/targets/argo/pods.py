"""What few steps say about their pod: as whom it runs, and the containers beside the step's own.

The executor's containers `init` and `wait` keep their own user: `runAsUser` and the like stand at the step's container, `fsGroup` is the
pod's (workflow_types.go, Template.SecurityContext is a PodSecurityContext).
"""

from __future__ import annotations

from ...lowering import k8s
from ...lowering.text import kubelet
from .templates import variable, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ir import Container, Security, Step
    from .arguments import Arguments


def add(step: Step, body: dict[str, Any], arguments: Arguments) -> None:
    """Complete the part of the step's template that holds its container."""
    if step.security is not None and (user := _user(step.security)):
        (body.get("container") or body["script"])["securityContext"] = user
    for key, containers in (("initContainers", step.init), ("sidecars", step.sidecars)):
        if containers:
            body[key] = [_container(one, arguments) for one in containers]


def _user(security: Security) -> dict[str, Any]:
    parts = (("runAsUser", security.run_as_user), ("runAsGroup", security.run_as_group), ("runAsNonRoot", security.run_as_non_root))
    return {key: value for key, value in parts if value is not None}


def _container(container: Container, arguments: Arguments) -> dict[str, Any]:
    """A container. Argo stages the script of a template and no other: here it is an argument of `sh`, which calls itself by the name."""
    made: dict[str, Any] = {
        "name": container.name,
        "image": arguments.image(container.image),
    }
    if container.image.pull_policy:
        made["imagePullPolicy"] = container.image.pull_policy
    if container.script is not None:
        made["command"] = ["sh", "-ec", kubelet(container.script.text.constant or ""), container.name]
    elif container.command:
        made["command"] = words(container.command, f"{container.name}-command", arguments)
    parts: tuple[tuple[str, object], ...] = (
        ("args", words(container.args, f"{container.name}-arg", arguments)),
        ("env", [variable(env, arguments, f"{container.name}-env") for env in container.env]),
        ("resources", k8s.resources(container.resources)),
        ("volumeMounts", [k8s.volume_mount(mount) for mount in container.mounts]),
        ("ports", [{"containerPort": port} for port in container.ports]),
    )
    return {**made, **{key: value for key, value in parts if value}}
