"""What each step is made of: its own keys over its template, `defaults` and its machine."""

from __future__ import annotations

from . import images, volumes
from .merge import PORTS, Stack
from .names import check_alike

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ..diagnostics.model import Path
    from .context import Context
    from .merge import Layer, Merged


def merged(context: Context, sections: Iterable[str]) -> dict[str, list[Merged]]:
    """The steps of some sections with all that lies under them. Unknown templates and machines are reported."""
    layers = _Layers(context)
    return {
        section: [layers.step(name, step or {}, (section, name)) for name, step in (context.data.get(section) or {}).items()]
        for section in sections
    }


class _Layers:
    """What may lie under a step of the project."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.templates: Mapping[str, Any] = context.data.get("templates") or {}
        self.machines: Mapping[str, Any] = context.data.get("machines") or {}
        defaults = context.data.get("defaults")
        self.defaults: Layer | None = (("defaults",), defaults) if defaults else None
        if self.templates:
            _check_templates(context, self.templates)
        if self.machines:
            check_alike(context, {name: ("machines", name) for name in self.machines})
        for layer in (*((("templates", name), template) for name, template in self.templates.items()), self.defaults):
            if layer is not None:
                self._check_names(*layer)

    def _check_names(self, path: Path, layer: Mapping[str, Any]) -> None:
        """What a layer names must be there, also where no step takes it."""
        if layer.get("machine") is not None and layer["machine"] not in self.machines:
            self._no_machine(layer["machine"], (*path, "machine"))
        if layer.get("image") is not None:
            images.check_name(self.context, layer["image"], (*path, "image"), self.context.data.get("images") or {})
        for name, entry in (layer.get("volumes") or {}).items():
            if entry is not None:
                volumes.check_name(self.context, name, (*path, "volumes", name), self.context.data.get("volumes") or {})

    def step(self, name: str, step: Mapping[str, Any], origin: Path) -> Merged:
        """One step."""
        stack = Stack(name, step, origin)
        template = self._template(stack, origin)
        if None in step.values():
            _check_nulls(self.context, f"step `{name}`", step, origin, template)
        if self.defaults is not None:
            stack.lay_under(self.defaults)
        if stack.data.get("machine") is not None:
            self._machine(stack)
        return stack.merged()

    def _template(self, stack: Stack, origin: Path) -> Mapping[str, Any]:
        """Lay the step's template under it, and give what it holds; {} where there is none."""
        named = stack.data.get("use")
        if named is None:
            return {}
        template = self.templates.get(named)
        if template is None:
            stack.incomplete = True
            help = "declare it under `templates`" if not self.templates else f"the project has {_listed(self.templates)}"
            self.context.unknown("MLC327", f"there is no template `{named}`", (*origin, "use"), named, self.templates, help)
            return {}
        stack.incomplete = "use" in template
        stack.lay_under((("templates", named), {key: value for key, value in template.items() if key != "use"}))
        found: Mapping[str, Any] = template
        return found

    def _machine(self, stack: Stack) -> None:
        """Lay the step's machine under all the rest."""
        named = stack.data["machine"]
        machine = self.machines.get(named)
        if machine is not None:
            stack.lay_under((("machines", named), machine))
            return
        self._no_machine(named, stack.moved.get(("machine",), (*stack.origin, "machine")))

    def _no_machine(self, named: str, path: Path) -> None:
        help = "declare it under `machines`" if not self.machines else f"the project has {_listed(self.machines)}"
        self.context.unknown("MLC328", f"there is no machine `{named}`", path, named, self.machines, help)


def _check_templates(context: Context, templates: Mapping[str, Any]) -> None:
    check_alike(context, {name: ("templates", name) for name in templates})
    for name, template in templates.items():
        if "use" in template:
            help = "a step has one template: write the keys of the other one in this one, or put what all steps share into `defaults`"
            context.report(
                "MLC327", f"template `{name}` uses a template, which only a step can", ("templates", name, "use"), at="key", help=help
            )
        if None in template.values():
            _check_nulls(context, f"template `{name}`", template, ("templates", name), {})


def _check_nulls(context: Context, owner: str, keys: Mapping[str, Any], path: Path, template: Mapping[str, Any]) -> None:
    """`null` takes back what is inherited. Keys that only a template can give are a slip of the pen where there is nothing to take back."""
    for key in PORTS:
        if key in keys and keys[key] is None and template.get(key) is None:
            context.report(
                "MLC203", f"`{key}` of {owner} has an empty value", (*path, key), at="key", help="give it a value or remove the key"
            )


def _listed(names: Mapping[str, Any]) -> str:
    """Some names, for a help text."""
    shown = [f"`{name}`" for name in names][:8]
    return ", ".join(shown) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
