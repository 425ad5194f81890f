"""What Kubernetes takes: names, labels, quantities, pieces of pods. Nothing of it is checked by Argo's linter, or by KFP's parsers.

Facts: k8s.io/apimachinery pkg/util/validation and pkg/api/resource, kubernetes pkg/apis/core/validation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from .shape import EXACTLY_ONE, Check, Each, filled, one_of, text, twice

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_ENV = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_FIELD = re.compile(
    r"metadata\.(name|namespace|uid)|metadata\.(labels|annotations)\['[^']+'\]|spec\.(nodeName|serviceAccountName)|status\.(hostIPs?|podIPs?)"
)
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?)(n|u|m|k|[MGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?")
_PATH = re.compile(r"/[^:\0]*")
_IMAGE = re.compile(r"[^\s{}$]+|\{\{inputs\.parameters\.[-\w]+\}\}|\{\{\$\.inputs\.parameters\['[^'{}]+'\]\}\}")
_INPUT = re.compile(r"\{\{inputs\.parameters\.[-\w]+\}\}")
_UNITS = {"": Fraction(1), "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "k": Fraction(1000)}
_UNITS |= {unit: Fraction(1000**power) for power, unit in enumerate("MGTPE", 2)}
_UNITS |= {f"{unit}i": Fraction(1024**power) for power, unit in enumerate("KMGTPE", 1)}

ANNOTATIONS = 256 * 1024
"""Bytes that all annotations of an object may have together."""

ARGUMENT = 131_071
"""Bytes of one process argument, or of one `NAME=value`."""


def volume_name(value: Any) -> str:
    """A DNS label: what a pod's volumes are called."""
    return "" if isinstance(value, str) and _LABEL.fullmatch(value) else "is no name of at most 63 lower case letters, digits and -"


def object_name(value: Any) -> str:
    """A DNS subdomain: what objects are called."""
    fits = isinstance(value, str) and len(value) <= 253 and _SUBDOMAIN.fullmatch(value)
    return "" if fits else "is no name of a Kubernetes object"


def label_key(value: Any) -> str:
    """A name, or a domain, a slash and a name."""
    prefix, slash, name = value.rpartition("/")
    fits = _QUALIFIED.fullmatch(name) and (not slash or not object_name(prefix))
    return "" if fits else "is no key of a label or an annotation"


def label_value(value: Any) -> str:
    """At most 63 characters of a name, or none."""
    return "" if isinstance(value, str) and (not value or _QUALIFIED.fullmatch(value)) else "is no value of a label"


def env_name(value: Any) -> str:
    """What a variable may be called."""
    return "" if isinstance(value, str) and _ENV.fullmatch(value) else "is no name of a variable"


def config_key(value: Any) -> str:
    """A key of a Secret or a ConfigMap."""
    return (
        "" if isinstance(value, str) and _CONFIG_KEY.fullmatch(value) and value not in (".", "..") else "is no key of a Secret or ConfigMap"
    )


def field_path(value: Any) -> str:
    """A field of the pod that a variable can take."""
    return "" if isinstance(value, str) and _FIELD.fullmatch(value) else "is no field of a pod"


def path(value: Any) -> str:
    """An absolute path."""
    fits = isinstance(value, str) and _PATH.fullmatch(value) and ".." not in value.split("/") and "{{" not in value
    return "" if fits else "is no absolute path"


def descending(value: Any) -> str:
    """A path inside a volume."""
    fits = isinstance(value, str) and value and value[0] != "/" and ".." not in value.split("/") and "{{" not in value and ":" not in value
    return "" if fits else "is no path inside a volume"


def identity(value: Any) -> str:
    """The number of a user or a group."""
    return "" if type(value) is int and 0 <= value < 2**31 else "is no user or group"


def container_port(value: Any) -> str:
    """A port that a container listens on."""
    return "" if type(value) is int and 0 < value < 2**16 else "is no port"


def image(value: Any) -> str:
    """A reference of an image: no white space, nothing that anybody would expand; or an input as a whole."""
    return "" if isinstance(value, str) and _IMAGE.fullmatch(value) else "is no image"


def size(value: Any) -> str:
    """A quantity above 0."""
    found = quantity(value)
    return "" if found is not None and found > 0 else "is no quantity above 0"


def quantity(value: Any) -> Fraction | None:
    """The amount of a quantity (a text: YAML readers differ in what they take `1e3` for), None for what is none."""
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    digits, unit = Fraction(match[1].rstrip(".")), match[2] or ""
    return digits * (_UNITS[unit] if unit in _UNITS else Fraction(10) ** int(unit[1:]))


