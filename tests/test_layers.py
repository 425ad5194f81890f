"""Imports go one way: cli -> driver -> stages -> lowering -> records. Read from the source, so that a lazy import counts too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "compiler" / "mlc"
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the top down. A module may import from its own entry and from lower layers. The first entry that fits counts.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("view",),
    ("lock", "skeletons"),
    ("describe", "keys"),
    ("driver", "infra", "graph", "diagram", "diff", "peak"),
    ("local",),
    ("reader", "schema", "resolve", "pins", "rules", "targets", "emit"),
    ("lowering",),
    (
        "",
        "record",
        "tagged",
        "patterns",
        "ir",
        "scheduling",
        "expr",
        "source",
        "positions",
        "suppression",
        "scalars",
        "kinds",
        "quantity",
        "diagnostics",
    ),
)
# Modules that are parts of one stage and may know each other.
PARTS = {
    "environments": "driver",
    "diff_places": "diff",
    "locked": "driver",
    "overrides": "reader",
    "included": "reader",
    "override_image": "reader",
    "syntax": "reader",
    **dict.fromkeys(("schema_hints", "schema_keys", "schema_layout", "schema_places", "schema_wording"), "schema"),
}
# What the targets know is the IR and `lowering`; only these three touch YAML; typer costs more than a compile.
ONLY = {
    "yaml": ("reader", "source", "emit"),
    "typer": ("cli.app",),
    "jsonschema": ("schema",),
    "requests": ("lock.registry",),
    "rich": ("view",),
    "tzdata": ("resolve.cron",),
    "zoneinfo": (),  # what it knows depends on the machine
}
# Each of these costs milliseconds at start-up, on every compile of every commit.
SLOW = {"argparse", "dataclasses", "enum", "inspect", "pathlib", "typing"}
# Help, mistakes in a spec and the network, where they are not noticed; and what runs a project here, of which a compile imports nothing.
SLOW_ALLOWED = ("cli.app", "cli.local", "schema_wording", "keys", "local", "lock", "view")


HELPERS = sorted((PACKAGE / "tagged").glob("[a-z]*.py"))
"""Programs of another image. They run there; nothing imports them."""


def name_of(module: Path) -> str:
    """The dotted name of a module below the package: `cli.app`, `targets.argo`, "" for the package itself."""
    parts = module.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def label(module: Path) -> str:
    """The name of a test's case."""
    return name_of(module) or "mlc"


def imports(module: Path, *, typing: bool) -> Iterator[str]:
    """The absolute names of what a module imports anywhere; with `typing`, also what only type checkers see."""
    package = module.relative_to(PACKAGE.parent).parent.parts
    for node in walk(ast.parse(module.read_text(encoding="utf-8")), typing):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (
                ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])
                if node.level
                else node.module or ""
            )
            # `from . import x` may name a module or something in the package.
            yield from (f"{base}.{alias.name}" if is_module(f"{base}.{alias.name}") else base for alias in node.names)


def is_module(name: str) -> bool:
    """Whether an absolute name is a module or package of mlc."""
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def walk(node: ast.AST, typing: bool) -> Iterator[ast.AST]:
    """Every node, without the bodies of `if TYPE_CHECKING:` where they do not count."""
    for child in ast.iter_child_nodes(node):
        if not typing and isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            for other in child.orelse:
                yield from walk(other, typing)
            continue
        yield child
        yield from walk(child, typing)


def layer_of(name: str) -> tuple[int, str]:
    """The layer of a module and the entry that puts it there."""
    top = PARTS.get(name, name.split(".")[0])
    for number, entries in enumerate(LAYERS):
        if top in entries:
            return number, top
    raise AssertionError(f"mlc.{name} is in no layer: add it to LAYERS")


def internal(names: Iterator[str]) -> Iterator[str]:
    """Of absolute names, those in mlc, relative to it."""
    return (name.removeprefix("mlc").lstrip(".") for name in names if name == "mlc" or name.startswith("mlc."))


@pytest.mark.parametrize("module", MODULES, ids=label)
def test_imports_go_down(module: Path) -> None:
    """A module imports only from its own entry of a layer and from lower layers, types included."""
    name = name_of(module)
    layer, entry = layer_of(name)
    for imported in internal(imports(module, typing=True)):
        other_layer, other_entry = layer_of(imported)
        lowest = layer == other_layer == len(LAYERS) - 1
        assert other_layer > layer or entry == other_entry or lowest, f"mlc.{name} imports mlc.{imported}, which is not below it"


@pytest.mark.parametrize("module", sorted((PACKAGE / "targets").rglob("*.py")), ids=label)
def test_targets_know_only_the_ir(module: Path) -> None:
    """A target imports neither another target nor what reads documents."""
    name = name_of(module)
    for imported in internal(imports(module, typing=True)):
        if imported.startswith("targets.") and name != "targets":
            assert imported.split(".")[1] == name.split(".")[1], f"mlc.{name} imports mlc.{imported}"
        assert layer_of(imported)[1] not in {"reader", "schema", "source", "emit"}, f"mlc.{name} imports mlc.{imported}"


@pytest.mark.parametrize("module", MODULES, ids=label)
def test_third_parties_are_imported_in_one_place(module: Path) -> None:
    """Each third-party package is known to few modules, so that it can be replaced and is not imported for nothing."""
    name = name_of(module)
    for imported in imports(module, typing=False):
        allowed = ONLY.get(imported.split(".")[0].split("_")[0])
        assert allowed is None or name.startswith(allowed), f"mlc.{name} imports {imported}"


@pytest.mark.parametrize("module", MODULES, ids=label)
def test_slow_modules_stay_out(module: Path) -> None:
    """The standard library's slow modules are imported by nothing on the compile path."""
    slow = SLOW.intersection(imports(module, typing=False))
    assert not slow or name_of(module).startswith(SLOW_ALLOWED)


def test_running_here_knows_no_target_and_no_document() -> None:
    """What runs a project here starts from the IR, as a target does: neither documents nor targets are its business."""
    for module in sorted((PACKAGE / "local").rglob("*.py")):
        for imported in internal(imports(module, typing=True)):
            assert layer_of(imported)[1] not in {"reader", "schema", "source", "emit", "targets"}, (
                f"mlc.{name_of(module)} imports mlc.{imported}"
            )


@pytest.mark.parametrize(
    "module", [one for one in MODULES if "cli" not in one.relative_to(PACKAGE).parts and one not in HELPERS], ids=label
)
def test_only_the_command_line_prints_and_exits(module: Path) -> None:
    """Outside `cli`, nothing calls `print` or touches the process's streams or its end (`__main__` hands its exit code over)."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not calls & {"print", "exit", "quit", "input"}
    of_sys = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys"
    }
    assert not of_sys & {"stdout", "stderr", "stdin", "exit"} or name_of(module) == "__main__"


def test_programs_of_the_helper_image_are_texts() -> None:
    """Nobody imports them, and a project without datasets does not even read them."""
    for module in MODULES:
        found = set(imports(module, typing=True))
        assert module in HELPERS or not [name for name in found if name.startswith("mlc.tagged.") and name != "mlc.tagged.PACKAGES"]
