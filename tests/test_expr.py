"""The expression language: grammar, names, types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlc.diagnostics.suggest import did_you_mean
from mlc.expr.bind import BindError, bind
from mlc.expr.parse import ExpressionError, parse, pieces
from mlc.expr.scope import Scope
from mlc.ir import Compare, In, Literal, Logic, Metric, MetricRef, Not, Param, ParamRef, PathRef, RunRef, Value, ValueRef

if TYPE_CHECKING:
    from mlc.ir import Expr


def _param(name: str, kind: str) -> Param:
    return Param(name, kind, None, "", (), None, None, ("params", name))  # type: ignore[arg-type]


PARAMS = {
    name: _param(name, kind)
    for name, kind in {"lr": "float", "epochs": "int", "stage": "string", "deploy": "bool", "tags": "list", "conf": "dict"}.items()
}
ROWS = Value("rows", "int", "/tmp/rows", ())
ACC = Metric("val-acc", "/acc.json", (), "json", (), ())
SCOPE = Scope("`when`", PARAMS, {"train": {"rows": ROWS}}, {"train": {"val-acc": ACC}}, None, did_you_mean)
OWN = {"inputs": {"data": "/in/data"}, "outputs": {"model": "/out/model"}, "values": {}, "metrics": {}}
IN_ARGS = Scope("a command", PARAMS, {"train": {"rows": ROWS}}, {"train": {"val-acc": ACC}}, OWN, did_you_mean)

LR, EPOCHS, STAGE, DEPLOY = (ParamRef(PARAMS[name]) for name in ("lr", "epochs", "stage", "deploy"))


def read(text: str, scope: Scope = SCOPE) -> Expr:
    """Parse and bind a whole text."""
    return bind(parse(text, 0, len(text)), scope)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("params.lr", LR),
        (" params . lr ", LR),
        ("steps.train.values.rows", ValueRef("train", ROWS)),
        ("steps.train.metrics.val-acc", MetricRef("train", ACC)),
        ("run.id", RunRef("id")),
        ("3", Literal(3, "int", "3")),
        ("-0.5", Literal(-0.5, "float", "-0.5")),
        (".5", Literal(0.5, "float", "0.5")),
        ("-.5e3", Literal(-500.0, "float", "-0.5e3")),
        ("1e-5", Literal(1e-5, "float", "1e-5")),
        ("true", Literal(True, "bool", "true")),
        ("'it''s'", Literal("it's", "string", "it's")),
        ('"a ""b"""', Literal('a "b"', "string", 'a "b"')),
        ("params.lr > 0.1", Compare(">", LR, Literal(0.1, "float", "0.1"))),
        ("params.lr>params.epochs", Compare(">", LR, EPOCHS)),
        ("params.stage == 'prod'", Compare("==", STAGE, Literal("prod", "string", "prod"))),
        ("params.epochs in [1, 2.5]", In(EPOCHS, (Literal(1, "int", "1"), Literal(2.5, "float", "2.5")))),
        ("params.stage not in ['a']", Not(In(STAGE, (Literal("a", "string", "a"),)))),
        ("not params.deploy", Not(DEPLOY)),
        ("not params.lr == 1", Not(Compare("==", LR, Literal(1, "int", "1")))),
        (
            "params.deploy or params.deploy and not params.deploy",
            Logic("or", (DEPLOY, Logic("and", (DEPLOY, Not(DEPLOY))))),
        ),
        ("(params.deploy or params.deploy) and params.deploy", Logic("and", (Logic("or", (DEPLOY, DEPLOY)), DEPLOY))),
        ("params.deploy and params.deploy and params.deploy", Logic("and", (DEPLOY, DEPLOY, DEPLOY))),
        ("(params.deploy)", DEPLOY),
    ],
)
def test_reads(text: str, expected: Expr) -> None:
    """Operators bind as in Python: `or` < `and` < `not` < comparison."""
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        ("", "MLC310", ""),
        ("   ", "MLC310", "   "),
        ("params", "MLC310", "params"),
        ("params.lr.x", "MLC310", "params.lr.x"),
        ("prod", "MLC310", "prod"),
        ("params.lr >", "MLC310", ""),
        ("> 3", "MLC310", ">"),
        ("params.lr > 1 > 0", "MLC310", ">"),
        ("(params.deploy", "MLC310", ""),
        ("params.deploy)", "MLC310", ")"),
        ("params.deploy && params.deploy", "MLC310", "&&"),
        ("params.deploy || params.deploy", "MLC310", "||"),
        ("!params.deploy", "MLC310", "!"),
        ("params.stage = 'x'", "MLC310", "="),
        ("params.lr * 2", "MLC310", "*"),
        ("params.lr + 2", "MLC310", "+"),
        ("params.lr -1", "MLC310", "-1"),
        ("007", "MLC310", "007"),
        ("1.", "MLC310", "1."),
        ("1e999", "MLC310", "1e999"),
        ("0x10", "MLC310", "0x10"),
        ("'open", "MLC310", "'open"),
        ("params.lr in 3", "MLC310", "3"),
        ("params.lr in []", "MLC310", "]"),
        ("params.lr in [params.epochs]", "MLC310", "params.epochs"),
        ("params.lr in [1", "MLC310", ""),
        ("f(params.lr)", "MLC310", "("),
        ("params.lr ? 1", "MLC310", "?"),
        ("( " * 60 + "1" + ")" * 60, "MLC310", "("),
        ("not " * 60 + "params.deploy", "MLC310", "n"),
        ("params.nope == 1", "MLC303", "params.nope"),
        ("steps.nope.values.rows > 1", "MLC301", "steps.nope.values.rows"),
        ("steps.train.values.nope > 1", "MLC304", "steps.train.values.nope"),
        ("steps.train.values.val-acc > 1", "MLC304", "steps.train.values.val-acc"),
        ("run.status == 'x'", "MLC311", "run.status"),
        ("outputs.model == 'x'", "MLC311", "outputs.model"),
        ("params.lr == '1'", "MLC305", "params.lr == '1'"),
        ("params.stage > 'a'", "MLC305", "params.stage > 'a'"),
        ("params.deploy == 1", "MLC305", "params.deploy == 1"),
        ("params.tags == params.tags", "MLC305", "params.tags == params.tags"),
        ("params.conf in [1]", "MLC305", "params.conf"),
        ("params.epochs in ['1']", "MLC305", "'1'"),
        ("not params.lr", "MLC305", "params.lr"),
        ("params.deploy and params.lr", "MLC305", "params.lr"),
    ],
)
def test_refuses(text: str, code: str, marked: str) -> None:
    """What cannot be read or does not fit is refused, with its place inside the text."""
    with pytest.raises(ExpressionError) as caught:
        read(text)
    error = caught.value
    assert (getattr(error, "code", "MLC310"), text[error.start : error.end]) == (code, marked)