def chosen(check: Check) -> Check:
    """What `check` takes, or an input of the template as a whole, which the run fills in."""
    return lambda value: "" if isinstance(value, str) and _INPUT.fullmatch(value) else check(value)


LABELS = Each(label_key, label_value)
POD_LABELS = Each(label_key, chosen(label_value))
ANNOTATION_TEXTS = Each(label_key, text)
ACCESS_MODE = one_of("ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany", "ReadWriteOncePod")
PULL_POLICY = one_of("Always", "IfNotPresent", "Never")

_KEY = {"name": chosen(object_name), "key": config_key}
ENV = {
    "name": env_name,
    "value?": text,
    "valueFrom?": {
        "secretKeyRef?": _KEY,
        "configMapKeyRef?": _KEY,
        "fieldRef?": {"fieldPath": field_path},
        EXACTLY_ONE: [("secretKeyRef", "configMapKeyRef", "fieldRef")],
    },
    EXACTLY_ONE: [("value", "valueFrom")],
}

_AMOUNTS = Each(label_key, size)
CONTAINER = {
    "image": image,
    "imagePullPolicy?": PULL_POLICY,
    "command?": [text],
    "args?": [text],
    "workingDir?": path,
    "env?": [ENV],
    "resources?": {"requests?": _AMOUNTS, "limits?": _AMOUNTS},
    "volumeMounts?": [{"name": volume_name, "mountPath": path, "subPath?": descending, "readOnly?": True}],
    "securityContext?": {
        "runAsUser?": identity,
        "runAsGroup?": identity,
        "runAsNonRoot?": lambda value: "" if isinstance(value, bool) else "is no boolean",
    },
}

_CLAIM_SPEC = {
    "accessModes": [ACCESS_MODE],
    "storageClassName?": object_name,
    "resources": {"requests": {"storage": size}},
}


def _volume(named: Check) -> dict[str, Any]:
    return {
        "name": volume_name,
        "persistentVolumeClaim?": {"claimName": named},
        "emptyDir?": {"medium?": "Memory", "sizeLimit?": size},
        "secret?": {
            "secretName": named,
            "defaultMode?": lambda value: "" if type(value) is int and 0 <= value <= 0o777 else "is no mode",
        },
        "configMap?": {"name": named},
        "ephemeral?": {"volumeClaimTemplate": {"spec": _CLAIM_SPEC}},
        "hostPath?": {"path": path},
        "nfs?": {"server": filled, "path": path},
        EXACTLY_ONE: [("persistentVolumeClaim", "emptyDir", "secret", "configMap", "ephemeral", "hostPath", "nfs")],
    }


VOLUME, POD_VOLUME = _volume(object_name), _volume(chosen(object_name))
"""A volume of a workflow, and one of a template, whose name an input may be."""

CLAIM = {
    "metadata": {"name": volume_name},
    "spec": _CLAIM_SPEC,
}


def seconds(value: Any) -> str:
    """Seconds of a toleration."""
    return "" if type(value) is int and value >= 0 else "is no number of seconds"


def weight(value: Any) -> str:
    """How much a preference counts."""
    return "" if type(value) is int and 1 <= value <= 100 else "is no weight from 1 to 100"


_OPERATORS = {"In": (1, 999), "NotIn": (1, 999), "Exists": (0, 0), "DoesNotExist": (0, 0), "Gt": (1, 1), "Lt": (1, 1)}
_WHOLE = re.compile(r"[0-9]+")


def requirement(value: Any) -> str:
    """A requirement on a label of a node: as many values as its operator takes, each such as a label may have."""
    if not isinstance(value, dict) or not value.keys() <= {"key", "operator", "values"} or label_key(str(value.get("key"))):
        return "is no requirement on a label"
    given, operator = value.get("values", []), value.get("operator")
    if operator not in _OPERATORS or not isinstance(given, list) or any(map(label_value, given)):
        return "is no requirement on a label"
    fewest, most = _OPERATORS[operator]
    if not fewest <= len(given) <= most or (operator in ("Gt", "Lt") and not _WHOLE.fullmatch(given[0])):
        return f"is no requirement that {operator} can meet"
    return ""


def requirement_of_pods(value: Any) -> str:
    """The same on a label of a pod or a namespace."""
    return requirement(value) or ("compares, which only nodes do" if value["operator"] in ("Gt", "Lt") else "")


def _field(value: Any) -> str:
    fits = isinstance(value, dict) and value.get("key") == "metadata.name" and value.get("operator") in ("In", "NotIn")
    return "" if fits and isinstance(value.get("values"), list) and len(value["values"]) == 1 else "is no requirement on a field"


