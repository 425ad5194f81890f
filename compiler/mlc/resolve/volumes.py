"""`volumes`"""

from __future__ import annotations

from ..ir import Claim, ConfigMapVolume, EmptyDir, Ephemeral, HostPath, Memory, Nfs, RunClaim, SecretVolume
from ..scalars import source_text
from .names import check_alike, check_host, check_object, check_ours, object_name
from .paths import check_form
from .quantity import bytes_problem, meant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..diagnostics.model import Path
    from ..ir import Volume
    from .context import Context


def resolve(context: Context, declared: Mapping[str, Any]) -> dict[str, Volume]:
    """The volumes of the project by name."""
    check_alike(context, {name: ("volumes", name) for name in declared})
    check_ours(context, {name: ("volumes", name) for name in declared})
    return {name: _volume(context, name, entry, ("volumes", name)) for name, entry in declared.items()}


def check_name(context: Context, name: str, path: Path, declared: Mapping[str, Any]) -> bool:
    """Whether there is a volume of this name. Where there is none, that is reported (MLC316)."""
    if name not in declared:
        context.unknown("MLC316", f"there is no volume `{name}`", path, name, declared, "declare it under `volumes`", at="key")
    return name in declared


def _volume(context: Context, name: str, entry: Mapping[str, Any], path: Path) -> Volume:
    if "claim" in entry:
        claim, given = object_name(context, entry["claim"], (*path, "claim"), "a PersistentVolumeClaim")
        return Claim(name, claim, path, given)
    if "size" in entry:
        workspace = ((context.data.get("targets") or {}).get("kfp") or {}).get("workspace") == name
        return RunClaim(name, *_claim(context, entry, path), workspace, path, entry.get("keep", False))
    if "ephemeral" in entry:
        return Ephemeral(name, *_claim(context, entry["ephemeral"], (*path, "ephemeral")), path)
    if "host_path" in entry:
        check_form(context, entry["host_path"], (*path, "host_path"), root=True)
        return HostPath(name, entry["host_path"], path)
    if "nfs" in entry:
        server, folder = entry["nfs"]["server"], entry["nfs"]["path"]
        check_host(context, server, (*path, "nfs", "server"))
        check_form(context, folder, (*path, "nfs", "path"), root=True)
        return Nfs(name, server, folder, path)
    if "memory" in entry:
        return Memory(name, amount(context, entry["memory"], (*path, "memory")), path)
    if "empty_dir" in entry:
        limit = (entry["empty_dir"] or {}).get("size")
        return EmptyDir(name, "" if limit is None else amount(context, limit, (*path, "empty_dir", "size")), path)
    if "secret" in entry:
        secret, given = object_name(context, entry["secret"], (*path, "secret"), "a Secret")
        mode = entry.get("mode")
        return SecretVolume(name, secret, int(source_text(mode), 8) if mode is not None else None, path, given)
    config_map, given = object_name(context, entry["config_map"], (*path, "config_map"), "a ConfigMap")
    return ConfigMapVolume(name, config_map, path, given)


def _claim(context: Context, entry: Mapping[str, Any], path: Path) -> tuple[str, str, str]:
    """Size, access mode and storage class of a claim that is to be made."""
    storage_class: str = entry.get("storage_class", "")
    if storage_class:
        check_object(context, storage_class, (*path, "storage_class"), "a StorageClass")
    return amount(context, entry["size"], (*path, "size")), entry.get("access_mode", "ReadWriteOnce"), storage_class


def amount(context: Context, value: Any, path: Path) -> str:
    """A size above zero, as Kubernetes writes it."""
    text = source_text(value)
    problem = bytes_problem(text)
    if problem and "${{" not in text:
        context.report("MLC319", f"`{text}` {problem}", path, help=f"sizes look like `10Gi`, `500Mi` or `1.5G`{meant(text)}")
    return text
