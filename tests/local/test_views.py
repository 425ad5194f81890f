"""What people see of a run, from recorded events: the live view on an emulated terminal, the plain log, JSON lines, the end."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pyte
import pytest

from mlc.local.events import Line, MetricRead, Note, Produced, RunEnded, RunStarted, TaskChanged
from mlc.view.board import Board
from mlc.view.end import Hints, brief, failures, whole
from mlc.view.live import LiveView
from mlc.view.plain import PlainView
from mlc.view.records import JsonView
from mlc.view.rows import lines
from mlc.view.tables import Paper
from mlc.view.words import ASCII, UNICODE, duration, plain_line, size
from tests.local.recorded import T, sweep, train_and_deploy, wide

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlc.local.events import Event


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain log has the time of day, so every machine of the tests has the same."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def board_of(events: Iterable[Event]) -> Board:
    """Where a run stands after some events."""
    board = Board()
    for event in events:
        board.take(event, T)
    return board


class Screen:
    """A terminal, with a live view on it, that draws when told to."""

    def __init__(self, columns: int = 80, rows: int = 24, *, unicode: bool = True, color: bool = True) -> None:
        self.emulated = pyte.HistoryScreen(columns, rows, history=10_000)
        self.emulated.set_mode(pyte.modes.LNM)  # a terminal's driver makes a new line of each line feed
        self._stream = pyte.Stream(self.emulated)
        self.now = T
        self.written: list[str] = []
        self.view = LiveView(self._write, self._size, unicode=unicode, color=color, clock=lambda: self.now)

    def _write(self, text: str) -> None:
        self.written.append(text)
        self._stream.feed(text)

    def _size(self) -> tuple[int, int]:
        return self.emulated.columns, self.emulated.lines

    def shows(self) -> list[str]:
        """The lines on the screen, without empty ones at the end."""
        return "\n".join(line.rstrip() for line in self.emulated.display).rstrip().split("\n")

    @property
    def scrolled(self) -> int:
        """How many lines left the screen at its top."""
        return len(self.emulated.history.top)

    def play(self, events: Iterable[Event]) -> None:
        """Take events in, drawing after each."""
        for event in events:
            self.view(event)
            self.view.draw()


# --- the live view ------------------------------------------------------------------------------------------------------------


def test_live_view_shows_every_step_of_a_small_run() -> None:
    """Each step has a line: what runs with its attempt and last line of the log, what waits with what it waits for."""
    screen = Screen(100)
    screen.play(train_and_deploy()[:12])
    screen.now = T + 12
    screen.view.draw()
    assert screen.shows() == [
        "images are not used by processes",
        "digits-ab12c  2/5 done · 1 failed · 1 running · 12 s",
        "✓ prepare            reused: cache",
        "● train       5.0 s  attempt 2 of 3  epoch 2 loss 0.3",
        "○ evaluate           waits for train",
        "○ deploy             waits for evaluate",
        "✗ report      5.0 s  failed: exit 2",
    ]
    assert screen.scrolled == 0


def test_live_view_counts_down_to_the_next_attempt() -> None:
    """A step that waits for its next attempt says for how long still, and why the last one failed."""
    screen = Screen(100)
    screen.play(train_and_deploy()[:7])
    screen.now = T + 5.5
    screen.view.draw()
    assert "↻ train              again in 1.5 s, attempt 1 of 3 failed: exit 1" in screen.shows()


def test_live_view_leaves_nothing_behind() -> None:
    """At its end the terminal is as before, but for notes, which stay; the cursor is shown again."""
    screen = Screen()
    screen.view.start()
    for event in train_and_deploy():
        screen.view(event)
    screen.view.stop()
    assert screen.shows() == ["images are not used by processes", "the per-run claim scratch is removed"]
    assert screen.written[-1].endswith("\x1b[?25h")
    assert "\x1b[?25l" in screen.written[0]


def test_live_view_draws_by_itself_between_start_and_stop() -> None:
    """A thread draws; nobody has to ask."""
    screen = Screen(100)
    drawn = threading.Event()
    write = screen._write
    screen.view._write = lambda text: (write(text), "train" in text and drawn.set())  # type: ignore[assignment, func-returns-value]
    screen.view.start()
    for event in train_and_deploy()[:5]:
        screen.view(event)
    assert drawn.wait(10)
    screen.view.stop()
    threads = [thread.name for thread in threading.enumerate()]
    assert "mlc-live" not in threads


def test_a_thousand_steps_fit_the_screen() -> None:
    """Of a large run only what runs, failed, ended last and comes next is shown, the rest is counted; nothing scrolls away."""
    screen = Screen(80, 24)
    for end in range(1, 2000, 97):
        for event in wide(1000, end // 2, 6)[:end]:
            screen.view.board.take(event, T)
        screen.view.draw()
        assert len(screen.shows()) < 24
        screen.view.board = Board()
    board = board_of(wide(1000, 700, 8))
    texts = [line.plain for line in lines(board, 80, 23, T + 3)]
    assert [text for text in texts if text.startswith("●")] == [f"● step-{number:04}    2.0 s" for number in range(700, 708)]
    assert texts[0] == "wide-00001  700/1000 done · 8 running · 3.0 s"
    assert texts[-1] == "… 984 more: 695 succeeded, 289 waiting"
    assert screen.scrolled == 0


def test_numbers_of_a_cut_view_add_up() -> None:
    """However little room there is, tasks that are shown and tasks that are counted are all tasks."""
    for events in (sweep(100, failed=9, running=4), sweep(12, failed=2, running=2), wide(50, 20, 5)):
        board = board_of(events)
        for height in range(2, 60):
            texts = [line.plain for line in lines(board, 100, height, T + 3)]
            assert len(texts) <= max(2, height)
            shown = 0
            for text in texts[1:]:
                whole_loop = re.search(r"(\d+)/(\d+) done", text)
                if whole_loop:
                    shown += int(whole_loop[2])
                elif text.startswith("…"):
                    shown += sum(map(int, re.findall(r"(\d+) [a-z]", text.partition(":")[2])))
                elif "train[" not in text:
                    shown += 1
            assert shown == board.total, (height, texts)


def test_a_large_loop_is_one_line_and_what_matters() -> None:
    """A loop of a hundred items has a line with counts, and lines for items that run or failed last."""
    board = board_of(sweep(100, failed=9, running=2))
    texts = [line.plain for line in lines(board, 100, 40, T + 3)]
    assert texts[1] == "● train          3.0 s  98/100 done, 2 running, 9 failed"
    assert [text.split()[1] for text in texts[2:]] == [*(f"train[{n}]" for n in (4, 5, 6, 7, 8, 98, 99)), "pick"]


def test_a_small_loop_has_a_line_for_each_item() -> None:
    """Items say what they run for."""
    texts = [line.plain for line in lines(board_of(sweep(3, failed=1, running=1)), 80, 24, T + 3)]
    assert texts[2:5] == ["✗   train[0]    1.0 s  lr=0.0, failed: exit 1", "✓   train[1]    1.0 s  lr=0.1", "●   train[2]    2.0 s  lr=0.2"]


@pytest.mark.parametrize("width", [200, 80, 60, 40, 24, 12, 4, 1])
def test_lines_are_narrower_than_the_terminal(width: int) -> None:
    """Nothing wraps: every line has room for itself, and the cursor after it. Names keep their ends, which tell items apart."""
    long_name = "a-step-with-a-very-long-name-that-nobody-would-want-to-type"
    events: list[Event] = [
        RunStarted("x-1", "x", "process", "", False, ((long_name, ()), ("漢字", ()))),
        *(TaskChanged(f"{long_name}[{number}]", "Running", T, 1, 1) for number in range(3)),
        TaskChanged("漢字", "Running", T, 1, 1),
        Line("漢字", 1, "日本語のログ" * 20),
    ]
    for glyphs in (UNICODE, ASCII):
        from rich.cells import cell_len

        found = [line.plain for line in lines(board_of(events), width, 20, T + 1, glyphs)]
        assert all(cell_len(text) < max(2, width) for text in found)
        if width == 40:
            assert [text for text in found if text.rstrip().endswith("1.0 s") and "[2]" in text]


@pytest.mark.parametrize("columns", [60, 30, 19, 140])
def test_another_width_leaves_no_pieces(columns: int) -> None:
    """Terminals fold what was drawn when they become narrower; the next drawing takes the place of all of it, and of nothing else."""
    screen = Screen(100, 60)
    screen.play([Note("said before"), *train_and_deploy()[:12]])
    folded = [line[at : at + columns] for line in screen.shows() for at in range(0, max(1, len(line)), columns)]
    narrow = Screen(columns, 60)
    narrow._write("".join(f"{line}\n" for line in folded))
    narrow.view.board, narrow.view._drawn = screen.view.board, screen.view._drawn
    narrow.view.draw()
    fresh = Screen(columns, 60)
    fresh.view.board = screen.view.board
    fresh.view.draw()
    above = [line for text in ("said before", "images are not used by processes") for line in re.findall(f".{{1,{columns}}}", text)]
    assert [line.strip() for line in narrow.shows()] == [line.strip() for line in (*above, *fresh.shows())]


def test_no_color_has_no_escapes_but_for_the_cursor() -> None:
    """Without colour nothing is set but the position."""
    screen = Screen(color=False)
    screen.play(train_and_deploy())
    assert set(re.findall(r"\x1b\[[0-9;?]*([A-Za-z])", "".join(screen.written))) <= {"A", "K", "J"}
    coloured = Screen()
    coloured.play(train_and_deploy())
    assert "m" in re.findall(r"\x1b\[[0-9;?]*([A-Za-z])", "".join(coloured.written))


def test_a_terminal_without_utf8_gets_ascii() -> None:
    """Where the terminal takes no UTF-8, the view's own characters are ASCII."""
    screen = Screen(60, unicode=False)
    screen.play(train_and_deploy())
    screen.play(sweep(20, failed=1, running=3))
    assert all("".join(screen.written).isascii() for _ in (1,))


