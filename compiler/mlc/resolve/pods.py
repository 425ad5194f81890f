"""What a step says about its pod beyond its own container: `security`, `service_account`, `init` and `sidecars`."""

from __future__ import annotations

from ..diagnostics.model import Related
from ..ir import Container, Security
from . import images, program, resources
from .merge import Merged
from .names import check_object, check_ours
from .paths import check_places
from .steps import environment, mounted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..diagnostics.model import Path
    from .context import Context
    from .steps import Project

_HIGHEST_ID = 2**31 - 1
"""Of users and groups (k8s.io/apimachinery/pkg/util/validation, IsValidUserID)."""
_HIGHEST_PORT = 65535


def security(context: Context, step: Merged) -> Security | None:
    """`security`; None where it says nothing."""
    entry = step.get("security")
    if not entry:
        return None
    path = step.where("security")
    for key in ("run_as_user", "run_as_group", "fs_group"):
        if entry.get(key, 0) > _HIGHEST_ID:
            context.report("MLC206", f"`{key}` is above {_HIGHEST_ID}", (*path, key), help=f"users and groups go up to {_HIGHEST_ID}")
    if entry.get("run_as_non_root") and entry.get("run_as_user") == 0:
        related = (Related((*path, "run_as_non_root"), "which may not be root"),)
        help = "give the number of another user, or take `run_as_non_root` out"
        context.report("MLC332", "the program has to run as root, and may not", (*path, "run_as_user"), related=related, help=help)
    return Security(
        run_as_user=_id(entry, "run_as_user"),
        run_as_group=_id(entry, "run_as_group"),
        run_as_non_root=entry.get("run_as_non_root"),
        fs_group=_id(entry, "fs_group"),
        origin=path,
    )


def _id(entry: dict[str, Any], key: str) -> int | None:
    return int(entry[key]) if key in entry else None


def service_account(context: Context, step: Merged) -> None:
    """Check `service_account`."""
    name = step.get("service_account")
    if name:
        check_object(context, name, step.where("service_account"), "a ServiceAccount")


def containers(context: Context, step: Merged, project: Project) -> tuple[tuple[Container, ...], tuple[Container, ...]]:
    """`init` and `sidecars`. All containers of a pod share one name space; those that run together share the ports."""
    places: dict[str, Path] = {}
    found: list[tuple[Container, ...]] = []
    for key in ("init", "sidecars"):
        made = []
        for name, entry in (step.get(key) or {}).items():
            path = step.where(key, name)
            if name in places:
                related = (Related(places[name], "the other one", "key"),)
                help = "give one of them another name"
                context.report(
                    "MLC308", f"two containers of step `{step.name}` are called `{name}`", path, at="key", related=related, help=help
                )
            places.setdefault(name, path)
            made.append(_container(context, Merged(name, entry, path, {}, {}), project))
        found.append(tuple(made))
    check_ours(context, places)
    init, sidecars = found
    _ports(context, step, sidecars)
    return init, sidecars


def _container(context: Context, entry: Merged, project: Project) -> Container:
    """One container. It sees none of the step's files, so their paths may not stand in its texts."""
    mounts = mounted(context, entry, project.volumes)
    check_places(context, (), (), (), (), mounts)
    image, entrypoint = images.resolve(context, entry, project.images)
    command, args, script = program.resolve(context, entry, entrypoint, (*image.settings_origin, "entrypoint"), None)
    ports = entry.get("ports", ())
    for index, port in enumerate(ports):
        if port > _HIGHEST_PORT:
            message = f"`{port}` is no port: they go up to {_HIGHEST_PORT}"
            context.report("MLC206", message, (*entry.origin, "ports", index), help="write the number that the program listens on")
    return Container(
        name=entry.name,
        image=image,
        command=command,
        args=args,
        script=script,
        env=environment(context, entry, None),
        mounts=mounts,
        resources=resources.resources(context, entry),
        ports=tuple(int(port) for port in ports),
        origin=entry.origin,
    )


def _ports(context: Context, step: Merged, sidecars: tuple[Container, ...]) -> None:
    first: dict[int, Path] = {}
    for container in sidecars:
        for index, port in enumerate(container.ports):
            path = (*container.origin, "ports", index)
            if port in first:
                related = (Related(first[port], "taken here"),)
                help = "the containers of a pod share its ports: have one of them listen on another"
                context.report("MLC308", f"two sidecars of step `{step.name}` listen on port {port}", path, related=related, help=help)
            first.setdefault(port, path)
