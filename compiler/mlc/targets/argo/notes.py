"""What people read about a step, its files and the parameters, where Argo has no field of its own for it.

`Template.annotations` and the UI's `display-name` came with 3.7; 3.5 and 3.6 refuse the field. The annotations of the pod are
there in every version, and the UI shows them with the template.
"""

from __future__ import annotations

from ...expr.write import written
from ...lowering.params import described, limits
from ...patterns import lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...ir import About, Metric, Param, Step


_ODD = lazy("[^A-Za-z0-9.]+")


def displayed(title: str) -> str:
    """A title as the name of a node: of letters, digits, `-` and `.` alone, "" where too little is left.

    A step with any other name errs when it is due (controller/operator.go, displayNameRegex); no validator looks at it.
    """
    found = _ODD.sub("-", title)[:63].strip("-.")
    return found if len(found) > 1 else ""


def of_pod(step: Step) -> dict[str, str]:
    """The step's own annotations, and `mlc/` ones: title, description, types that are not the default, what metrics are held to."""
    types = [f"{port.name}={port.type}" for port in step.inputs if port.external is not None and port.type != "artifact"]
    types += [f"{port.name}={port.type}" for port in step.outputs if port.type != "artifact"]
    types += [f"{value.name}={value.type}" for value in step.values if value.type != "string"]
    metrics = [note for metric in step.metrics if (note := _metric(metric)) != metric.name]
    known = {port.name: port.about for port in step.outputs if port.about}
    known.update({port.name: port.external.about for port in step.inputs if port.external is not None and port.external.about})
    made = (
        ("mlc/title", step.title),
        ("mlc/description", step.description),
        ("mlc/types", ", ".join(types)),
        ("mlc/metrics", ", ".join(metrics)),
        ("mlc/cache", _key(step)),
        ("mlc/artifacts", "; ".join(_about(name, about) for name, about in known.items())),
    )
    return {**step.annotations, **{key: text for key, text in made if text}}


def _key(step: Step) -> str:
    if step.cache is None:
        return ""
    from .memo import cached  # of few projects

    return step.cache.key if cached(step) else ""


def _about(name: str, about: About) -> str:
    """`model: what it is (framework="onnx", layers=12)`"""
    import json  # of few projects

    facts = ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in about.metadata.items())
    return f"{name}: {about.description}{' ' if about.description and facts else ''}{f'({facts})' if facts else ''}"


def parameter(param: Param) -> str:
    """The description of a parameter, with what the UI cannot say otherwise: its type and its limits."""
    return described(param, "" if param.type == "string" else param.type + limits(param))


def _metric(metric: Metric) -> str:
    where = f" ({metric.format})" if metric.format != "json" else "".join(f"[{key}]" for key in metric.key)
    return f"{metric.name}{where} {' and '.join(f'{bound.op} {written(bound.bound)}' for bound in metric.thresholds)}".rstrip()
