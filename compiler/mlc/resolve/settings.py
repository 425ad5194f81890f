"""`targets` and `schedule`: what belongs to the run as a whole."""

from __future__ import annotations

from ..ir import ArgoSettings, KfpSettings, RunClaim, Schedule, Ttl
from .names import check_object
from .resources import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..diagnostics.model import Path
    from ..ir import Patch, Volume
    from .context import Context


def argo(context: Context) -> ArgoSettings:
    """`targets.argo`"""
    settings, path = _settings(context, "argo")
    for key, what, limit in (("namespace", "a namespace", 63), ("service_account", "a service account", 253)):
        if key in settings:
            check_object(context, settings[key], (*path, key), what, limit)
    return ArgoSettings(
        version=settings.get("version", ""),
        kind=settings.get("kind", "Workflow"),
        namespace=settings.get("namespace", ""),
        service_account=settings.get("service_account", ""),
        ttl=_ttl(context, settings, path),
        deadline=_seconds(context, settings, "deadline", path),
        parallelism=int(settings.get("parallelism", 0)),
        origin=path,
        patch=_patch(context, settings, path),
    )


def kfp(context: Context, volumes: Mapping[str, Volume]) -> KfpSettings:
    """`targets.kfp`"""
    settings, path = _settings(context, "kfp")
    storage_class = settings.get("storage_class", "")
    if storage_class:
        check_object(context, storage_class, (*path, "storage_class"), "a StorageClass")
    workspace = settings.get("workspace", "")
    if workspace and not isinstance(volumes.get(workspace), RunClaim):
        made = [name for name, volume in volumes.items() if isinstance(volume, RunClaim)]
        help = context.suggest(workspace, made) or "name a volume that is made for each run, one with a `size`"
        message = f"the workspace `{workspace}` is no volume that is made for each run"
        context.report("MLC316", message, (*path, "workspace"), help=help)
    return KfpSettings(
        version=settings.get("version", ""),
        storage_class=storage_class,
        workspace=workspace,
        ttl=_ttl(context, settings, path),
        deadline=_seconds(context, settings, "deadline", path),
        origin=path,
        patch=_patch(context, settings, path),
    )


def schedule(context: Context) -> Schedule | None:
    """`schedule`; every parameter must have a default then, since nobody is there to give a value."""
    entry = context.data.get("schedule")
    if entry is None:
        return None
    from .cron import problem, zones

    path: Path = ("schedule",)
    if wrong := problem(entry["cron"]):
        help = "five fields: minute hour day-of-month month day-of-week, such as `0 3 * * mon-fri`; or `@daily`, `@hourly`, `@every 6h`"
        context.report("MLC319", f"`{entry['cron']}` {wrong}", (*path, "cron"), help=help)
    timezone = entry.get("timezone", "")
    if timezone and timezone not in (known := zones()):
        help = context.suggest(timezone, sorted(known)) or "use a name of the tz database, such as `Asia/Seoul` or `UTC`"
        context.report("MLC323", f"there is no time zone `{timezone}`", (*path, "timezone"), help=help)
    for param in context.params.values():
        if param.default is None:
            help = "give the parameter a `default`: a scheduled run starts with nobody there to give a value"
            message = f"parameter `{param.name}` has no default, and the project has a `schedule`"
            context.report("MLC314", message, param.origin, at="key", help=help)
    return Schedule(
        cron=entry["cron"],
        timezone=timezone,
        concurrency=entry.get("concurrency", ""),
        suspend=entry.get("suspend", False),
        starting_deadline=_seconds(context, entry, "starting_deadline", path),
        origin=path,
    )


def _settings(context: Context, target: str) -> tuple[Mapping[str, Any], Path]:
    return (context.data.get("targets") or {}).get(target) or {}, ("targets", target)


def _seconds(context: Context, settings: Mapping[str, Any], key: str, path: Path) -> int:
    return duration(context, settings[key], (*path, key)) if key in settings else 0


def _patch(context: Context, settings: Mapping[str, Any], path: Path) -> tuple[Patch, ...]:
    if "patch" not in settings:
        return ()
    from . import patches  # of few projects

    return patches.resolve(context, settings["patch"], (*path, "patch"))


def _ttl(context: Context, settings: Mapping[str, Any], path: Path) -> Ttl:
    """`ttl`: one duration for every run, or one for those that succeeded and one for those that failed."""
    value = settings.get("ttl")
    if value is None:
        return Ttl()
    place = (*path, "ttl")
    if not isinstance(value, dict):
        return Ttl(completion=duration(context, value, place))
    return Ttl(success=_seconds(context, value, "success", place), failure=_seconds(context, value, "failure", place))
