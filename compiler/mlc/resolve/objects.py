"""`resource`: a step that does something to a Kubernetes object, and waits for it."""

from __future__ import annotations

import re

from ..ir import Applied, Image, Step
from ..patterns import lazy
from . import conditions, resources
from .merge import OF_RESOURCES
from .names import check_object
from .steps import edges, placement, pod_metadata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..diagnostics.model import Path
    from .context import Context
    from .merge import Merged
    from .steps import Project

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY = rf"(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?{_NAME}"
_VALUES = rf"\(\s*(?:{_NAME})?(?:\s*,\s*(?:{_NAME})?)*\s*\)"
_REQUIREMENT = lazy(
    rf"\s*(?:!\s*{_KEY}|{_KEY}(?:\s*(?:==|=|!=)\s*(?:{_NAME})?|\s*[<>]\s*-?[0-9]{{1,18}}|\s+(?:in|notin)\s+{_VALUES})?)\s*", re.ASCII
)
"""One requirement of a label selector (k8s.io/apimachinery/pkg/labels/selector.go, Parse), which Argo reads over the object's JSON."""
_OUTER_COMMA = lazy(r",(?![^()]*\))")


def resolve(context: Context, step: Merged, project: Project) -> tuple[Step, dict[str, Path]]:
    """The step (`after` still empty), and the steps it waits for with the place that says so."""
    for key in step.data:
        if key not in OF_RESOURCES:
            help = "take it out, or do this in a step of its own"
            context.report("MLC209", f"a step with a `resource` has no program, and no `{key}`", step.where(key), at="key", help=help)
    needs = conditions.named_steps(context, step, "needs", project.ports)
    gates = conditions.named_steps(context, step, "gate", project.ports)
    if account := step.get("service_account", ""):
        check_object(context, account, step.where("service_account"), "a ServiceAccount")
    labels, given_labels, annotations = pod_metadata(context, step)
    resolved = Step(
        name=step.name,
        title=step.get("title", ""),
        description=step.get("description", ""),
        image=Image("", "", "", step.where("resource")),
        command=None,
        args=(),
        script=None,
        workdir="",
        env=(),
        after=(),
        conditions=(*conditions.gates(context, step, gates, project.thresholds), *conditions.when(context, step)),
        inputs=(),
        outputs=(),
        values=(),
        metrics=(),
        mounts=(),
        resources=(),
        retry=resources.retry(context, step),
        timeout=resources.timeout(context, step),
        cache=None,
        labels=labels,
        given_labels=given_labels,
        annotations=annotations,
        scheduling=placement(context, step),
        origin=step.origin,
        merged=step.moved,
        service_account=account,
        resource=_applied(context, step),
    )
    return resolved, edges(resolved, needs, gates)


def _applied(context: Context, step: Merged) -> Applied:
    entry, path = step.get("resource"), step.where("resource")
    action, manifest, place = entry["action"], entry.get("manifest", {}), (*path, "manifest")
    if "manifest" in entry:
        _identity(context, manifest, action, place)
    if ("manifest" in entry) == ("file" in entry):
        message = f"`resource` has {'both' if 'file' in entry else 'neither'} `manifest` {'and' if 'file' in entry else 'nor'} `file`"
        help = "write the object under `manifest`, or name the `file` that holds it"
        context.report("MLC209" if "file" in entry else "MLC202", message, path, at="key", help=help)
    for key in ("success", "failure"):
        if key in entry:
            _condition(context, entry[key], (*path, key))
            if action == "delete":
                help = "take it out: the step is done when the object is gone"
                context.report("MLC209", f"there is no object to wait for with `{key}` after `delete`", (*path, key), at="key", help=help)
    return Applied(action, _tree(context, manifest, place), entry.get("success", ""), entry.get("failure", ""), path)


def _identity(context: Context, manifest: dict[str, Any], action: str, path: Path) -> None:
    """`kubectl` needs to know what the object is and how it is called."""
    missing = [key for key in ("apiVersion", "kind") if not isinstance(manifest.get(key), str) or not manifest[key]]
    metadata = manifest.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    if not named.get("name") and not (action == "create" and named.get("generateName")):
        missing.append("metadata.name")
    if missing:
        help = "an object has `apiVersion`, `kind` and a name, such as `{apiVersion: v1, kind: ConfigMap, metadata: {name: model}}`"
        context.report("MLC334", f"the object has no `{'`, no `'.join(missing)}`", path, at="key", help=help)


def _condition(context: Context, text: str, path: Path) -> None:
    """A label selector whose keys are paths of fields, such as `status.phase == Succeeded, status.active < 1`."""
    if "${{" in text:
        return  # reported with all other expressions that may not stand where they are
    start = 0
    for part in _OUTER_COMMA.split(text):
        if _REQUIREMENT.fullmatch(part) is None:
            help = "write `status.phase == Running`, `status.failed > 3` or `spec.type in (a, b)`, with commas between several"
            shown = f"`{part.strip()}` is no condition of an object" if part.strip() else "a condition of an object is empty"
            context.report("MLC333", shown, path, within=(start, start + len(part)), help=help)
        start += len(part) + 1


def _tree(context: Context, node: Any, path: Path) -> Any:
    """The manifest with its texts bound."""
    if isinstance(node, dict):
        return {key: _tree(context, value, (*path, key)) for key, value in node.items()}
    if isinstance(node, list):
        return tuple(_tree(context, value, (*path, index)) for index, value in enumerate(node))
    return context.text(node, path, context.scope("a manifest")) if isinstance(node, str) else node