def test_a_log_cannot_move_the_cursor() -> None:
    """What a program prints is shown as text: escapes are gone, other control characters visible."""
    screen = Screen(100)
    screen.play(
        [
            *train_and_deploy()[:5],
            Line("train", 1, "\x1b[2J\x1b]0;title\x07over\rbar 50%\x1b[K\a\x9b5A"),
        ]
    )
    assert any(line.endswith("bar 50%\\x07\\x9b5A") for line in screen.shows())
    assert len(screen.shows()) == 7


def test_a_bar_of_progress_is_live_alone() -> None:
    """A line that its program still writes over is shown live, and in no log."""
    events = [*train_and_deploy()[:5], Line("train", 1, "50%|#####     |\r")]
    screen = Screen(100)
    screen.play(events)
    assert any("50%|#####     |" in line for line in screen.shows())
    written: list[str] = []
    for view in (PlainView(written.append), JsonView(written.append)):
        for event in events:
            view(event)
    assert "50%" not in "".join(written)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("10%\r50%\r100%", "100%"),
        ("50%\r", "50%"),
        ("", ""),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("a\tb", "a       b"),
        ("\x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\", "link"),
    ],
)
def test_lines_of_logs(text: str, shown: str) -> None:
    """A line is what a terminal would show of it."""
    assert plain_line(text) == shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1:00"),
        (3599.6, "1:00:00"),
        (90061, "25:01:01"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    """Times are short and carry over."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_600, "1.0 MB"), (12_000_000, "12 MB"), (5 * 10**15, "5000 TB")]
)
def test_sizes(number: int, text: str) -> None:
    """Sizes have two digits at least."""
    assert size(number) == text


# --- the board ----------------------------------------------------------------------------------------------------------------


def test_board_counts_what_is_there() -> None:
    """The counts that are kept are those of the tasks, at every moment."""
    for events in (train_and_deploy(), sweep(10, failed=3, running=2), wide(30, 10, 4)):
        board = Board()
        for event in events:
            board.take(event, T)
            leaves = [task for name, task in board.tasks.items() if name not in board.items]
            assert +board.counts == Counter(task.state for task in leaves)
            assert set(board.active) == {task.name for task in leaves if task.state in ("Running", "Retrying")}
            assert set(board.failed) == {task.name for task in leaves if task.state == "Failed"}


def test_steps_that_ride_along_have_the_state_of_their_items() -> None:
    """A step of a loop that is told of by its items only is what they are together."""
    events: list[Event] = [RunStarted("x-1", "x", "process", "", False, (("train", ()), ("eval", ("train",))))]
    events += [TaskChanged(f"eval[{number}]", "Waiting", T) for number in range(2)]
    board = board_of(events)
    assert board.state_of("eval") == "Waiting"
    for state, whole_state in (("Running", "Running"), ("Succeeded", "Running")):
        board.take(TaskChanged("eval[0]", state, T, 1, 1), T)  # type: ignore[arg-type]
        assert board.state_of("eval") == whole_state
    board.take(TaskChanged("eval[1]", "Skipped", T), T)
    assert board.state_of("eval") == "Succeeded"
    board.take(TaskChanged("eval[1]", "Failed", T, 1, 1), T)
    assert board.state_of("eval") == "Failed"


def test_a_loop_of_a_run_that_was_stopped() -> None:
    """Whatever is told of the loop last, it does not run when the run is over."""
    board = board_of(
        [*sweep(3, failed=0, running=1), TaskChanged("train[2]", "Stopped", T + 3, 1, 1), RunEnded("sweep-00001", "Stopped", T + 4)]
    )
    assert board.state_of("train") == "Stopped"
    assert "train       Stopped" in whole(board, Paper(), {}, Hints())


# --- the plain log ------------------------------------------------------------------------------------------------------------


def test_plain_log() -> None:
    """One line for each line of a program and each change of a state, with the time and the task."""
    written: list[str] = []
    view = PlainView(written.append, clock=lambda: T)
    for event in train_and_deploy("0.7"):
        view(event)
    assert "".join(written).splitlines() == [
        "22:13:20 digits-ab12c: 5 steps, process",
        "22:13:20 images are not used by processes",
        "22:13:20 prepare    reused: cache",
        "22:13:21 train      started",
        "22:13:21 report     started",
        "22:13:20 train    | epoch 1",
        "22:13:25 train      failed (attempt 1 of 3): exit 1; again in 2.0 s",
        "22:13:20 report   | cannot reach the server",
        "22:13:26 report     failed after 5.0 s: exit 2",
        "22:13:27 train      started (attempt 2 of 3)",
        "22:13:20 train    | epoch 2 loss 0.3",
        "22:13:35 train      succeeded after 14 s",
        "22:13:35 evaluate   started",
        "22:13:20 evaluate   accuracy 0.7 above 0.8 missed",
        "22:13:38 evaluate   succeeded after 3.0 s",
        "22:13:40 deploy     skipped: gate: accuracy 0.7 of evaluate is not above 0.8",
        "22:13:20 the per-run claim scratch is removed",
    ]


def test_plain_log_names_items_once() -> None:
    """Items that wait are not told of one by one; one that starts says what it runs for."""
    written: list[str] = []
    view = PlainView(written.append, clock=lambda: T)
    for event in sweep(2, failed=0):
        view(event)
    assert [line[9:].rstrip() for line in written] == [
        "sweep-00001: 2 steps, process",
        "train   started",
        "train[0]   started (lr=0.0)",
        "train[1]   started (lr=0.1)",
        "train[0]   loss 0.0",
        "train[0]   succeeded after 1.0 s",
        "train[1]   loss 0.1",
        "train[1]   succeeded after 1.0 s",
    ]


def test_nothing_that_is_told_breaks_a_line() -> None:
    """Reasons, items and notes may hold what a project or a program says: line breaks and escapes are shown as such."""
    bad = "a\nb\x1b[2J"
    written: list[str] = []
    view = PlainView(written.append, clock=lambda: T)
    events: list[Event] = [
        RunStarted("x-1", "x", "process", "", False, (("train", ()),), (bad,)),
        TaskChanged("train[0]", "Running", T, 1, 2, item=bad),
        TaskChanged("train[0]", "Retrying", T, 1, 2, bad, retry_in=1.0),
        TaskChanged("train[0]", "Failed", T, 2, 2, bad),
        Note(bad),
        RunEnded("x-1", "Failed", T, (bad,)),
    ]
    for event in events:
        view(event)
    assert all(text.count("\n") == 1 and "\x1b" not in text for text in written)
    text = whole(board_of(events), Paper(), {"train[0]": [bad]}, Hints())
    assert "a\n" not in text
    assert "\x1b" not in text
    assert all("\n" not in line.plain and "\x1b" not in line.plain for line in lines(board_of(events), 200, 20, T))
    screen = Screen(100)
    screen.play(events)
    assert screen.shows()[0] == "a\\nb\\x1b[2J"


# --- JSON lines ---------------------------------------------------------------------------------------------------------------


def test_json_lines() -> None:
    """Every event is one object on one line, with its name and time, the first with the version of the form."""
    written: list[str] = []
    view = JsonView(written.append, clock=lambda: T)
    events = train_and_deploy("0.7")
    for event in events:
        view(event)
    assert all(text.endswith("\n") and text.count("\n") == 1 for text in written)
    found = [json.loads(text) for text in written]
    assert len(found) == len(events)
    assert all(list(one)[:2] == ["event", "at"] for one in found)
    assert found[0]["version"] == 1
    assert found[0]["steps"][1] == {"name": "train", "waits_for": ["prepare"], "rides_along": None}
    metric = next(one for one in found if one["event"] == "metric")
    assert metric["value"] == 0.7
    assert metric["thresholds"] == [{"threshold": "above 0.8", "held": False}]
    assert found[-1] == {"event": "run-ended", "at": T + 21, "run": "digits-ab12c", "phase": "Failed", "reasons": []}


@pytest.mark.parametrize(
    ("text", "value"), [("0.5", 0.5), ("3", 3), ("NaN", None), ("1e999", None), ("true", None), ("x", None), ("", None)]
)
def test_metrics_in_json_are_numbers_or_null(text: str, value: object) -> None:
    """What is no number that JSON can hold is null, so that every line can be read by any program."""
    from mlc.view.records import number

    assert number(text) == value


# --- the end ------------------------------------------------------------------------------------------------------------------


def test_the_end_says_everything() -> None:
    """Steps with states, times and attempts; metrics against thresholds; artifacts; what failed with its last lines; what to type."""
    board = board_of(train_and_deploy("0.7"))
    assert failures(board) == ["report"]
    hints = Hints("mlc run --resume digits-ab12c", logs={"report": "mlc logs digits-ab12c report"})
    assert (
        whole(board, Paper(), {"report": ["cannot reach the server\r", "bye"]}, hints)
        == """\
digits-ab12c: Failed in 21 s, 1 failed, 3 succeeded, 1 skipped

STEP      STATE       TIME  ATTEMPTS
prepare   Succeeded                   reused: cache
train     Succeeded   14 s  2 of 3
evaluate  Succeeded  3.0 s  1
deploy    Skipped                     gate: accuracy 0.7 of evaluate is not above 0.8
report    Failed     5.0 s  1         exit 2

METRIC             VALUE
evaluate.accuracy  0.7    above 0.8 missed

ARTIFACT  FROM       SIZE  PATH
rows      prepare  4.2 kB  /state/runs/digits-ab12c/prepare/outputs/rows
model     train     12 MB  /state/runs/digits-ab12c/train/outputs/model

report failed: exit 2
  | cannot reach the server
  | bye
  the whole log: mlc logs digits-ab12c report

to go on from here: mlc run --resume digits-ab12c
"""
    )
    assert (
        brief(board, Paper(), {}, hints)
        == """\
digits-ab12c: Failed in 21 s, 1 failed, 3 succeeded, 1 skipped

report failed: exit 2

to go on from here: mlc run --resume digits-ab12c
"""
    )


def test_a_metric_above_its_threshold_is_ok() -> None:
    """A threshold that holds says so, in words."""
    assert "evaluate.accuracy  0.93   above 0.8 ok\n" in whole(board_of(train_and_deploy("0.93")), Paper(), {}, Hints())


def test_tables_of_large_runs_are_cut() -> None:
    """Of a thousand steps only those that did not simply succeed are listed, unless all are asked for."""
    events = [*wide(1000, 998, 2), TaskChanged("step-0998", "Failed", T + 3, 1, 1, "exit 1"), RunEnded("wide-00001", "Failed", T + 4)]
    text = whole(board_of(events), Paper(), {}, Hints(all="mlc runs wide-00001"))
    assert len(text.splitlines()) < 20
    assert "step-0998  Failed" in text
    assert "\nleft out: 998 succeeded\n" in text
    assert "everything: mlc runs wide-00001\n" in text
    assert whole(board_of(events), Paper(), {}, Hints(), everything=True).count("\nstep-") == 1000 + 1  # why it failed


def test_metrics_and_artifacts_of_a_large_loop_are_cut() -> None:
    """Of more than ten items ten are listed, those that missed a threshold first; of other steps and small loops everything."""
    events = sweep(30, failed=1)
    for number in range(1, 30):
        task = f"train[{number}]"
        events += [MetricRead(task, "score", f"0.{number}", (("below 9", number != 25),)), Produced(task, "model", f"/m/{number}", 1)]
    events += [MetricRead("pick", "best", "0.1", ()), Produced("pick", "model", "/m/best", 1), RunEnded("sweep-00001", "Failed", T + 4)]
    text = whole(board_of(events), Paper(), {}, Hints(all="mlc runs sweep-00001"))
    listed = re.findall(r"train\[(\d+)\]\.score", text)
    assert listed == [str(number) for number in (*range(1, 10), 25)]
    assert re.findall(r"^model +train\[(\d+)\]", text, re.MULTILINE) == listed
    assert "left out: 38 more\n\nARTIFACT" in text
    assert text.count("left out: 19 more\n") == 1
    assert "pick.best" in text
    assert "/m/best" in text
    assert "everything: mlc runs sweep-00001\n" in text
    every = whole(board_of(events), Paper(), {}, Hints(), everything=True)
    assert (every.count(".score"), every.count("/m/"), "left out" in every) == (29, 30, False)


def test_why_a_run_failed_beside_its_steps() -> None:
    """A threshold with `on_miss: fail` fails a run in which every step succeeded: that is said."""
    events = [*wide(1, 1, 0), RunEnded("wide-00001", "Failed", T + 4, ("step-0000: accuracy 0.7 is not above 0.8 (on_miss: fail)",))]
    assert "\nstep-0000: accuracy 0.7 is not above 0.8 (on_miss: fail)\n" in whole(board_of(events), Paper(), {}, Hints())


def test_many_failures_are_counted() -> None:
    """The logs of five tasks that failed are shown, five more are named, the others counted."""
    board = board_of([*sweep(30, failed=20), RunEnded("sweep-00001", "Failed", T + 4)])
    text = whole(board, Paper(), {name: ["boom"] for name in failures(board)}, Hints())
    assert text.count("  | boom\n") == 5
    assert "10 more failed\n" in text


def test_the_end_fits_a_narrow_terminal() -> None:
    """Reasons fold in their column; paths stay whole, to be copied."""
    text = whole(board_of(train_and_deploy("0.7")), Paper(50), {}, Hints())
    table, _, rest = text.partition("METRIC")
    assert all(len(line) <= 50 for line in table.splitlines()[1:])
    assert "/state/runs/digits-ab12c/prepare/outputs/rows\n" in rest
    assert "\x1b[" in whole(board_of(train_and_deploy("0.7")), Paper(50, color=True), {}, Hints())


def test_a_last_column_without_room_stands_below() -> None:
    """Where the others leave no room for it, a terminal would fold again what was folded."""
    table = whole(board_of(train_and_deploy("0.7")), Paper(40), {}, Hints()).partition("METRIC")[0]
    assert all(len(line) <= 40 for line in table.splitlines()[1:]), table
    assert "deploy    Skipped\n    gate: accuracy 0.7 of evaluate is\n    not above 0.8\n" in table
    assert "report    Failed     5.0 s  1\n    exit 2\n" in table
    titled = Paper(12).table(("METRIC", "ITEM"), [("loss.of.it", "a"), ("x", "lr=0.1 depth=3")])
    assert titled == "METRIC      ITEM\nloss.of.it  a\nx\n    lr=0.1\n    depth=3\n"


def test_tables_count_columns() -> None:
    """Wide characters take two columns; what is folded keeps every character; colours do not move columns."""
    rows = [("漢字", ("Failed", "bold red"), "3", "Straße " * 8 + "x" * 60), ("a", ("Succeeded", "green"), "12", "")]
    titles = ("STEP", "STATE", "TIME", "")
    plain = Paper(50).table(titles, rows, right=("TIME",))
    assert plain.startswith("STEP  STATE      TIME\n漢字  Failed        3  Straße Straße Straße Straße\n")
    assert plain.endswith("\na     Succeeded    12\n")
    assert max(len(line) for line in plain.splitlines()) <= 50
    assert plain.count("Straße") == 8
    assert plain.count("x") == 60
    coloured = Paper(50, color=True).table(titles, rows, right=("TIME",))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert "\x1b[1;31mFailed\x1b[0m" in coloured
    assert Paper().table(titles, [("", "", "", "")]) == ""


def test_notes_stand_above_the_drawing_and_stay() -> None:
    """A note that comes while the run goes is written once, above."""
    screen = Screen(80)
    screen.play([*wide(3, 0, 1), Note("stopping"), *[TaskChanged("step-0000", "Stopped", T, 1, 1)] * 3])
    assert screen.shows()[0] == "stopping"
    assert "\n".join(screen.shows()).count("stopping") == 1
