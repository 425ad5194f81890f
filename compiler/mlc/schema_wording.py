"""Turns what `jsonschema` finds into our own findings: from the structure of its errors, never from their text.

Imported only when a document is wrong: `jsonschema` takes longer to import than a small project to compile.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from .diagnostics.model import Finding, Related
from .diagnostics.suggest import did_you_mean
from .record import record
from .schema import compile_checker, kind
from .schema_hints import example, expected, flow, found, listed, properties, quoted, resolved, scope, source, subject
from .schema_keys import blank_help, unknown_key_help
from .schema_layout import indented, other_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jsonschema.protocols import Validator

    from .diagnostics.model import At, Path

Node = dict[str, Any]

_DURATION = re.compile(r"(?:[0-9]+[smhd])+")
_MEASURED = re.compile(r"[0-9][0-9.]*[A-Za-z]{0,2}(?:[0-9]+[smhd])*(?: .*)?")
"""An example that is a number, a size, a duration or a schedule: what was meant by a bare number is not the text of that number."""


def explain(document: object, schema: Node) -> list[Finding]:
    """What is wrong with a document that the schema refuses: at least one finding, each problem once."""
    other = other_file(document)
    if other is not None:
        return [other]
    words = _Wording(schema)
    misplaced: list[Finding] = []
    document = indented(document, schema, misplaced)
    findings: dict[tuple[str, Path, At, str], Finding] = {(one.code, one.path, one.at, one.message): one for one in misplaced}
    for error in validator(schema).iter_errors(_faulty_part(document, schema)):
        for finding in words.of(_problem(error, schema)):
            findings.setdefault((finding.code, finding.path, finding.at, finding.message), finding)
    if not findings:  # the two disagree, and only one of them can be right
        message = "the document does not fit the schema, and no rule of the schema says why"
        return [Finding("MLC901", message, help="please report this, with the file")]
    return list(findings.values())


def validator(schema: Node) -> Validator:
    """The validator that agrees with `schema.compile_checker`: finite numbers, strict integers, patterns for the whole text."""
    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: kind(value) == "integer",
            "number": lambda _, value: kind(value) in ("integer", "number"),
        }
    )
    made = extend(Draft202012Validator, {"pattern": _pattern}, type_checker=types)  # type: ignore[no-untyped-call] # has no types
    agreeing: Validator = made(schema)
    return agreeing


def _pattern(_: Validator, pattern: str, instance: object, __: Node) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not re.fullmatch(pattern, instance):
        yield ValidationError("pattern")


def _faulty_part(document: Any, schema: Node) -> Any:
    """The document without the entries of its sections that are right: `jsonschema` takes seconds for thousands of good steps."""
    if not isinstance(document, dict):
        return document
    part = dict(document)
    for section, node in schema["properties"].items():
        entries = part.get(section)
        if "propertyNames" not in node or not isinstance(entries, dict) or len(entries) < 2:
            continue
        name = compile_checker({**node["propertyNames"], "$defs": schema["$defs"]})
        entry = compile_checker({**node["additionalProperties"], "$defs": schema["$defs"]})
        faulty = {key: value for key, value in entries.items() if not (name(key) and entry(value))}
        part[section] = faulty or dict([next(iter(entries.items()))])  # one good entry stays: an empty section could be an error
    return part


@record
class _Problem:
    """What we read of a `ValidationError`: `rule` is the keyword that fails, `bound` what the schema `node` says for it.

    `names` says that the value is a key of the mapping at `path`; `form` is the index in `anyOf` of the form that has the problem.
    """

    rule: str
    bound: Any
    value: Any
    node: Node
    path: Path
    names: bool
    form: int | str
    inner: tuple[_Problem, ...]


def _problem(error: ValidationError, schema: Node) -> _Problem:
    trail = error.relative_schema_path
    node = dict(error.schema) if isinstance(error.schema, Mapping) else {}
    placed = _placed(error, schema)
    if "examples" in placed:
        node["examples"] = placed["examples"]
    return _Problem(
        rule=str(error.validator),
        bound=error.validator_value,
        value=error.instance,
        node=node,
        path=tuple(error.absolute_path),
        names="propertyNames" in trail,
        form=trail[0] if trail else 0,
        inner=tuple(_problem(one, schema) for one in error.context or ()),
    )


def _placed(error: ValidationError, schema: Node) -> Node:
    """The schema that failed, with the keywords of those that refer to it: the error itself knows only the definition."""
    node: Any = schema
    for word in list(error.absolute_schema_path)[:-1]:
        node = resolved(node, schema)[word] if isinstance(word, str) else node[word]
    return resolved(node, schema)


class _Wording:
    """The sentences for errors of one schema."""

    def __init__(self, schema: Node) -> None:
        self.schema = schema
        self.names = (schema["$defs"]["step_name"], schema["$defs"]["name"])

    def of(self, problem: _Problem) -> Iterator[Finding]:
        """The findings for one error; none where another error at the same place says it better."""
        if problem.names:
            yield from self.name(problem)
            return
        if problem.rule != "type" and "type" in problem.node and not self.fits(problem.value, problem.node):
            return  # a value of the wrong type, which `type` reports
        words: dict[str, Callable[[_Problem], Iterator[Finding]]] = {
            "additionalProperties": self.unknown_keys,
            "required": self.missing_key,
            "type": self.wrong_type,
            "enum": self.not_allowed,
            "const": self.version,
            "pattern": self.wrong_form,
            "anyOf": self.forms,
            "minProperties": self.too_few_keys,
            "maxProperties": self.too_many_keys,
        }
        yield from words.get(problem.rule, self.limit)(problem)

    def fits(self, value: object, node: Node) -> bool:
        """Whether a value is of a type that a schema allows."""
        types = resolved(node, self.schema).get("type", ())
        kinds = {types} if isinstance(types, str) else set(types)
        return kind(value) in kinds or (kind(value) == "integer" and "number" in kinds)

    # --- keys -----------------------------------------------------------------------------------------------------------------

    def unknown_keys(self, problem: _Problem, forms: Node | None = None) -> Iterator[Finding]:
        """Keys that a mapping does not have; `forms` is the schema with its other forms, where it has any."""
        path = problem.path
        own: Node = problem.node.get("properties", {})
        every = properties(forms or problem.node, self.schema)
        unknown = [key for key in problem.value if key not in own]
        if path[:1] == ("params",) and len(path) == 2 and len(unknown) == len(problem.value):
            message = f"{subject(path)} is a mapping without any key of a declaration"
            yield Finding("MLC207", message, path, help="write a default that is a mapping as `{type: dict, default: {...}}`")
            return
        for key in unknown:
            place = (*path, key)
            if key in every:
                here = next(name for name in problem.value if name in own)
                message = f"{quoted(key)} does not go with {quoted(here)} in {subject(path)}"
                related = (Related((*path, here), "given here", "key"),)
                yield Finding("MLC209", message, place, "key", related=related, help=f"remove {quoted(key)} or {quoted(here)}")
            else:
                help = unknown_key_help(str(key), path, every, self.schema)
                where = f" in {subject(path)}" if path else ""
                yield Finding("MLC201", f"unknown key {quoted(key)}{where}", place, "key", label="unknown key", help=help)

    def missing_key(self, problem: _Problem) -> Iterator[Finding]:
        """A key that a mapping must have. jsonschema reports each one by itself and says which only in its text: look again."""
        path = problem.path
        every = properties(problem.node, self.schema)
        for key in problem.bound:
            if key not in problem.value:
                hint = example(key, resolved(every.get(key, {}), self.schema))
                help = f"add {quoted(key)}" + (f", {hint}" if hint else "")
                yield Finding("MLC202", f"{subject(path)} has no {quoted(key)}", path, "key" if path else "value", help=help)

    def name(self, problem: _Problem) -> Iterator[Finding]:
        """A key that is a name, and breaks the rule for names."""
        path = problem.path
        name = str(problem.value)
        entry = (*path, name)
        if problem.rule == "maxLength":
            message = f"the name of {subject(entry)} has {len(name)} characters"
            yield Finding("MLC206", message, entry, "key", help=f"use at most {problem.bound} characters")
        else:
            message = f"{subject(entry)} has a name that is not allowed"
            yield Finding("MLC205", message, entry, "key", label="not a name", help=blank_help(name) or self.naming(name, problem.node))

    def naming(self, name: str, rule: Node) -> str:
        """The rule for names in words, with a name that fits, where there is one near."""
        rule = next((known for known in self.names if known["pattern"] == rule["pattern"]), rule)
        near = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
        near = near.lower() if rule is self.names[0] else near
        hint = f", for example {quoted(near)}" if re.fullmatch(rule["pattern"], near) and len(near) <= rule["maxLength"] else ""
        return f"use {rule['description']}{hint}"

    # --- values ---------------------------------------------------------------------------------------------------------------

    def wrong_type(self, problem: _Problem) -> Iterator[Finding]:
        """A value of a type that cannot stand there."""
        path = problem.path
        types = problem.bound
        kinds = [types] if isinstance(types, str) else list(types)
        value = problem.value
        if value is None:
            yield self.empty(problem)
            return
        label = f"expected {expected(kinds)}"
        shown = problem.node.get("examples", [""])[0]
        if kind(value) in ("integer", "number") and scope(path) == "metric":
            help = (
                f"a threshold stands beside the path of the metric: {quoted(path[-1])[:-1]}: {{path: /metrics.json, min: {source(value)}}}`"
            )
        elif kind(value) == "integer" and _DURATION.fullmatch(str(shown)):
            help = f"write the unit: `{path[-1]}: {source(value)}s`"
        elif "string" in kinds and kind(value) in ("integer", "number", "boolean") and not _MEASURED.fullmatch(str(shown)):
            help = f'write it in quotes: `"{source(value)}"`'
        elif kind(value) == "number" and "number" not in kinds:
            help = "write a number without a decimal point"
        else:
            help = self.example(problem)
        yield Finding("MLC203", f"{subject(path)} is {found(value)}, {label}", path, label=label, help=help)

    def empty(self, problem: _Problem) -> Finding:
        """A key without a value."""
        path = problem.path
        if path[:1] == ("defaults",):
            help = "remove the key: an empty value in a step removes what the step would inherit, and defaults inherit nothing"
        elif len(path) == 2 and path[0] == "params":
            help = "give it a default, or write `{type: int}` (or another type) for a parameter that every run must give"
        else:
            hint = self.example(problem)
            help = "give it a value or remove the key" + (f", {hint}" if hint else "")
        return Finding("MLC203", f"{subject(path)} has an empty value", path, "key" if path else "value", help=help)

    def example(self, problem: _Problem) -> str:
        """A help text that shows how to write the value, or "" where the schema has no example."""
        return example(problem.path[-1] if problem.path else 0, problem.node)

    def not_allowed(self, problem: _Problem) -> Iterator[Finding]:
        """A text that is none of the allowed ones."""
        path = problem.path
        allowed = [str(word) for word in problem.bound if word is not None]
        near = did_you_mean(str(problem.value), allowed)
        help = f"{near} " * bool(near) + f"allowed: {', '.join(map(quoted, allowed))}"
        yield Finding("MLC204", f"{subject(path)} cannot be {quoted(problem.value)}", path, help=help)

    def version(self, problem: _Problem) -> Iterator[Finding]:
        """`mlc` with another version than ours."""
        path = problem.path
        if problem.value is None:
            yield self.empty(problem)
            return
        shown = found(problem.value) if kind(problem.value) in ("array", "object", "") else quoted(source(problem.value))
        help = f"this version of mlc reads `mlc: {problem.bound}`"
        yield Finding("MLC208", f"unknown language version {shown}", path, help=help)

    def wrong_form(self, problem: _Problem) -> Iterator[Finding]:
        """A text that a pattern refuses."""
        path = problem.path
        is_name = any(known["pattern"] == problem.bound for known in self.names)
        help = self.naming(str(problem.value), problem.node) if is_name else self.example(problem)
        yield Finding("MLC205", f"{subject(path)} cannot be {quoted(problem.value)}", path, help=help)

    def limit(self, problem: _Problem) -> Iterator[Finding]:
        """A number, list or text outside its limits."""
        value, bound, rule, path = problem.value, problem.bound, problem.rule, problem.path
        if rule in ("minLength", "minItems"):
            hint = self.example(problem)
            yield Finding("MLC206", f"{subject(path)} is {'an empty text' if value == '' else 'an empty list'}", path, help=hint)
        elif rule == "maxLength":
            message = f"{subject(path)} has {len(value)} characters"
            yield Finding("MLC206", message, path, help=f"use at most {bound} characters")
        elif rule == "uniqueItems":
            for index, item in enumerate(value):
                first = value.index(item)
                if first < index:
                    related = (Related((*path, first), "first given here"),)
                    message = f"{quoted(flow(item))} stands twice in {subject(path)}"
                    yield Finding("MLC206", message, (*path, index), related=related, help="remove one of them")
        else:
            yield Finding("MLC206", f"{subject(path)} is {quoted(source(value))}", path, help=f"use {bound} or more")

    def too_few_keys(self, problem: _Problem) -> Iterator[Finding]:
        """A mapping without entries that needs one."""
        path = problem.path
        own = problem.node.get("properties")
        if own:
            yield self.no_form(path, list(own), "exactly" if "maxProperties" in problem.node else "at least")
        else:
            yield Finding("MLC206", f"{subject(path)} is empty", path, "key", help=self.example(problem))

    def too_many_keys(self, problem: _Problem) -> Iterator[Finding]:
        """Keys of which a mapping may have only one."""
        path = problem.path
        present = [key for key in problem.value if key in problem.node["properties"]]
        if len(present) > 1:
            yield self.exclusive(path, present)

    # --- values with several forms ----------------------------------------------------------------------------------------------

    def forms(self, problem: _Problem) -> Iterator[Finding]:
        """A value that fits none of its forms: find the one that was meant, and say what is wrong with it."""
        path = problem.path
        branches = [resolved(branch, self.schema) for branch in problem.bound]
        value = problem.value
        if all(set(branch) == {"required"} for branch in branches):
            keys = [branch["required"][0] for branch in branches]
            if not isinstance(value, dict) or not value or any(key in properties(problem.node, self.schema) for key in value):
                help = f"add {listed(map(quoted, keys))}"
                yield Finding("MLC209", f"{subject(path)} has neither {listed(map(quoted, keys), 'nor')}", path, "key", help=help)
            return
        meant = [index for index, branch in enumerate(branches) if self.fits(value, branch)]
        if len(meant) == 1:
            yield from self.branch(problem, meant[0])
            return
        signs = {index: _signs(branches[index]) for index in meant}
        present = {index: [key for key in value if key in signs[index]] for index in meant}
        chosen = [index for index in meant if present[index]]
        if len(chosen) == 1:
            yield from self.branch(problem, chosen[0])
            return
        every = properties(problem.node, self.schema)
        unknown = [key for key in value if key not in every]
        for key in unknown:
            help = unknown_key_help(str(key), path, every, self.schema)
            yield Finding("MLC201", f"unknown key {quoted(key)} in {subject(path)}", (*path, key), "key", label="unknown key", help=help)
        if chosen:
            yield self.exclusive(path, [present[index][0] for index in chosen])
        elif not unknown:
            yield self.no_form(path, [key for index in meant for key in signs[index]])

    def branch(self, problem: _Problem, index: int) -> Iterator[Finding]:
        """The errors of one form."""
        for inner in problem.inner:
            if inner.form == index:
                if inner.rule == "additionalProperties" and inner.path == problem.path:
                    yield from self.unknown_keys(inner, problem.node)
                else:
                    yield from self.of(inner)

    def exclusive(self, path: Path, keys: list[str]) -> Finding:
        """Keys that cannot stand together; the caret is under the second one."""
        related = (Related((*path, keys[0]), "given here", "key"),)
        message = f"{listed(map(quoted, keys), 'and')} exclude each other in {subject(path)}"
        return Finding("MLC209", message, (*path, keys[1]), "key", related=related, help=f"keep {listed(map(quoted, keys))}")

    def no_form(self, path: Path, keys: list[str], count: str = "exactly") -> Finding:
        """A mapping that has none of the keys that say what it is."""
        message = f"{subject(path)} has none of {listed(map(quoted, keys))}"
        return Finding("MLC207", message, path, "key", help=f"give {count} one of them")


def _signs(form: Node) -> list[str]:
    """The keys by which a form is known: the first one that it requires, or, where it requires none, all that it has."""
    required: list[str] = form.get("required", [])
    return required[:1] or list(form["properties"])