def test_paths_of_the_own_step() -> None:
    """A step may use the paths of its own ports."""
    assert read("outputs.model", IN_ARGS) == PathRef("outputs", "model", "/out/model")
    with pytest.raises(BindError, match="no `modle` under `outputs`"):
        read("outputs.modle", IN_ARGS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain $HOME {{x}}", ["plain $HOME {{x}}"]),
        ("", [""]),
        ("--lr=${{ params.lr }}!", ["--lr=", (8, 19), "!"]),
        ("${{a}}${{b}}", [(3, 4), (9, 10)]),
        ("${{ '}}' }}x", [(3, 9), "x"]),
    ],
)
def test_pieces(text: str, expected: list[object]) -> None:
    """Text around expressions is kept; braces inside quotes do not end an expression."""
    assert pieces(text) == expected


@pytest.mark.parametrize("text", ["${{ params.lr", "a ${{ 'x }}", "${{ } }"])
def test_pieces_unclosed(text: str) -> None:
    """An expression that never ends is refused at its start."""
    with pytest.raises(ExpressionError, match="never closed") as caught:
        pieces(text)
    assert caught.value.start == text.index("${{")


def test_help_names_the_nearest() -> None:
    """A help line says what to write."""
    with pytest.raises(ExpressionError) as caught:
        read("params.epoch > 1")
    assert caught.value.help == "did you mean `epochs`?"
    with pytest.raises(ExpressionError) as caught:
        read("params.lr > '0.5'")
    assert caught.value.help == "write the number without quotes: `0.5`"
    with pytest.raises(ExpressionError) as caught:
        read("lr > 0.5")
    assert caught.value.help == "write `params.lr`"
