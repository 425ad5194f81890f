"""Patterns that are compiled when first used."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlc.patterns import Uncompiled, lazy


def test_a_lazy_pattern_is_a_pattern() -> None:
    """Its methods and attributes are those of the compiled one."""
    found = lazy(r"(a+)b", re.ASCII)
    assert found.fullmatch("aab")
    assert found.fullmatch("aabc") is None
    assert found.sub("x", "aab ab") == "x x"
    assert found.pattern == r"(a+)b"
    assert [match[1] for match in found.finditer("ab aab")] == ["a", "aa"]


def test_compile_is_itself_again() -> None:
    """Inside, patterns wait; outside, and after an error too, `re.compile` is Python's."""
    original = re.compile
    with Uncompiled():
        waiting = re.compile("(")  # not even looked at
    assert re.compile is original
    with pytest.raises(KeyError), Uncompiled():
        raise KeyError
    assert re.compile is original
    with pytest.raises(re.error, match="missing \\)"):
        waiting.match("(")


def test_the_python_parser_works_with_waiting_patterns() -> None:
    """Where there is no libyaml PyYAML reads with its own patterns, which were left for then."""
    program = """
import sys
sys.modules["yaml._yaml"] = None  # as where PyYAML was built without libyaml
from mlc.driver import compile_source
from mlc.source import SourceFile
result = compile_source(SourceFile("x", "mlc: v1\\nname: a\\nsteps: {s: {image: 'a:1', command: [p, 1.5, 2024-01-01]}}"), ("argo",))
import yaml
assert not yaml.__with_libyaml__
print(result.outputs[0].text)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "compiler")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '- "1.5"' in done.stdout
