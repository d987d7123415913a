import io
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from pms_backend.standalone import limits
from pms_backend.standalone.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_carry_the_name_of_their_program() -> None:
    stream = io.StringIO()
    console = Console(stream)

    console.line("web", "hello")
    console.say("ready")
    console.close()

    assert stream.getvalue() == "web     | hello\nready\n"


def test_on_a_terminal_each_name_has_a_colour_of_its_own() -> None:
    stream = Terminal()
    console = Console(stream)

    for name in ("web", "beat", "web"):
        console.line(name, "hello")
    console.close()

    assert stream.getvalue().splitlines() == [
        "\x1b[36mweb     |\x1b[0m hello",
        "\x1b[32mbeat    |\x1b[0m hello",
        "\x1b[36mweb     |\x1b[0m hello",
    ]


@pytest.mark.parametrize("error", [BrokenPipeError, ValueError])
def test_a_terminal_that_went_away_does_no_harm(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    console = Console(stream)

    def fail(_text: str) -> int:
        raise error

    monkeypatch.setattr(stream, "write", fail)
    console.line("web", "lost")
    console.close()

    assert console.tail("web") == ("lost",)
    assert console.tail("beat") == ()


def test_all_lines_are_written_before_it_is_closed() -> None:
    stream = io.StringIO()
    console = Console(stream)
    lines = [f"line {number}" for number in range(5_000)]

    for line in lines:
        console.say(line)
    console.close()

    assert stream.getvalue().splitlines() == lines


def test_lines_that_nobody_reads_are_counted_and_hold_up_nobody() -> None:
    """The first lines fill the pipe; of those after them the console keeps some, and says where it left out others."""
    reading, writing = os.pipe()
    count = 3 * limits.UNREAD_LINES

    # The reader is closed first, so that this ends whatever happens.
    with ThreadPoolExecutor() as pool, os.fdopen(writing, "w") as writer, os.fdopen(reading) as reader:
        console = Console(writer)
        pool.submit(lambda: [console.say(f"{number:>250}") for number in range(count)]).result(timeout=60)
        read = pool.submit(reader.readlines)
        console.close()
        writer.close()
        shown = [line.strip() for line in read.result()]

    said = left_out = 0
    for line in shown:
        if note := re.fullmatch("… ([0-9]+) lines left out, as nobody read them", line):
            said, left_out = said + int(note[1]), left_out + int(note[1])
        else:
            assert line == str(said)
            said += 1
    assert said == count
    assert limits.UNREAD_LINES <= count - left_out < count
