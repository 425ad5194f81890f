"""Texts that are known only at run time: a DAG task's argument, guarded, and the template's input parameter that receives it.

Argo substitutes values of parameters and contents of value files recursively, and the kubelet expands `$(VAR)` after it. So a
run-time text enters in one place only, as a whole, through an expression that refuses `{{` and doubles `$`; the template's
container then holds nothing but `{{inputs.parameters.NAME}}`.
"""

from __future__ import annotations

from ...ir import EachRef, ListRef, MetricRef, OuterRef, ParamRef, PathRef, RunRef, ValueRef, type_of
from ...lowering.params import bounds, limits
from ...lowering.text import kubelet
from ...patterns import lazy
from .expressions import constant, number, quoted, raw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ...ir import Image, Param, Ref, Text

INT = "'^-?[0-9]+$'"
FLOAT = "'^-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?$'"
_METRIC = r"'^[ \t\r\n]*-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?[ \t\r\n]*$'"
"""A number with white space of JSON around it: `trim` takes away more than that, such as a no-break space."""
_REFERENCE = "'^[-A-Za-z0-9._/:@]+$'"
"""Letters of a part of an image's reference (distribution/reference, regexp.go): among them none of a template."""
_OBJECT = "'^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'"
"""The name of an object, apart from its length (k8s.io/apimachinery/pkg/util/validation, IsDNS1123Subdomain)."""
_LABEL = "'^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$'"
"""The value of a label, apart from its length (same file, IsValidLabelValue)."""
_ODD = lazy(r"[^-A-Za-z0-9_]")
_TYPES = {
    "int": (f"%s matches {INT}", "is not an int"),
    "float": (f"%s matches {FLOAT}", "is not a float"),
    "bool": ("%s in ['true', 'false']", "is not a bool"),
    "list": ("type(fromJSON(%s)) == 'array'", "is not a list"),
    "dict": ("type(fromJSON(%s)) == 'map'", "is not a dict"),
}
"""What the text of a type must meet, and what is wrong with one that does not."""


