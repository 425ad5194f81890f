"""The programs of the helper image as texts: one file each, for old Pythons too, with nothing in them that an engine would change."""

from __future__ import annotations

import ast

import pytest

from mlc import tagged
from mlc.lowering.text import engine_tag
from mlc.lowering.wrapper import expanded


@pytest.mark.parametrize("name", tagged.PROGRAMS)
def test_programs(name: str) -> None:
    """They parse as Python 3.8, import none of our own modules, and reach the container as they are."""
    text = tagged.program(name)
    tree = ast.parse(text, feature_version=(3, 8))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    assert [line for line in text.splitlines() if line.startswith("from __future__")] == ["from __future__ import annotations"]
    defined = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert len(defined) == len(set(defined)), "two parts use one name"
    assert engine_tag(text) is None
    assert expanded(text) == ""
    assert "${{" not in text
    assert len(text.encode()) < 65_536, "half of what a process takes in one argument"


@pytest.mark.parametrize("name", ["dvc", "publish"])
def test_a_program_in_a_program(name: str) -> None:
    """What starts DVC is a text in the program, and keeps its own imports."""
    (text,) = (
        node.value.value
        for node in ast.walk(ast.parse(tagged.program(name)))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and "from dvc.cli import main" in str(node.value.value)
    )
    assert ast.parse(str(text)).body[0].names[0].name == "sys"  # type: ignore[attr-defined]
