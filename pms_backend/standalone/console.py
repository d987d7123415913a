"""What the terminal shows: the programs' lines, each with the program's name, and the supervisor's own."""

import sys
import threading
from collections import deque
from contextlib import suppress
from typing import TextIO

from pms_backend.standalone import limits

COLOURS = (36, 32, 33, 35, 34, 96, 92)
RESET = "\x1b[0m"
NAME_WIDTH = 8


class Console:
    """Writes in a thread of its own: a reader who pauses (Ctrl-S, `less`) must stop neither programs nor supervisor.

    Lines beyond `limits.UNREAD_LINES` that nobody has read are counted instead.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or _standard_output()
        # If it is not a terminal it is a log, which is stored and which others may read.
        self.is_terminal = self._stream.isatty()
        self._changed = threading.Condition()
        self._unread: deque[str] = deque()
        self._left_out = 0
        self._is_closed = False
        self._colours: dict[str, int] = {}
        self._tails: dict[str, deque[str]] = {}
        self._writer = threading.Thread(target=self._write, name="console", daemon=True)
        self._writer.start()

    def say(self, text: str) -> None:
        with self._changed:
            self._put(text)

    def line(self, name: str, text: str) -> None:
        """Shows one line of a program's output; may be called from any thread."""
        with self._changed:
            self._tails.setdefault(name, deque(maxlen=limits.TAIL_LINES)).append(text)
            prefix = f"{name:<{NAME_WIDTH}}|"
            if self.is_terminal:
                colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
                prefix = f"\x1b[{colour}m{prefix}{RESET}"
            self._put(f"{prefix} {text}")

    def tail(self, name: str) -> tuple[str, ...]:
        """Returns the last lines of a program."""
        with self._changed:
            return tuple(self._tails.get(name, ()))

    def close(self) -> None:
        """Returns when all is written, or after a moment if nobody reads."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._writer.join(limits.OUTPUT_SECONDS)

    def _put(self, text: str) -> None:
        if len(self._unread) < limits.UNREAD_LINES:
            self._unread.append(text)
            self._changed.notify()
        else:
            self._left_out += 1

    def _write(self) -> None:
        while lines := self._next_lines():
            # A closed terminal must not stop the programs, nor keep the supervisor from stopping them.
            with suppress(OSError, ValueError):
                self._stream.write("".join(f"{line}\n" for line in lines))
                self._stream.flush()

    def _next_lines(self) -> list[str]:
        """Waits for lines; returns none when the console is closed and all are written."""
        with self._changed:
            self._changed.wait_for(lambda: self._unread or self._is_closed)
            lines, left_out = list(self._unread), self._left_out
            self._unread.clear()
            self._left_out = 0
        return [*lines, f"… {left_out} lines left out, as nobody read them"] if left_out else lines


def _standard_output() -> TextIO:
    """A file of its own: at its end the interpreter flushes `sys.stdout`, and aborts while a thread writes to it."""
    return open(sys.stdout.fileno(), "w", encoding=sys.stdout.encoding, errors="backslashreplace", closefd=False)
