"""The one table of codes. A code is never renumbered and never used again; its page is `pages/<code>.md`.

1xx reading, 2xx schema, 3xx references, types and graph, 4xx target and lock file, 5xx lint, 9xx files, servers and mlc itself.
"""

from __future__ import annotations

from ..record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .model import Finding, Severity


@record
class Code:
    """A code, the severity it always has, and one line that says what it finds."""

    code: str
    severity: Severity
    summary: str


_TABLE: tuple[tuple[str, Severity, str], ...] = (
    ("MLC101", "error", "the text is not YAML"),
    ("MLC102", "error", "a key is given twice"),
    ("MLC103", "error", "an alias is unknown, refers to itself or expands to too much"),
    ("MLC104", "error", "a merge key `<<`"),
    ("MLC105", "error", "the document is nested too deeply"),
    ("MLC106", "error", "more than one document in a file"),
    ("MLC107", "error", "the document is not a mapping"),
    ("MLC108", "error", "the file is not UTF-8 text"),
    ("MLC109", "error", "the file is too large"),
    ("MLC110", "error", "a YAML tag"),
    ("MLC111", "error", "the file is empty"),
    ("MLC112", "error", "an expression that needs quotes"),
    ("MLC113", "error", "a key that is not a plain text"),
    ("MLC114", "error", "a suppression comment without a known code or a reason"),
    ("MLC201", "error", "an unknown key"),
    ("MLC202", "error", "a required key is missing"),
    ("MLC203", "error", "a value of the wrong type"),
    ("MLC204", "error", "a value that is not one of those allowed"),
    ("MLC205", "error", "a name or text of the wrong form"),
    ("MLC206", "error", "a number, list or text outside its limits"),
    ("MLC207", "error", "a value that fits none of the accepted forms"),
    ("MLC208", "error", "an unknown language version"),
    ("MLC209", "error", "keys that exclude or need each other"),
    ("MLC301", "error", "an unknown step"),
    ("MLC302", "error", "steps that wait for each other"),
    ("MLC303", "error", "an unknown parameter"),
    ("MLC304", "error", "an unknown value, metric, input or output"),
    ("MLC305", "error", "types that do not fit"),
    ("MLC306", "error", "names that differ only in case or in `-` and `_`"),
    ("MLC307", "error", "a reserved name"),
    ("MLC308", "error", "a name that is produced or used twice"),
    ("MLC309", "error", "paths that are equal, nested or malformed"),
    ("MLC310", "error", "an expression that cannot be read"),
    ("MLC311", "error", "a reference that may not stand here"),
    ("MLC312", "error", "a gate on a step without thresholds"),
    ("MLC313", "error", "a threshold that no number can meet"),
    ("MLC314", "error", "a default outside the parameter's limits"),
    ("MLC315", "error", "shell syntax in a command"),
    ("MLC316", "error", "an unknown volume"),
    ("MLC317", "error", "an unknown image"),
    ("MLC318", "error", "a request above its limit"),
    ("MLC319", "error", "a malformed size, count or duration"),
    ("MLC320", "error", "a declared file inside a volume that outlives the run"),
    ("MLC321", "error", "a value pasted into a script"),
    ("MLC322", "error", "an input that nobody produces"),
    ("MLC323", "error", "a name that Kubernetes refuses"),
    ("MLC324", "error", "what only the items of a loop have, used outside of it"),
    ("MLC325", "error", "a list that no loop can run over"),
    ("MLC326", "error", "`each` without a loop, or without a name of it"),
    ("MLC327", "error", "an unknown template"),
    ("MLC328", "error", "an unknown machine"),
    ("MLC329", "error", "a placement that Kubernetes refuses"),
    ("MLC330", "error", "a dataset or source that cannot be had"),
    ("MLC331", "error", "a declared file inside a read-only mount"),
    ("MLC332", "error", "a program that has to be root and may not"),
    ("MLC333", "error", "a condition of an object that cannot be read"),
    ("MLC334", "error", "a Kubernetes object without what names it"),
    ("MLC335", "error", "an address that no engine can open"),
    ("MLC336", "error", "an artifact that comes from outside and from a step"),
    ("MLC337", "error", "an optional input that no step could leave out"),
    ("MLC339", "error", "an image that a parameter cannot complete"),
    ("MLC340", "error", "a name or a label that a parameter cannot complete"),
    ("MLC341", "error", "a patch that cannot be made"),
    ("MLC342", "error", "a file of an object that cannot be used"),
    ("MLC350", "error", "a dataset that git itself holds, made by a step"),
    ("MLC351", "error", "a repository over ssh without a key"),
    ("MLC352", "error", "a dataset that a loop makes many times"),
    ("MLC353", "error", "a dataset that cannot go to a volume"),
    ("MLC354", "error", "a user that the image which fetches data does not have"),
    ("MLC355", "error", "datasets that are published in one place"),
    ("MLC401", "error", "a field that the target cannot do"),
    ("MLC402", "error", "a name that is too long or taken on the target"),
    ("MLC403", "error", "text that the target's template engine would expand"),
    ("MLC404", "warning", "a manifest near the engine's size limit"),
    ("MLC405", "note", "a field that is handed over to another command"),
    ("MLC406", "error", "a setting that the target needs"),
    ("MLC407", "warning", "a step whose command only the registry knows"),
    ("MLC408", "error", "text too long for one process argument"),
    ("MLC413", "error", "a field that needs a newer version of the engine"),
    ("MLC417", "error", "an address that the target cannot fetch"),
    ("MLC420", "error", "a parameter in a place that the target fills only as a whole"),
    ("MLC422", "error", "a patch after which the target cannot take the manifest"),
    ("MLC423", "warning", "a cached step whose result no later run finds"),
    ("MLC430", "error", "something that a cluster has and this machine has to give"),
    ("MLC431", "error", "a path that a process cannot have"),
    ("MLC432", "error", "a part of a project that cannot run on one machine"),
    ("MLC433", "error", "a program that only an image knows"),
    ("MLC434", "error", "what fetches and publishes data, and this machine does not have"),
    ("MLC450", "error", "a project without a lock file"),
    ("MLC451", "error", "a lock file of the wrong form"),
    ("MLC452", "error", "something that the lock file does not hold"),
    ("MLC453", "error", "something in the lock file that the project does not use"),
    ("MLC454", "warning", "a version that only a run knows"),
    ("MLC455", "error", "an image without a program"),
    ("MLC501", "error", "a secret in plain text"),
    ("MLC502", "warning", "a glob that no shell will expand"),
    ("MLC503", "warning", "`mlc` is not the first key"),
    ("MLC504", "warning", "a suppression comment that suppresses nothing"),
    ("MLC505", "warning", "a declaration that nothing uses"),
    ("MLC506", "warning", "an image whose tag moves"),
    ("MLC507", "warning", "an image without a digest"),
    ("MLC508", "warning", "a step without a limit of memory"),
    ("MLC509", "warning", "a parameter that nothing reads"),
    ("MLC510", "warning", "steps that run at once and share a ReadWriteOnce claim"),
    ("MLC511", "warning", "an `or` that reads a step which may be skipped"),
    ("MLC512", "warning", "a GPU without a choice of nodes"),
    ("MLC513", "warning", "a folder of the node"),
    ("MLC514", "warning", "a program that may run as root"),
    ("MLC515", "warning", "an artifact that comes over plain HTTP"),
    ("MLC901", "error", "a fault in mlc itself"),
    ("MLC902", "error", "a file that cannot be read"),
    ("MLC903", "error", "a file that cannot be written"),
    ("MLC904", "error", "a server that cannot be asked"),
    ("MLC905", "error", "a server that refuses access"),
    ("MLC906", "error", "something that is not on its server"),
    ("MLC907", "error", "an answer of a server that cannot be used"),
    ("MLC908", "error", "something of this machine that is missing"),
)

CODES: dict[str, Code] = {code: Code(code, severity, summary) for code, severity, summary in _TABLE}

LINTS: dict[str, tuple[str, ...]] = {
    "hygiene": ("MLC506", "MLC508", "MLC509", "MLC512"),
    "digests": ("MLC507",),
    "security": ("MLC513", "MLC514", "MLC515"),
}
"""What is looked for only when asked (`mlc validate --lint hygiene`): such a project works, and a cluster shared with others wants more."""

OPTIONAL = frozenset(code for codes in LINTS.values() for code in codes)


def failed(findings: Iterable[Finding]) -> bool:
    """Whether no next stage may run. A secret in plain text may: a comment can still take it away, and if none does there is no output."""
    return any(finding.code != "MLC501" and CODES[finding.code].severity == "error" for finding in findings)
