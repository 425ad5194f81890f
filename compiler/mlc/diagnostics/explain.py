"""The pages about codes: Markdown files beside this module, one per code of `codes.CODES`."""

from __future__ import annotations

import os.path

from .codes import CODES

PAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pages")


def explain(code: str) -> str | None:
    """The page of a code as Markdown, None for an unknown code. `MLC301`, `mlc301` and `301` are one code."""
    name = code.strip().upper()
    if not name.startswith("MLC"):
        name = f"MLC{name}"
    if name not in CODES:
        return None
    with open(os.path.join(PAGES, f"{name}.md"), encoding="utf-8") as page:
        return page.read()


def listing() -> str:
    """Every code with its severity and summary, one per line, in columns."""
    codes = CODES.values()
    wide = max(len(code.severity) for code in codes)
    return "".join(f"{code.code}  {code.severity:<{wide}}  {code.summary}\n" for code in codes)
