import io

import pytest

from pms_backend.standalone.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_carry_the_name_of_their_program() -> None:
    stream = io.StringIO()
    console = Console(stream)

    console.line("web", "hello")
    console.say("ready")

    assert stream.getvalue() == "web     | hello\nready\n"


def test_on_a_terminal_each_name_has_a_colour_of_its_own() -> None:
    stream = Terminal()
    console = Console(stream)

    for name in ("web", "beat", "web"):
        console.line(name, "hello")

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

    assert console.tail("web") == ("lost",)
    assert console.tail("beat") == ()
