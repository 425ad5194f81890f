"""What is wrong with a text that is not YAML, in our words.

The parser says where it gave up and what it missed; a person needs what they did. So each fault is told from the text around that place,
and the parser's own words only choose which question to ask. They differ a little between libyaml and the Python parser.
"""

from __future__ import annotations

import re

from .diagnostics.model import Finding, Related, Span
from .positions import find, span_between
from .source import events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_CHARACTERS = 10
"""Forbidden characters that are reported one by one."""

_FORBIDDEN = re.compile("[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_CONFLICT = re.compile(r"^(?:<{7}|\|{7}|={7}|>{7})(?= |\r?$)", re.MULTILINE)
_TAB = re.compile(r" *\t")
_EXPRESSION = re.compile(r"\$?\{\{[^\n]*?(?:\}\}|$)", re.MULTILINE)
_NAME = r"[A-Za-z][-\w]*"
_PORT = rf"steps\.{_NAME}\.(?:values|metrics)\.{_NAME}|(?:inputs|outputs|values|metrics)\.{_NAME}"
_REFERENCE = re.compile(rf"(?<![\w.-])(?:params\.{_NAME}|{_PORT}|run\.(?:id|name))(?![\w.-])")
"""What only an expression of ours refers to; Argo has longer paths under the same words, such as `inputs.parameters.x`."""
_ARGO = re.compile(r"\{\{=?\s*(?:inputs|item|lastRetry|node|outputs|pod|retries|steps|tasks|workflow)\b")
_MISSING_SPACE = re.compile(r"[ \t]*(?:- +)*([A-Za-z_][-\w]*):(?=[^\s:/])")
_NAMES = {"\0": "NUL", "\x85": "next line", "\u2028": "line separator", "\u2029": "paragraph separator", "\ufeff": "byte order mark"}
NUL_HELP = "remove it: no program can get it in an argument, a variable or a path"
"""Escaped or not: a NUL ends the texts that a process gets (execve(2)), and engines' templates break on it."""
_WIDE_SPACE = re.compile(r"^ *([\xa0\u1680\u2000-\u200a\u202f\u205f\u3000])", re.MULTILINE)
"""What looks like an indent and is part of a text to YAML."""
_QUOTE_IT = "put quotes around the text"


def describe(text: str, problem: str, at: int, context: int | None) -> Finding:
    """The finding for a parser's error at offset `at`, in something that began at offset `context`."""
    at = min(at, len(text))
    line_start = text.rfind("\n", 0, at) + 1
    line_end = text.find("\n", at) if "\n" in text[at:] else len(text)
    before = text[line_start:at]
    character = text[at : at + 1]
    begin = at if context is None else context
    return (
        _conflict(text)
        or _expression(text, line_start, at)
        or _tab(text, begin, line_start, line_end)
        or _wide_space(text, line_start, line_end)
        or _scanning(text, problem, at, begin, before, character)
        or _parsing(text, problem, at, begin, before, character)
        or _finding(text, at, at + 1, "the text cannot be read as YAML from here on", f"check what stands before it, or {_QUOTE_IT}")
    )


def _finding(text: str, start: int, end: int, message: str, help_: str, related: tuple[Related, ...] = ()) -> Finding:
    return Finding("MLC101", message, help=help_, related=related, span=_clipped(text, start, end))


def _clipped(text: str, start: int, end: int) -> Span:
    """A span of one line at most."""
    stop = next((place for place in range(start, min(end, len(text))) if text[place] in "\r\n"), min(end, len(text)))
    return span_between(text, start, max(stop, start))


def _related(text: str, start: int, label: str) -> tuple[Related, ...]:
    return (Related((), label, span=_clipped(text, start, start + 1)),)


def _word(text: str, start: int) -> int:
    """Where the word at `start` ends."""
    found = re.compile(r"[^\s,\[\]{}]+").match(text, start)
    return found.end() if found else start + 1


def _conflict(text: str) -> Finding | None:
    markers = list(_CONFLICT.finditer(text))
    if not any(marker.group()[0] in "<>" for marker in markers):
        return None
    labels = {"<": "one side starts here", "|": "the common ancestor", "=": "the other side", ">": "the conflict ends here"}
    related = tuple(
        Related((), labels[marker.group()[0]], span=span_between(text, marker.start(), marker.end())) for marker in markers[1:4]
    )
    first = markers[0]
    help_ = "keep the lines that are right and delete the marker lines"
    return _finding(text, first.start(), first.end(), "a merge conflict is not resolved", help_, related)


def _expression(text: str, line_start: int, at: int) -> Finding | None:
    """An expression outside quotes on the line of the error: `{`, `#` and `: ` in it mean something to YAML."""
    quote = ""
    place = line_start
    while place <= at:
        character = text[place : place + 1]
        if quote:
            if character == "\\" and quote == '"':
                place += 1
            elif character == quote:
                quote = ""
        elif character in ("'", '"') and (place == line_start or text[place - 1] in " ,[{"):
            quote = character
        elif text.startswith("${{", place):
            return _unquoted(text, place)
        elif character == "#" and (place == line_start or text[place - 1] in " \t"):
            return None
        place += 1
    return _unquoted(text, at - 1) if text.startswith("${{", max(at - 1, 0)) else None


def _unquoted(text: str, place: int) -> Finding:
    start = place
    while start and text[start - 1] not in " \t\r\n,[{":
        start -= 1
    found = _EXPRESSION.match(text, place)
    end = found.end() if found else place + 3
    while text[end : end + 1] not in ("", " ", "\t", "\r", "\n", ",", "]", "}"):
        end += 1
    whole = text[start:end]
    if "${{" not in whole and not _REFERENCE.search(whole):
        return _foreign(text, start, end)
    proper = whole if "${{" in whole else whole.replace("{{", "${{", 1)
    written = "'" + proper.replace("'", "''") + "'" if '"' in proper or "\\" in proper else f'"{proper}"'
    help_ = f"write it with quotes: `{written}`" if "}}" in whole else "put quotes around the whole text"
    message = "an expression needs quotes here: YAML takes some of its characters for its own"
    return Finding("MLC112", message, help=help_, span=_clipped(text, start, end))


def _foreign(text: str, start: int, end: int) -> Finding:
    """Braces of another template language: with a dollar sign they would only become an expression that nobody can read."""
    known = re.search(r"\{\{-?\s*workflow\.(?:parameters\.([A-Za-z][-\w]*)|(name|uid))\s*\}\}", text[start:end])
    if known is not None:
        ours = f"params.{known[1]}" if known[1] else "run.id" if known[2] == "uid" else "run.name"
        help_ = f"mlc writes this as `{text[start : start + known.start()]}${{{{ {ours} }}}}{text[start + known.end() : end]}`, in quotes"
    elif _ARGO.search(text, start, end):
        help_ = 'a tag of Argo means nothing here; an expression of mlc names what it refers to, as in `"${{ params.NAME }}"`'
    else:
        help_ = 'an expression of mlc names what it refers to, as in `"${{ params.NAME }}"`; put quotes around any other text with braces'
    message = "text with `{{` needs quotes here: YAML reads braces as a mapping"
    return Finding("MLC112", message, help=help_, span=_clipped(text, start, end))


def braces(text: str, inner: int) -> Finding | None:
    """`{{ x }}` without `$` and quotes, which YAML reads as a mapping that is the key of a mapping. `inner` is the second brace."""
    return _unquoted(text, inner - 1) if inner and text.startswith("{{", inner - 1) else None


def _tab(text: str, begin: int, line_start: int, line_end: int) -> Finding | None:
    start = text.rfind("\n", 0, begin) + 1
    for first in (line_start, start):
        found = _TAB.match(text, first, line_end)
        if found is not None and text[found.end() : found.end() + 1] not in ("", "\n", "\r"):
            tab = found.end() - 1
            return _finding(text, tab, tab + 1, "a line is indented with a tab", "YAML allows only spaces: two for each level")
    return None


def _wide_space(text: str, line_start: int, line_end: int) -> Finding | None:
    """A no-break space or the like in the indent of the line of the error, or of the last line before it with something on it."""
    above = text.rfind("\n", 0, len(text[:line_start].rstrip(" \t\r\n"))) + 1
    found = next(_WIDE_SPACE.finditer(text, above, line_end), None)
    if found is None:
        return None
    start = above  # the first of several such lines in a row is where it began
    while (before := _WIDE_SPACE.match(text, text.rfind("\n", 0, start - 1) + 1)) and before.start() < start <= found.start():
        start, found = before.start(), before
    message = f"a line is indented with {character_name(found[1])}, which is text to YAML"
    return _finding(text, found.start(1), found.end(1), message, "replace it with a space")


def character_name(character: str) -> str:
    """A character that nobody sees, by its code and what it is called: `U+00A0 (no-break space)`."""
    import unicodedata

    name = unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


def _scanning(text: str, problem: str, at: int, begin: int, before: str, character: str) -> Finding | None:
    """What the scanner finds: characters, quotes, colons."""
    if "cannot start any token" in problem:
        shown = {"\t": "a tab", "`": "a backtick"}.get(character, f"`{character}`")
        return _finding(text, at, at + 1, f"a text without quotes cannot start with {shown}", _QUOTE_IT)
    if "mapping values are not allowed" in problem:
        return _colon(text, at, before)
    if "could not find expected ':'" in problem:
        end = next((place for place in range(begin, len(text)) if text[place] in "\r\n"), len(text))
        missing = _MISSING_SPACE.match(text, begin)
        if missing is not None:
            return _no_space(text, missing)
        if text[begin : begin + 1] in ("'", '"') and "\n" in text[begin:at]:
            return _finding(text, begin, begin + 1, "this quote is not closed on its line", "close it, or check the quotes above")
        return _finding(text, begin, end, "this line has no `:`", "write `key: value`, or indent the line if it goes on the text above")
    if "sequence entries are not allowed" in problem:
        help_ = "start the list on the next line, or write it as `[a, b]`; put quotes around a text that starts with `- `"
        return _finding(text, at, at + 1, "a list cannot start on the line of its key", help_)
    if "mapping keys are not allowed" in problem:
        return _finding(text, at, at + 1, "`? ` cannot start a text without quotes", _QUOTE_IT)
    if "unexpected end of stream" in problem or "unexpected document" in problem:
        return _finding(text, begin, begin + 1, "this quote is never closed", f"add the closing `{text[begin : begin + 1]}`")
    if any(word in problem for word in ("unknown escape character", "hexdecimal", "hexadecimal", "Unicode character escape")):
        slash = text.rfind("\\", begin, at + 1) if at > begin else text.find("\\", begin)
        end = slash + 2 if "unknown" in problem else _word(text, at)
        escape = text[slash : slash + 2]
        help_ = "write the backslash twice, or use single quotes"
        return _finding(text, slash, end, f"`{escape}` is no escape that can stand here in double quotes", help_)
    starts = {"*": "an alias", "&": "an anchor", "%": "a directive", "!": "a tag"}
    opening = text[begin : begin + 1]
    if opening in starts and begin < at <= _word(text, begin) + 1:
        message = f"a text without quotes cannot start with `{opening}`, which starts {starts[opening]}"
        return _finding(text, begin, _word(text, begin), message, _QUOTE_IT)
    if "tag handle" in problem:
        end = _word(text, at)
        return Finding("MLC110", f"the YAML tag `{text[at:end]}` is not read", help=_QUOTE_IT, span=_clipped(text, at, end))
    if opening in ("|", ">") and begin < at and "\n" not in text[begin:at]:
        message = f"`{opening}` starts a text on the lines below, and nothing else may follow it here"
        return _finding(text, begin, _word(text, begin), message, f"move the text to the next line and indent it, or {_QUOTE_IT}")
    return None


def _colon(text: str, at: int, before: str) -> Finding:
    start = text.rfind("\n", 0, at) + 1
    if re.search(r"(?:^|[^\s]): ", before):
        help_ = "put quotes around the whole value, or move the inner key to a line of its own"
        return _finding(text, at, at + 1, "a second `: ` on one line", help_)
    missing = _missing_space_above(text, start)
    if missing is not None:
        return _no_space(text, missing)
    key = start + len(before) - len(before.lstrip())
    help_ = "align it with the keys that it belongs to; a key with a value of its own has no keys below it"
    return _finding(text, key, at, "the indentation of this key fits nothing above it", help_)


def _missing_space_above(text: str, line_start: int) -> re.Match[str] | None:
    """`key:value` on the last line with something on it before an offset."""
    end = len(text[:line_start].rstrip())
    start = text.rfind("\n", 0, end) + 1
    return None if re.search(r":(?:\s|$)", text[start:end].partition(" #")[0]) else _MISSING_SPACE.match(text, start)


def _no_space(text: str, missing: re.Match[str]) -> Finding:
    colon = missing.end() - 1
    help_ = f"write `{missing.group(1)}: ` and then the value"
    return _finding(text, missing.start(1), colon + 1, "a space is missing after this `:`", help_)


def _parsing(text: str, problem: str, at: int, begin: int, before: str, character: str) -> Finding | None:
    """What the parser finds: brackets, indentation, what is left over."""
    opening = text[begin : begin + 1]
    if "',' or" in problem and opening in ("[", "{"):
        closing = "]" if opening == "[" else "}"
        if at >= len(text) or "\n" in text[begin:at]:
            related = _related(text, at, "this cannot belong to it") if at < len(text) else ()
            return _finding(text, begin, begin + 1, f"this `{opening}` is never closed", f"add the closing `{closing}`", related)
        message = f"expected `,` or `{closing}`"
        return _finding(text, at, _word(text, at), message, f"close the bracket, or {_QUOTE_IT}", _related(text, begin, "opened here"))
    if character in ("]", "}"):
        return _finding(text, at, at + 1, f"this `{character}` closes nothing here", f"remove it, or {_QUOTE_IT}")
    if character == ":" and not before.strip():
        return _finding(text, at, at + 1, "a key is missing before this `:`", "write a key, such as `name:`")
    if "document start" in problem and not before.strip():
        first = re.search(r"^[ \t]*[^\s#]", text, re.MULTILINE)
        related = _related(text, first.end() - 1, "the document starts here") if first and first.end() <= at else ()
        help_ = "check the lines above: they were read as one whole value, not as keys"
        return _finding(text, at, _word(text, at), "this comes after the end of the document", help_, related)
    if "node content" in problem:
        if at >= len(text):
            return _finding(text, begin, begin + 1, "a value is missing", "write the value")
        return _finding(text, at, at + 1, f"expected a value before this `{character}`", f"write the value, or {_QUOTE_IT}")
    if "version" in problem or "incompatible" in problem or "directive" in problem:
        return _finding(text, at, _word(text, at), "this YAML directive is not read", "remove the line: a project file needs none")
    if before.strip() and before.rstrip()[-1:] in ("'", '"', "]", "}"):
        help_ = "put quotes around the whole text, and other quotes inside it"
        return _finding(text, at, _word(text, at), "text after the end of the value", help_)
    if before.strip():
        return _finding(text, at, _word(text, at), "this cannot stand here", _QUOTE_IT)
    missing = _missing_space_above(text, at - len(before))
    if missing is not None:
        return _no_space(text, missing)
    if "'-' indicator" in problem or ("block end" in problem and opening == "-"):
        column = begin - text.rfind("\n", 0, begin)
        help_ = f"items of the list start with `- ` in column {column}; what comes after the list is indented like the list's key"
        return _finding(text, at, _word(text, at), "expected `- ` and the next item of the list", help_, _related(text, begin, "the list"))
    if "expected key" in problem or "block end" in problem:
        what = "a list item" if text.startswith("- ", at) else "this line"
        column = begin - text.rfind("\n", 0, begin)
        help_ = f"the keys of the mapping around it start in column {column}"
        message = f"the indentation of {what} fits nothing above it"
        return _finding(text, at, _word(text, at), message, help_, _related(text, begin, "the mapping starts here"))
    return None


def tag(text: str, event: Any) -> Finding:
    """The finding for a tag, found among the properties of a node."""
    start = event.start_mark.index
    found = re.compile(r"(?:&\S+\s+)?(!\S*?)(?=[\s,\[\]{}]|$)").match(text, start)
    first, last = found.span(1) if found else (start, start + 1)
    written = text[first:last]
    help_ = "put quotes around the value to make it text, and remove the tag" if written == "!!str" else "remove the tag"
    return Finding("MLC110", f"the YAML tag `{written}` is not read", help=help_, span=span_between(text, first, last))


def not_a_mapping(text: str, data: object) -> Finding:
    """The finding for a document that is empty, a list or a scalar."""
    places = find(events(text), text, [()])
    if data is None and (not places or places[()].text in ("", None)):
        help_ = "start with `mlc: v1`, `name:` and `steps:`"
        return Finding("MLC111", "the file holds no project", help=help_, span=Span(1, 1, 1, 1))
    span = places[()].value
    if isinstance(data, str):
        missing = _MISSING_SPACE.match(text, places[()].start)
        if missing is not None:
            found = _no_space(text, missing)
            message = "the document is one text, not a mapping: a space is missing after `:`"
            return Finding("MLC107", message, help=found.help, span=found.span)
    kind = "list" if isinstance(data, list) else "single value"
    return Finding("MLC107", f"the document is a {kind}, not a mapping", help="start with `mlc: v1`, `name:` and `steps:`", span=span)


def characters(text: str) -> list[Finding]:
    """A finding for each character that may not stand in a project file, up to a limit."""
    found: list[Finding] = []
    for match in _FORBIDDEN.finditer(text):
        if len(found) == MOST_CHARACTERS:
            break
        character = match.group()
        name = f"U+{ord(character):04X}"
        if character in _NAMES:
            name += f" ({_NAMES[character]})"
        message = f"the character {name} cannot stand in a project file"
        help_ = f"remove it, or write it in double quotes as `\\u{ord(character):04x}`"
        if character == "\0":
            help_ = NUL_HELP
        elif "\ud800" <= character <= "\udfff":
            help_ = "remove it: the text was not UTF-8"
        found.append(Finding("MLC108", message, help=help_, span=_clipped(text, match.start(), match.end())))
    return found


def encoding(raw: bytes, at: int) -> Finding:
    """The finding for bytes that are not UTF-8, the first of them at offset `at`; names the encoding where it shows."""
    known = wide(raw)
    if known is not None:
        return known
    name = ""
    if not re.search(rb"[\x00-\x08\x0e-\x1f]", raw):
        name = next((label for codec, label in (("cp949", "EUC-KR"), ("latin-1", "Latin-1 or Windows-1252")) if _reads_as(raw, codec)), "")
    line = raw.count(b"\n", 0, at) + 1
    column = len(raw[raw.rfind(b"\n", 0, at) + 1 : at].decode("utf-8", "replace")) + 1
    guess = f" but looks like {name}" if name else ""
    message = f"the file is not UTF-8{guess}: byte 0x{raw[at]:02X}"
    return Finding("MLC108", message, help="save the file as UTF-8", span=Span(line, column, line, column + 1))


def _reads_as(raw: bytes, codec: str) -> bool:
    """Whether bytes read as text in an encoding; for the Korean one, as text with a syllable in it."""
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError:
        return False
    return codec != "cp949" or any("\uac00" <= character <= "\ud7a3" for character in text)


def wide(raw: bytes) -> Finding | None:
    """The finding for UTF-16 and UTF-32, by their byte order mark or by their zero bytes."""
    zeros = raw[:4096].count(0)
    name = ""
    if raw.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")) or raw[:3] == b"\0\0\0" or raw[1:4] == b"\0\0\0":
        name = "UTF-32"
    elif raw.startswith((b"\xff\xfe", b"\xfe\xff")) or (zeros * 3 >= min(len(raw), 4096) > 9 and (raw[0] == 0) != (raw[1] == 0)):
        name = "UTF-16"
    if not name:
        return None
    return Finding("MLC108", f"the file is {name}, not UTF-8", help="save the file as UTF-8", span=Span(1, 1, 1, 1))
