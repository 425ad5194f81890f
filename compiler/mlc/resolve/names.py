"""Names: what is reserved, what is too alike, and what Kubernetes accepts.

Kubernetes: `k8s.io/apimachinery/pkg/util/validation/validation.go` (DNS-1123 subdomains, qualified names, label values).
"""

from __future__ import annotations

import re

from ..diagnostics.model import Related
from ..ir import Given
from ..patterns import lazy

OBJECT_RULE = "lower-case letters, digits, `-` and `.`, at most 253 characters, a letter or digit at both ends"
LABEL_RULE = "at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends"

_EXPRESSION = "${{"
"""A text with an expression has been reported already, as one that may not stand there: its form is no second problem."""

# What most names are needs no pattern (`is_plain`): compiling one takes longer than looking at all names of a small project.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..diagnostics.model import At, Path
    from ..ir import Text
    from .context import Context

_STEP_WORDS = frozenset(
    ("in", "not", "and", "or", "matches", "contains", "let", "if", "else", "nil", "true", "false", "root", "entrypoint", "iteration")
)
_SUBDOMAIN = lazy(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_QUALIFIED = lazy(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_KEY = lazy(r"[-._a-zA-Z0-9]{1,253}", re.ASCII)
_ENV = lazy(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_FIELD = (
    r"metadata\.(name|namespace|uid|(labels|annotations)\['[^'\\]+'\])"
    r"|spec\.(nodeName|serviceAccountName)|status\.(hostIP|hostIPs|podIP|podIPs)"
)
_HOST = r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+"
_NOTES = 240 * 1024
"""Bytes: Kubernetes keeps 256 KiB of annotations for an object, and engines add their own (apimachinery, `TotalAnnotationSizeLimitB`)."""
_OURS = "mlc/"
_ARGO = "workflows.argoproj.io/"
_ARGO_WORDS = frozenset(
    "artifact-gc-pod artifact-gc-strategy cluster-workflow-template completed component controller-instanceid cron-workflow node-id"
    " node-name node-start-time node-type on-exit phase pod-gc-strategy pod-name-format report-outputs-completed scheduled-time span-id"
    " trace-id workflow workflow-archiving-status workflow-event-binding workflow-name workflow-template workflow-uid".split()
)
"""Labels and annotations by which Argo's controller finds its own objects (workflow/common/common.go). A `completed` workflow is never
started, a pod with another `workflow` or `node-id` never seen again. KFP runs on the same controller."""
_KEY_RULE = "at most 63 letters, digits, `-`, `_` and `.`; before it, if needed, a domain and `/`"


def is_plain(text: str) -> bool:
    """Whether a text is lower-case letters, digits and single or double inner dashes: `[a-z0-9]([-a-z0-9]*[a-z0-9])?`."""
    return text.isascii() and text == text.lower() and text.replace("-", "0").isalnum() and text[0] != "-" != text[-1]


def check_steps(context: Context, places: Mapping[str, Path]) -> None:
    """Names that an engine, or the compiler, needs for itself."""
    for name, path in places.items():
        if name in _STEP_WORDS:
            context.report("MLC307", f"`{name}` is a reserved word", path, at="key", help=f"call the step `{name}-step`, for example")
        elif name.startswith("iteration-"):
            context.report(
                "MLC307", f"`{name}` starts with `iteration-`, which KFP uses for loops", path, at="key", help="choose another name"
            )
        elif name.endswith("-driver") and name.removesuffix("-driver") in places:
            owner = name.removesuffix("-driver")
            help = f"KFP makes a task of that name for step `{owner}`: choose another name"
            context.report("MLC307", f"`{name}` is taken", path, at="key", help=help)
    check_ours(context, places)


def check_ours(context: Context, names: Mapping[str, Path]) -> None:
    """Names that the compiler makes up start with `x-`: nobody else's may."""
    for name, path in names.items():
        if name.startswith("x-"):
            message = f"`{name}` starts with `x-`, which is kept for the compiler"
            context.report("MLC307", message, path, at="key", help="choose another name")


def check_ports(context: Context, names: Mapping[str, Path]) -> None:
    """Names of one step's outputs, values and metrics."""
    check_ours(context, names)
    if "executor-logs" in names:
        help = "KFP stores a step's log under it: choose another name"
        context.report("MLC307", "`executor-logs` is taken", names["executor-logs"], at="key", help=help)


def check_alike(context: Context, names: Mapping[str, Path]) -> None:
    """Refuse names that differ only in case, or in `-` and `_`: engines and environments fold them into one."""
    seen: dict[str, str] = {}
    for name, path in names.items():
        folded = name.lower().replace("_", "-")
        first = seen.setdefault(folded, name)
        if first != name:
            related = (Related(names[first], "the other one", "key"),)
            context.report(
                "MLC306",
                f"`{name}` and `{first}` differ only in case or in `-` and `_`",
                path,
                at="key",
                related=related,
                help="give them names that cannot be confused",
            )


def check_object(context: Context, name: str, path: Path, what: str, limit: int = 253) -> None:
    """The name of a Kubernetes object: a DNS-1123 subdomain."""
    if _EXPRESSION not in name and not is_object_name(name, limit):
        help = OBJECT_RULE.replace("253", str(limit))
        context.report("MLC323", f"`{name}` cannot be the name of {what}", path, help=help)


def object_name(context: Context, name: str, path: Path, what: str) -> tuple[str, Text | None]:
    """The name of an object as it is written, and where the run completes it the text with its parameters."""
    if _EXPRESSION not in name:
        check_object(context, name, path, what)
        return name, None
    from . import run_time  # of few projects

    return run_time.named(context, name, path, f"the name of {what}", is_object_name, OBJECT_RULE)


def is_object_name(name: str, limit: int = 253) -> bool:
    """Whether a text is a DNS-1123 subdomain."""
    return len(name) <= limit and (is_plain(name) or _SUBDOMAIN.fullmatch(name) is not None)


def completed(context: Context, labels: Mapping[str, str], where: Mapping[str, Path]) -> tuple[dict[str, str], tuple[Given, ...]]:
    """Labels of a pod as they are written, and those whose value the run completes."""
    check_labels(context, labels, (), where)
    if not any(_EXPRESSION in value for value in labels.values()):
        return dict(labels), ()
    found, given = dict(labels), []
    for key, value in labels.items():
        if _EXPRESSION in value:
            from . import run_time  # of few projects

            found[key], text = run_time.named(
                context, value, where[key], "the value of a label", is_label_value, LABEL_RULE, ("string", "int", "bool")
            )
            if text is not None:
                given.append(Given(key, text))
    return found, tuple(given)


def check_key(context: Context, key: str, path: Path, what: str) -> None:
    """A key of a Secret or a ConfigMap."""
    if _EXPRESSION not in key and _KEY.fullmatch(key) is None:
        context.report(
            "MLC323", f"`{key}` cannot be a key of {what}", path, help="letters, digits, `-`, `_` and `.`, at most 253 characters"
        )


def check_host(context: Context, name: str, path: Path) -> None:
    """A host: a DNS name or an IP address."""
    if _EXPRESSION not in name and (len(name) > 253 or re.fullmatch(_HOST, name, re.ASCII) is None):
        help = "a name such as `nfs.example.com`, or an IP address"
        context.report("MLC323", f"`{name}` cannot be the name of a server", path, help=help)


def check_resource(context: Context, name: str, path: Path) -> None:
    """The name of an extended resource: a domain, `/`, a name (k8s.io/kubernetes/pkg/apis/core/v1/helper, IsExtendedResourceName)."""
    prefix, slash, last = name.rpartition("/")
    if not slash or _SUBDOMAIN.fullmatch(prefix) is None or _QUALIFIED.fullmatch(last) is None:
        help = "devices are named by a domain and a name, such as `nvidia.com/gpu` or `amd.com/gpu`"
        context.report("MLC323", f"`{name}` cannot be the name of a resource", path, help=help)


def check_env(context: Context, name: str, path: Path) -> None:
    """The name of an environment variable."""
    if _ENV.fullmatch(name) is None:
        help = "letters, digits and `_`, not starting with a digit"
        context.report("MLC323", f"`{name}` cannot be the name of an environment variable", path, at="key", help=help)


def check_field(context: Context, field: str, path: Path) -> None:
    """A field of the pod that Kubernetes offers to its containers (k8s.io/api/core/v1 `ObjectFieldSelector`)."""
    if _EXPRESSION not in field and re.fullmatch(_FIELD, field) is None:
        help = "some that it can: `metadata.name`, `metadata.namespace`, `metadata.labels['KEY']`, `spec.nodeName`, `status.podIP`"
        context.report("MLC323", f"`{field}` is no field that a container can read", path, help=help)


def check_labels(context: Context, labels: Mapping[str, str], path: Path, where: Mapping[str, Path] | None = None) -> None:
    """Keys and values of labels."""
    for key, value in labels.items():
        place = where[key] if where else (*path, key)
        _qualified(context, key, place, "a label")
        check_label_value(context, value, place)


def check_label_value(context: Context, value: str, path: Path) -> None:
    """The value of a label (`IsValidLabelValue`)."""
    if _EXPRESSION not in value and not is_label_value(value):
        help = f"{LABEL_RULE}; `annotations` take any text"
        context.report("MLC323", f"`{value}` cannot be the value of a label", path, help=help)


def is_label_value(value: str) -> bool:
    """Whether a text can be the value of a label."""
    return not value or (len(value) <= 63 and is_plain(value)) or _QUALIFIED.fullmatch(value) is not None


def check_label_key(context: Context, key: str, path: Path, at: At = "key") -> None:
    """The key of a label that somebody else set (`IsQualifiedName`)."""
    if _EXPRESSION not in key and not _is_qualified(key):
        context.report("MLC323", f"`{key}` cannot be the key of a label", path, at=at, help=_KEY_RULE)


def check_namespace(context: Context, name: str, path: Path) -> None:
    """The name of a namespace: one part of a domain name, at most 63 characters (`ValidateNamespaceName`)."""
    if _EXPRESSION not in name and not (len(name) <= 63 and is_plain(name)):
        help = "lower-case letters, digits and `-`, at most 63 characters, a letter or digit at both ends"
        context.report("MLC323", f"`{name}` cannot be the name of a namespace", path, help=help)


def check_annotations(context: Context, annotations: Mapping[str, str], path: Path, where: Mapping[str, Path] | None = None) -> None:
    """Keys of annotations; their values are free."""
    for key in annotations:
        _qualified(context, key, where[key] if where else (*path, key), "an annotation")


def check_notes(context: Context, annotations: Mapping[str, str], title: str, description: str, where: Callable[..., Path]) -> None:
    """Title, description and annotations fit into the annotations of one object."""
    if 4 * (len(title) + len(description) + sum(map(len, annotations.values()))) <= _NOTES:
        return
    texts: dict[tuple[str, ...], str] = {
        ("title",): title,
        ("description",): description,
        **{("annotations", key): text for key, text in annotations.items()},
    }
    if sum(len(text.encode()) for text in texts.values()) > _NOTES:
        longest = max(texts, key=lambda key: len(texts[key]))
        message = f"`title`, `description` and `annotations` together have more than {_NOTES:,} bytes, which Kubernetes does not keep"
        context.report("MLC206", message, where(*longest), help="keep a long text in a file, and say here where it is")


def _qualified(context: Context, key: str, path: Path, what: str) -> None:
    if key.startswith(_OURS):
        context.report(
            "MLC307", f"`{key}` starts with `{_OURS}`, which is kept for the compiler", path, at="key", help="choose another prefix"
        )
    elif key.startswith(_ARGO) and key.rpartition("/")[2] in _ARGO_WORDS:
        help = "leave it out, or use a key of your own"
        context.report("MLC307", f"`{key}` is set by Argo Workflows, which runs on it, on every target", path, at="key", help=help)
    elif not _is_qualified(key):
        context.report("MLC323", f"`{key}` cannot be the key of {what}", path, at="key", help=_KEY_RULE)


def _is_qualified(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    return _QUALIFIED.fullmatch(name) is not None and not (slash and (len(prefix) > 253 or _SUBDOMAIN.fullmatch(prefix) is None))
