"""Texts that something below us would expand again: the kubelet (`$(VAR)`, `$$`) and the engines (`{{ }}`)."""

from __future__ import annotations

from ..patterns import lazy

INTERPRETERS = {"sh": ("sh", "-e"), "bash": ("bash", "-eo", "pipefail"), "python": ("python", "-u")}
"""What runs a script of each `shell`, on every target; the script's file follows."""

ARGUMENT_LIMIT = 131_071
"""Bytes of one process argument or `NAME=value` of the environment (Linux, MAX_ARG_STRLEN, less the final NUL)."""

_KNOWN = lazy(r"\{\{\s*(?:=|\$|item|(?:inputs|outputs|tasks|steps|workflow|pod|node)\.|inputs\.parameters|retries|lastRetry)")
"""What starts a tag that an engine replaces: Argo's variables (util/variables/keys, workflow/validate) and KFP's `{{$`."""

_SHOWN = 40  # characters of a tag worth repeating in a message


def kubelet(text: str) -> str:
    """The text to write so that a process gets `text`: in command, args and env the kubelet turns `$$` into `$`, `$(X)` into X's value.

    Every `$` is doubled, whether or not it would be expanded today: a rule without exceptions can be checked by eye
    (core/v1 `Container.command`; k8s.io/kubernetes/third_party/forked/golang/expansion).
    """
    return text.replace("$", "$$")


def in_template(text: str) -> str:
    """A script as Argo's template holds it, doubled like `kubelet` does where a kubelet would change it.

    The executor, which writes the script to a file, gets the template as the value of a variable, `ARGO_TEMPLATE`
    (controller/workflowpod.go), and a kubelet reads the values of variables too.
    """
    return kubelet(text) if "$$" in text or "$(" in text else text


def engine_tag(text: str) -> str | None:
    """The first tag in `text` that Argo or KFP would replace, or the start of an unclosed `{{`; None where both leave it alone.

    Argo has no escape for `{{`. Tags that it does not know pass unchanged (util/template/simple_template.go); an unclosed one
    swallows the manifest up to the next `}}` (valyala/fasttemplate).
    """
    if "{{" not in text:
        return None
    known = _KNOWN.search(text)
    opened = _unclosed(text)
    if known is None and opened is None:
        return None
    start = min(known.start() if known else len(text), len(text) if opened is None else opened)
    end = text.find("}}", start)
    tag = text[start : end + 2] if end >= 0 else text[start:]
    return tag if len(tag) <= _SHOWN else tag[:_SHOWN] + "..."


def unclosed(text: str) -> bool:
    """Whether a `{{` in `text` is still open at its end: Argo takes all up to the next `}}` of the manifest for one tag."""
    return "{{" in text and _unclosed(text) is not None


_BROKEN = lazy("[\x01-\x07\x0b\x0e-\x1f\x7f\U00040000-\U000e00ff\U000e01f0-\U0010ffff]")
_BROKEN_IN_JSON = lazy("[\x7f\U00040000-\U000e00ff\U000e01f0-\U0010ffff]")


def unquotable(text: str, *, in_json: bool = False) -> str | None:
    """The first character, as `U+007F`, that Argo's template engine cannot put in place of a tag; None where there is none.

    It quotes a value as Go does and reads the result as JSON (util/template/simple_template.go, `strconv.Quote`): what Go writes as
    `\\a`, `\\v`, `\\x7f` or `\\U000e0067` is no JSON, and the run ends. With `in_json` the value is JSON itself, control characters already
    escaped. Private, tag and far-off characters are looked for; those of the first planes that Unicode has yet to assign are not.
    """
    if text.isprintable():
        return None
    found = (_BROKEN_IN_JSON if in_json else _BROKEN).search(text)
    return f"U+{ord(found[0]):04X}" if found else None


def way_out(tag: str) -> str:
    """What to write instead of an engine's tag, as a help text: our own expression where there is one."""
    inside = tag.strip("{}= ")
    ours = {"workflow.name": "run.name", "workflow.uid": "run.id"}.get(inside)
    for prefix in ("workflow.parameters.", "inputs.parameters."):
        if inside.startswith(prefix) and inside[len(prefix) :].replace("-", "").replace("_", "").isalnum():
            ours = f"params.{inside[len(prefix) :]}"
    if ours:
        return f"write `${{{{ {ours} }}}}`, which means the same on every target"
    return "no engine has a way to write this: read it from a file, or put the braces together in the program"


def _unclosed(text: str) -> int | None:
    """Where a `{{` starts that no `}}` follows, read as the engines read: from the left, each tag up to the next `}}`."""
    at = 0
    while (start := text.find("{{", at)) >= 0:
        end = text.find("}}", start + 2)
        if end < 0:
            return start
        at = end + 2
    return None