class Arguments:
    """The input parameters of one step's template and the expressions that its DAG task gives them, in order of first use."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._names: dict[tuple[tuple[str | Ref, ...], bool], str] = {}

    def use(self, text: Text, place: str, *, in_pod: bool = True) -> str:
        """What to write for `text`: in command, args or env, or (not `in_pod`) in a field that only Argo reads and no kubelet.

        The parameter has the name of a reference that is all of it, else `place`.
        """
        constant = text.constant
        if constant is not None:
            return kubelet(constant) if in_pod else constant
        return self.put(text, place, lambda one: argument(one, in_pod=in_pod), in_pod)

    def put(self, text: Text, place: str, written: Callable[[Text], str], in_pod: bool = False) -> str:
        """The tag of the parameter that a run-time text comes in, as a function writes it: one for all equal texts of the template."""
        name = self._names.get((text.pieces, in_pod))
        if name is None:
            name = self._name(text, place)
            self._names[text.pieces, in_pod] = name
            self.values[name] = "{{= " + written(text) + " }}"
        return "{{inputs.parameters." + name + "}}"

    def image(self, image: Image) -> str:
        """What to write for an image. No kubelet expands it; what is no part of a reference in a parameter ends the run."""
        text = image.text
        if text is None:
            return image.ref
        if text.constant is not None:
            return text.constant
        key = (("image", *text.pieces), False)
        if key not in self._names:
            self._names[key] = self._name(text, "image")
            self.values[self._names[key]] = "{{= " + " + ".join(pieces(text, True, _of_image)) + " }}"
        return "{{inputs.parameters." + self._names[key] + "}}"

    def named(self, text: Text, place: str, what: str, *, label: bool = False) -> str:
        """What to write for the name of an object, or for the value of a label, of `what`. One that is none ends the run.

        Argo itself would make the pod, which then waits for its volume, or which the API server refuses.
        """
        key = (("label" if label else "object", *text.pieces), False)
        if key not in self._names:
            self._names[key] = self._name(text, place)
            self.values[self._names[key]] = "{{= " + _legal(text, what, label) + " }}"
        return "{{inputs.parameters." + self._names[key] + "}}"

    def _name(self, text: Text, place: str) -> str:
        wanted = _ODD.sub("-", place)
        if len(text.pieces) == 1:
            step, name = _names(text.references[0])
            wanted = name if name not in self.values or not step else f"{step}-{name}"
        free, count = wanted, 1
        while free in self.values:
            count += 1
            free = f"{wanted}-{count}"
        return free


def not_of(kind: str) -> str:
    """What is wrong with a text that is not of a type."""
    return _TYPES[kind][1] if kind in _TYPES else ""


def _names(ref: Ref) -> tuple[str, str]:
    match ref:
        case ValueRef(step=step, value=value) | ListRef(step=step, value=value):
            return step, value.name
        case MetricRef(step=step, metric=metric):
            return step, metric.name
        case OuterRef(ref=ref):
            return _names(ref)
        case EachRef(column=column):
            return "", column.replace(".", "-")
        case ParamRef(param=param):
            return "", param.name
        case RunRef(name=name):
            return "", f"run-{name}"
        case PathRef(name=name):
            return "", name


def argument(text: Text, *, in_pod: bool = True) -> str:
    """A run-time text as one expression: the text as it must get through Argo and (`in_pod`) the kubelet, or the end of the run."""
    free = [ref for ref in text.references if _is_text(ref)]
    whole = " + ".join(pieces(text, bool(free) or not in_pod, piece))
    if not free:
        return whole
    # what each piece must be is checked once, in the text that is given
    tested = " + ".join(pieces(text, True, _unchecked))
    if len(text.pieces) > 1:
        tested = f"({tested})"
    names = list(dict.fromkeys(called(ref) for ref in free))
    message = quoted(f"{' or '.join(names)} contains double braces")
    return f"{tested} contains ('{{' + '{{') ? asInt({message}) : " + (f"replace({whole}, '$', '$$')" if in_pod else whole)


def pieces(text: Text, escaped: bool, piece: Callable[[Ref, bool], str]) -> list[str]:
    """The pieces of a text as expressions. `escaped`: `$` is doubled in the whole, later, or not at all."""
    return [quoted(part if escaped else kubelet(part)) if isinstance(part, str) else piece(part, escaped) for part in text.pieces]


def _unchecked(ref: Ref, escaped: bool) -> str:
    made = ref.ref if isinstance(ref, OuterRef) else ref
    return raw(ref) if isinstance(made, (ParamRef, ValueRef, EachRef)) else piece(ref, escaped)


def _is_text(ref: Ref) -> bool:
    """Whether a run may put any text here: not where `choices` list what there is, for `check` has seen those."""
    if isinstance(ref, OuterRef):
        return _is_text(ref.ref)
    if isinstance(ref, (PathRef, RunRef)) or _listed(ref):
        return False
    kind = ref.value.type if isinstance(ref, ListRef) else type_of(ref)
    return kind in ("string", "list", "dict")


def _listed(ref: Ref) -> tuple[str, ...]:
    """The only texts that a reference can give, () where any can come."""
    return ref.param.choices if isinstance(ref, ParamRef) else ref.texts if isinstance(ref, EachRef) else ()


def called(ref: Ref) -> str:
    """A reference in a message."""
    match ref:
        case ValueRef(step=step, value=value) | ListRef(step=step, value=value):
            return f"value {value.name} of step {step}"
        case MetricRef(step=step, metric=metric):
            return f"metric {metric.name} of step {step}"
        case ParamRef(param=param):
            return f"parameter {param.name}"
        case OuterRef(ref=ref):
            return called(ref)
        case EachRef(column=column):
            return f"each.{column}"
        case RunRef(name=name):
            return f"run.{name}"
        case PathRef(port=port, name=name):
            return f"{port}.{name}"


def piece(ref: Ref, escaped: bool) -> str:
    """A reference inside an argument. `escaped`: `$` is doubled in the whole, later."""
    text = raw(ref)
    if isinstance(ref, PathRef):
        return quoted(ref.path if escaped else kubelet(ref.path))
    if isinstance(ref, EachRef) and ref.texts:
        return f"replace({text}, '$', '$$')" if not escaped and any("$" in one for one in ref.texts) else text
    made = ref.ref if isinstance(ref, OuterRef) else ref
    if isinstance(made, (RunRef, ListRef)):
        return text
    if isinstance(made, MetricRef):
        if made.metric.key or made.metric.format == "kfp-v1":
            return f"toJson({number(ref)} + 0)"
        return _guard(f"trim({text})", [f"{text} matches {_METRIC}"], f"{called(ref)} is not a number")
    test, problem = _TYPES.get(type_of(ref), ("", ""))
    tests = [test % text] if test else []
    if isinstance(ref, ParamRef):
        tests, problem = _limits(ref.param, text, tests, problem)
        if not escaped and any("$" in choice for choice in ref.param.choices):
            return f"replace({_guard(text, tests, f'{called(ref)} {problem}')}, '$', '$$')"
    return _guard(text, tests, f"{called(ref)} {problem}") if tests else text


def _of_image(ref: Ref, escaped: bool) -> str:
    if type_of(ref) == "string" and not (isinstance(ref, ParamRef) and ref.param.choices):
        return _guard(raw(ref), [f"{raw(ref)} matches {_REFERENCE}"], f"{called(ref)} is no part of an image reference")
    return piece(ref, escaped)


def _legal(text: Text, what: str, label: bool) -> str:
    """The text as an expression; `check` has seen it where it is one of a parameter's choices.

    Argo 3.6 leaves an expression that errs where it stands, without a word: but not one with a `<` in it, whose text in JSON it trips over.
    """
    whole = " + ".join(pieces(text, True, piece))
    if len(text.pieces) == 1 and _listed(text.references[0]):
        return whole
    tested = " + ".join(pieces(text, True, _unchecked))
    given = f"({tested})" if len(text.pieces) > 1 else tested
    tests = f"{given} matches {_LABEL if label else _OBJECT} and len({tested}) <= {63 if label else 253}"
    names = list(dict.fromkeys(called(ref) for ref in text.references))
    problem = f"make{'s' if len(names) == 1 else ''} no legal {'value' if label else 'name of an object'}"
    return f"{tests} ? {whole} : asInt({quoted(f'{what}: ' + ' and '.join(names) + f' {problem}')})"


def _limits(param: Param, text: str, tests: list[str], problem: str) -> tuple[list[str], str]:
    """The tests with those of a parameter's `min`, `max` and `choices` added, and what is wrong where one of them fails."""
    if param.choices:
        return [f"{text} in [{', '.join(quoted(choice) for choice in param.choices)}]"], "is not one of its choices"
    return [*tests, *(f"asFloat({text}) {op} {constant(limit)}" for op, limit in bounds(param))], problem + limits(param)


def _guard(text: str, tests: list[str], message: str) -> str:
    return f"({' and '.join(tests)} ? {text} : asInt({quoted(message)}))"
