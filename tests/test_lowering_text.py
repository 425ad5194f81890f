"""`lowering.text`: what the kubelet and the engines would expand again."""

from __future__ import annotations

import pytest

from mlc.lowering.text import engine_tag, kubelet, unquotable, way_out


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", ""),
        ("plain", "plain"),
        ("$(HOME)", "$$(HOME)"),
        ("$$", "$$$$"),
        ("cost $5", "cost $$5"),
        ("${VAR}", "$${VAR}"),
        ("a$", "a$$"),
    ],
)
def test_every_dollar_is_doubled(text: str, written: str) -> None:
    """The kubelet halves every `$$`, so a process gets exactly the text of the spec."""
    assert kubelet(text) == written
    assert written.replace("$$", "$") == text


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("{{=1+1}}", "{{=1+1}}"),
        ("{{ = 1}}", "{{ = 1}}"),
        ("a {{workflow.name}} b", "{{workflow.name}}"),
        ("{{ workflow.name }}", "{{ workflow.name }}"),
        ("{{\tpod.name}}", "{{\tpod.name}}"),
        ("{{$}}", "{{$}}"),
        ("{{$.inputs.parameters['x']}}", "{{$.inputs.parameters['x']}}"),
        ("{{item}}", "{{item}}"),
        ("{{item.lr}}", "{{item.lr}}"),
        ("{{inputs.parameters}}", "{{inputs.parameters}}"),
        ("{{inputs.parameters.x}}", "{{inputs.parameters.x}}"),
        ("{{outputs.result}}", "{{outputs.result}}"),
        ("{{tasks.a.status}}", "{{tasks.a.status}}"),
        ("{{steps.name}}", "{{steps.name}}"),
        ("{{node.name}}", "{{node.name}}"),
        ("{{retries}}", "{{retries}}"),
        ("{{lastRetry.exitCode}}", "{{lastRetry.exitCode}}"),
        ("{{x}} then {{=y}}", "{{=y}}"),
        ("{{{=1}}}", "{{=1}}"),
        ("{{x{{workflow.name}}", "{{workflow.name}}"),
        ("a {{= b", "{{= b"),
        ("a {{ b", "{{ b"),
        ("{{", "{{"),
        ("{{x}} {{y", "{{y"),
        ("{{y {{workflow.name", "{{y {{workflow.name"),
        ("{{=" + "x" * 60 + "}}", "{{=" + "x" * 37 + "..."),
    ],
)
def test_tags_that_an_engine_would_expand_are_found(text: str, tag: str) -> None:
    """The first known tag, or the first `{{` that nothing closes, is named."""
    assert engine_tag(text) == tag


@pytest.mark.parametrize(
    "text",
    ["", "plain", "}}", "{ {workflow.name} }", "{x}", "{{x}}", "{{.State}} {{range .}}", "f'{{x}}'", '{"a":{"b":{}}}', "{{workflowish}}"],
)
def test_other_braces_pass(text: str) -> None:
    """Tags that no engine knows reach the program unchanged, so they are no problem."""
    assert engine_tag(text) is None


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("{{workflow.name}}", "write `${{ run.name }}`"),
        ("{{= workflow.uid }}", "write `${{ run.id }}`"),
        ("{{inputs.parameters.my-lr}}", "write `${{ params.my-lr }}`"),
        ("{{item}}", "no engine has a way to write this"),
        ("{{=", "no engine has a way to write this"),
    ],
)
def test_way_out(tag: str, expected: str) -> None:
    """Where an engine's tag has a counterpart among our expressions, the help says it."""
    assert way_out(tag).startswith(expected)


@pytest.mark.parametrize(
    ("text", "anywhere", "in_json"),
    [
        ("plain\n\ttext \r\b\f", None, None),
        ("\x85\xa0\xad\u200b\u2028\ufffd", None, None),
        ("한국어 🙂 𠀀", None, None),
        ("a\x07", "U+0007", None),
        ("\x0b", "U+000B", None),
        ("\x1b[1m", "U+001B", None),
        ("\x7f\x01", "U+007F", "U+007F"),
        ("\U000e0067", "U+E0067", "U+E0067"),
        ("\U0010ffff", "U+10FFFF", "U+10FFFF"),
    ],
)
def test_characters_that_go_quotes_and_json_does_not_know(text: str, anywhere: str | None, in_json: str | None) -> None:
    """Named is the first of them; in JSON control characters are escaped already."""
    assert (unquotable(text), unquotable(text, in_json=True)) == (anywhere, in_json)
