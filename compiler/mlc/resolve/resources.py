"""`resources`, `retry`, `timeout` and `cache` of a step."""

from __future__ import annotations

from ..diagnostics.model import Related
from ..ir import Cache, Resource, Retry
from ..lowering.quantity import nanos
from ..scalars import source_text
from .names import check_resource
from .quantity import bytes_problem, cores_problem, is_whole, meant, seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..diagnostics.model import Path
    from .context import Context
    from .merge import Merged

_NAMES = {"cpu": "cpu", "memory": "memory", "ephemeral_storage": "ephemeral-storage"}
_GPU = "nvidia.com/gpu"
_LONGEST = 366 * 24 * 3600
"""Seconds. Engines count in 32 bits; whoever waits longer has made a mistake."""
_MOST = 10_000
"""Attempts, and the factor between them: engines count in 32 bits."""


def resources(context: Context, step: Merged) -> tuple[Resource, ...]:
    """Requests and limits. A GPU's request and limit are one number (Kubernetes' extended resources): either form gives both."""
    declared = step.get("resources")
    if not declared:
        return ()
    apart = "requests" in declared or "limits" in declared
    requests = _amounts(context, declared.get("requests") or {}, step, ("resources", "requests")) if apart else None
    limits = _amounts(context, declared.get("limits") or {}, step, ("resources", "limits")) if apart else None
    both = None if apart else _amounts(context, declared, step, ("resources",))
    found: list[Resource] = []
    for name in dict.fromkeys((*(requests or {}), *(limits or {}), *(both or {}))):
        request, request_path = (requests or both or {}).get(name, ("", ()))
        limit, limit_path = (limits or both or {}).get(name, ("", ()))
        if name not in _NAMES.values():
            request, limit = request or limit, limit or request
        found.append(Resource(name, request, limit, limit_path or request_path))
        asked, most = nanos(request) if request else None, nanos(limit) if limit else None
        if asked is not None and most is not None and asked > most:
            related = (Related(limit_path, "the limit"),)
            context.report(
                "MLC318", f"the request of {name} is above its limit", request_path, related=related, help=f"request at most {limit}"
            )
        elif asked != most and name not in _NAMES.values() and None not in (asked, most):
            context.report("MLC318", f"request and limit of {name} differ", request_path, help="write the number once, under `limits`")
    return tuple(found)


def _amounts(context: Context, declared: Mapping[str, Any], step: Merged, key: tuple[str, ...]) -> dict[str, tuple[str, Path]]:
    found: dict[str, tuple[str, Path]] = {}
    for name, value in declared.items():
        path = step.where(*key, name)
        if value is None:
            continue
        if name == "gpu":
            kind, count = _gpu(context, value, path)
            found[kind] = (count, path)
        else:
            text = source_text(value)
            problem = cores_problem(text) if name == "cpu" else bytes_problem(text)
            if problem and "${{" not in text:
                example = "`4`, `0.5` or `500m`" if name == "cpu" else f"`8Gi` or `512Mi`{meant(text)}"
                context.report("MLC319", f"`{text}` {problem}", path, help=f"amounts of {name} look like {example}")
            found[_NAMES[name]] = (text, path)
    return found


def _gpu(context: Context, value: Any, path: Path) -> tuple[str, str]:
    kind, count = _GPU, value
    if isinstance(value, dict):
        kind, count = value.get("type", _GPU), value.get("count", 1)
        check_resource(context, kind, (*path, "type"))
        path = (*path, "count")
    text = source_text(count)
    amount = nanos(text)
    # 010 means 8 to some, and KFP's int64 has no such form
    if not amount or not is_whole(amount) or not text.isdigit() or text[0] == "0":
        context.report("MLC319", f"`{text}` is not a number of GPUs", path, help="GPUs are whole numbers from 1; they cannot be split here")
    return kind, text


def duration(context: Context, value: Any, path: Path) -> int:
    """Seconds; 0 and a finding where the text is no duration."""
    text = source_text(value)
    found = seconds(text)
    if found is None and "${{" not in text:
        context.report("MLC319", f"`{text}` is not a duration", path, help="durations look like `30s`, `10m`, `2h` or `1h30m`")
    elif found and found > _LONGEST:
        context.report("MLC319", f"`{text}` is longer than a year", path, help="choose a duration of at most 8760h")
    return found or 0


def retry(context: Context, step: Merged) -> Retry | None:
    """`retry`"""
    entry = step.get("retry")
    if entry is None:
        return None
    backoff = entry.get("backoff") or {}
    path = step.where("retry")
    for value, place in ((entry["limit"], ("limit",)), (backoff.get("factor", 0), ("backoff", "factor"))):
        if value > _MOST:
            context.report("MLC206", f"`{place[-1]}` of `retry` is above {_MOST}", (*path, *place), help=f"choose at most {_MOST}")
    first = duration(context, backoff["duration"], (*path, "backoff", "duration")) if "duration" in backoff else 0
    longest = duration(context, backoff["max"], (*path, "backoff", "max")) if "max" in backoff else 0
    if backoff and not first and "duration" not in backoff:
        help = "say how long to wait before the first retry: `duration: 30s`"
        context.report("MLC202", "`backoff` has no `duration`", (*path, "backoff"), at="key", help=help)
    if first and longest and longest < first:
        context.report("MLC206", "`max` of the backoff is shorter than its `duration`", (*path, "backoff", "max"), help="swap them")
    factor = _factor(backoff["factor"]) if "factor" in backoff else ""
    return Retry(int(entry["limit"]), entry.get("on", "failure"), first, factor, longest, path)


def _factor(value: Any) -> str:
    """The text of a factor; a whole number has no fraction, however it was written: engines take `2`, not `2.0`."""
    return str(int(value)) if value == int(value) else source_text(value)


def timeout(context: Context, step: Merged) -> int:
    """`timeout` in seconds, 0 where there is none."""
    value = step.get("timeout")
    return 0 if value is None else duration(context, value, step.where("timeout"))


def cache(step: Merged) -> Cache | None:
    """`cache`"""
    value = step.get("cache")
    if value is None:
        return None
    if isinstance(value, bool):
        return Cache(value, "", step.where("cache"))
    return Cache(True, value["key"], step.where("cache"))
