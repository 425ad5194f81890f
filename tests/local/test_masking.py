"""Secrets in logs, in whatever pieces they come."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest

from mlc.local.logs import Log
from mlc.local.masking import Masks

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\nQyNTUxOQAAACBkc29tZXRoaW5n\n-----END OPENSSH PRIVATE KEY-----\n"


def masked(values: list[str], text: bytes, size: int) -> bytes:
    """A text that comes in pieces."""
    masks = Masks()
    for value in values:
        masks.add(value)
    stream = masks.stream()
    return b"".join([*(stream.feed(text[at : at + size]) for at in range(0, len(text), size)), stream.end()])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_pieces(size: int) -> None:
    """A value is found wherever the pieces are cut."""
    text = b"a tok-en123 b tok-entok-en123\ntok-en12\nlonger tok-en1234x\n tok-en123"
    assert masked(["tok-en123", "tok-en1234x"], text, size) == b"a *** b tok-en***\ntok-en12\nlonger ***\n ***"


@pytest.mark.parametrize("seed", range(30))
def test_pieces_at_random(seed: int) -> None:
    """The result does not depend on how the text is cut."""
    draw = random.Random(seed)
    values = ["".join(draw.choices("ab", k=draw.randint(3, 6))) for _ in range(3)]
    text = "".join(draw.choices("ab\n", k=300)).encode()
    whole = masked(values, text, len(text))
    assert all(value.encode() not in whole.replace(b"***", b"\0") for value in values)
    for size in (1, 2, 3, 5, 11, 50):
        assert masked(values, text, size) == whole


def test_nothing_is_held_back_for_long() -> None:
    """A line without a secret is shown when it comes, without an end, too."""
    masks = Masks()
    masks.add("secret-value")
    stream = masks.stream()
    assert stream.feed(b"progress 50%") == b"progress 50%"
    assert stream.feed(b" sec") == b" "
    assert stream.feed(b"onds\n") == b"seconds\n"


@pytest.mark.parametrize("line", KEY.splitlines())
def test_lines_of_a_key(line: str) -> None:
    """Of a value with several lines each one is masked."""
    assert masked([KEY], f"x {line} y\n".encode(), 5) == b"x *** y\n"


def test_other_forms() -> None:
    """A value is masked as JSON, URLs and base64 have it."""
    value = 'p"ss w\\rd/ü'
    forms = ['p\\"ss w\\\\rd/\\u00fc', "p%22ss%20w%5Crd%2F%C3%BC", base64.b64encode(value.encode()).decode(), value]
    assert masked([value], "|".join(forms).encode(), 9).rstrip(b"=") in (b"***|***|***|***", b"***|***|***=|***")


def test_short_values_and_texts() -> None:
    """A value of one or two characters would make every log unreadable."""
    masks = Masks()
    masks.add("")
    masks.add("ab")
    assert masks.text("ab cab") == "ab cab"
    masks.add("cab")
    assert masks.text("ab cab \udcff") == "ab *** \udcff"


def test_without_secrets() -> None:
    """Bytes pass as they are."""
    assert masked([], bytes(range(256)), 7) == bytes(range(256))


def test_log_of_several_programs(tmp_path: Path) -> None:
    """Lines of sidecars have their name before them, and never start in the middle of another line."""
    told: list[str] = []
    masks = Masks()
    masks.add("secret-value")
    log = Log(tmp_path / "log", masks, told.append)
    main, side = log.stream(), log.stream("[side] ")
    main.write(b"half")
    side.write(b"up sec")
    side.write(b"ret-value\nlast")
    main.write(b" line\r\n")
    side.close()
    main.close()
    log.say("mlc: secret-value")
    log.close()
    log.close()
    assert (tmp_path / "log").read_bytes() == b"half\n[side] up ***\n line\r\n[side] last\nmlc: ***\n"
    assert told == ["[side] up ***", "half line", "[side] last", "mlc: ***"]


def test_bar_of_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a program writes over again and again is told now and then, marked as such; in the end its last state is the line."""
    told: list[str] = []
    now = [0.0]
    monkeypatch.setattr("mlc.local.logs.time.monotonic", lambda: now[0])
    log = Log(tmp_path / "log", Masks(), told.append)
    stream = log.stream()
    stream.write(b"start\r\n")
    written = [b"\r%3d%%|#" % percent for percent in range(101)]
    for piece in written:
        now[0] += 0.2
        stream.write(piece)
    stream.write(b"\r")
    stream.write(b"\nend")
    stream.close()
    log.close()
    assert (tmp_path / "log").read_bytes() == b"start\r\n" + b"".join(written) + b"\r\nend"
    assert [told[0], *told[-2:]] == ["start", "100%|#", "end"]
    partial = told[1:-2]
    assert partial[:3] == ["  0%|#\r", "  3%|#\r", "  6%|#\r"]
    assert len(partial) == 34
    assert len(stream._line) < 10


def test_endless_line(tmp_path: Path) -> None:
    """A line without an end is in the log as it is; what is told of it is bounded, and so is the memory."""
    told: list[str] = []
    log = Log(tmp_path / "log", Masks(), told.append)
    main, side = log.stream(), log.stream("[side] ")
    for _ in range(100):
        main.write(b"x" * 65536)
        side.write(b"y" * 65536)
    assert len(main._line) < 100_000
    main.close()
    side.close()
    log.close()
    assert (tmp_path / "log").stat().st_size > 100 * 65536
    assert [len(line) for line in told] == [4096, 4096]


def test_full_disk(tmp_path: Path) -> None:
    """A log that cannot be written is cut short, and says so; the program is not disturbed."""
    log = Log(Path("/dev/full"), Masks(), lambda _: None)
    stream = log.stream()
    stream.write(b"x\n")
    stream.write(b"y\n")
    stream.close()
    log.close()
    assert log.problem == "its log is cut short: no space left on device"
