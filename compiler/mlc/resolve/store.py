"""`store`: where artifacts live."""

from __future__ import annotations

import re

from ..ir import Store
from .locations import BUCKETS, HOST
from .names import check_key, check_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..diagnostics.model import Path
    from .context import Context

_HOST = rf"(?:{HOST}|\[[0-9a-fA-F:.]+\](?::[0-9]{{1,5}})?)"
"""An address of IPv6, too."""


def resolve(context: Context, declared: Mapping[str, Any]) -> Store | None:
    """The store, None where there is none; addresses that no client takes are reported (MLC335)."""
    for kind, entry in declared.items():
        path: Path = ("store", kind)
        secret = entry.get("secret") or {}
        if secret:
            check_object(context, secret["name"], (*path, "secret", "name"), "a Secret")
            for key in ("access_key", "secret_key", "key"):
                if key in secret:
                    check_key(context, secret[key], (*path, "secret", key), "a Secret")
        holder = "container" if kind == "azure" else "bucket"
        check_endpoint(context, kind, entry.get("endpoint", ""), (*path, "endpoint"))
        _bucket(context, kind, holder, entry[holder], (*path, holder))
        _prefix(context, entry.get("prefix", ""), (*path, "prefix"))
        check_region(context, entry.get("region", ""), (*path, "region"))
        return Store(
            kind=kind,  # type: ignore[arg-type]
            endpoint=entry.get("endpoint", ""),
            bucket=entry[holder],
            prefix=entry.get("prefix", ""),
            region=entry.get("region", ""),
            insecure=entry.get("insecure", False),
            secret=secret.get("name", ""),
            access_key=secret.get("access_key", ""),
            secret_key=secret.get("secret_key", "") or secret.get("key", ""),
            origin=path,
        )
    return None


def check_endpoint(context: Context, kind: str, text: str, path: Path) -> None:
    """Host and port of a store; on Azure the address of the account."""
    if kind == "azure":
        if not re.fullmatch(rf"https?://{_HOST}(?:/[-A-Za-z0-9]+)?/?", text):
            help = "write the address of the storage account: `https://ACCOUNT.blob.core.windows.net`"
            context.report("MLC335", f"`{text}` is no address of a storage account", path, help=help)
        return
    if not text or re.fullmatch(_HOST, text):
        return
    host = re.match(rf"https?://({_HOST})", text)
    help = "write host and port only, such as `minio.minio.svc.cluster.local:9000`"
    if host:
        help = f"write `{host[1]}`" + (", and `insecure: true` for plain HTTP" if text.startswith("http:") else "")
    context.report("MLC335", f"`{text}` is no host of a store, with or without a port", path, help=help)


def _bucket(context: Context, kind: str, holder: str, text: str, path: Path) -> None:
    form, rule = BUCKETS[kind]
    if not re.fullmatch(form, text):
        name, _, rest = re.sub(r"^[a-z0-9]+://", "", text).partition("/")
        help = f"write `{holder}: {name}`" + (f" and `prefix: {rest.rstrip('/')}`" if rest.rstrip("/") else "")
        help = help if name != text and re.fullmatch(form, name) else f"{holder}s have {rule}"
        context.report("MLC335", f"`{text}` is no name of a {holder}", path, help=help)


def _prefix(context: Context, text: str, path: Path) -> None:
    """Characters that an address takes for itself, or that the clients write differently, are left out."""
    if text and not re.fullmatch(r"[-A-Za-z0-9_.!*'()=@+/]*", text):
        help = "use letters, digits, `/`, `-`, `_`, `.` and `=`"
        context.report("MLC335", f"`{text}` cannot begin the keys of objects", path, help=help)


def check_region(context: Context, text: str, path: Path) -> None:
    """Clients make it a part of host names (RFC 1123), and KFP's address of the store has it as a word of its query."""
    if text and not re.fullmatch(r"[-a-z0-9]{1,63}", text):
        help = "write the short name of the region, such as `eu-west-1`: lower case letters, digits and `-`, at most 63"
        context.report("MLC335", f"`{text}` is no name of a region", path, help=help)