def toleration(value: Any, *, counted: Check = seconds) -> str:
    """A toleration, whose parts go together."""
    if not isinstance(value, dict) or not value or not value.keys() <= {"key", "operator", "value", "effect", "tolerationSeconds"}:
        return "is no toleration"
    if value.get("operator", "Equal") not in ("Equal", "Exists"):
        return "has no operator of a toleration"
    if value.get("effect", "NoExecute") not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
        return "has no effect of a taint"
    exists = value.get("operator") == "Exists"
    if ("key" not in value and not exists) or ("key" in value and label_key(str(value["key"]))):
        return "has no key of a taint"
    if label_value(value.get("value", "")) or (exists and "value" in value):
        return "has no value of a taint"
    if "tolerationSeconds" in value and (value.get("effect") != "NoExecute" or counted(value["tolerationSeconds"])):
        return "has seconds that do not count"
    return ""


NODE_TERM = {"matchExpressions?": [requirement], "matchFields?": [_field]}
_SELECTOR = {"matchLabels?": LABELS, "matchExpressions?": [requirement_of_pods]}
_POD_TERM = {"topologyKey": label_key, "labelSelector": _SELECTOR, "namespaces?": [volume_name], "namespaceSelector?": _SELECTOR}
_REQUIRED, _PREFERRED = "requiredDuringSchedulingIgnoredDuringExecution?", "preferredDuringSchedulingIgnoredDuringExecution?"
_PODS = {_REQUIRED: [_POD_TERM], _PREFERRED: [{"weight": weight, "podAffinityTerm": _POD_TERM}]}
SCHEDULING = {
    "nodeSelector?": LABELS,
    "tolerations?": [toleration],
    "affinity?": {
        "nodeAffinity?": {_REQUIRED: {"nodeSelectorTerms": [NODE_TERM]}, _PREFERRED: [{"weight": weight, "preference": NODE_TERM}]},
        "podAffinity?": _PODS,
        "podAntiAffinity?": _PODS,
    },
}


def metadata(found: dict[str, Any], place: str) -> Iterator[str]:
    """All annotations together fit into an object."""
    if sum(len(f"{key}{value}".encode()) for key, value in found.get("annotations", {}).items()) > ANNOTATIONS:
        yield f"{place}.annotations: are more than 256 KiB"


def resources(found: dict[str, Any], place: str) -> Iterator[str]:
    """Requests keep below limits; what is counted (GPUs) is whole, has a limit, and a request that is equal to it."""
    requests, limits = found.get("requests", {}), found.get("limits", {})
    for name in dict.fromkeys([*requests, *limits]):
        request, limit = quantity(requests.get(name)), quantity(limits.get(name))
        if request is not None and limit is not None and request > limit:
            yield f"{place}.requests.{name}: is above its limit"
        if "/" in name:
            for side, given in (("requests", request), ("limits", limit)):
                if given is not None and given.denominator != 1:
                    yield f"{place}.{side}.{name}: is not whole"
            if limit is None:
                yield f"{place}.limits: has no {name}, which needs one"
            if request is not None and request != limit:
                yield f"{place}.requests.{name}: is not its limit"
        elif name not in ("cpu", "memory", "ephemeral-storage"):
            yield f"{place}: {name} is no resource"


def program(container: dict[str, Any], place: str, tags: re.Pattern[str] | None = None) -> Iterator[str]:
    """What a kubelet makes of command, args and env: every `$` outside the engine's `tags` is doubled, every text fits into an argument."""
    texts = [(f"{place}.{key}[{index}]", word, word) for key in ("command", "args") for index, word in enumerate(container.get(key, ()))]
    for env in container.get("env", ()):
        if "value" in env:
            texts.append((f"{place}.env[{env['name']}]", env["value"], f"{env['name']}={env['value']}"))
    for where, word, whole in texts:
        if any(len(run) % 2 for run in re.findall(r"\$+", tags.sub("", word) if tags else word)):
            yield f"{where}: has a $ that a kubelet would read"
        if len(whole.replace("$$", "$").encode()) > ARGUMENT:
            yield f"{where}: is longer than one process argument"
        if "\0" in word:
            yield f"{where}: holds a NUL"
    if container.get("command", ["x"])[0] == "":
        yield f"{place}.command[0]: is empty"
    yield from twice([env["name"] for env in container.get("env", ())], place, "env")


def inside(inner: str, outer: str) -> bool:
    """Whether a path lies below another one, or is it."""
    return f"{inner}/".startswith(f"{outer.rstrip('/')}/")
