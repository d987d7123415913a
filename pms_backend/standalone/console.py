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
    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        # If it is not a terminal it is a log, which is stored and which others may read.
        self.is_terminal = self._stream.isatty()
        self._lock = threading.Lock()
        self._colours: dict[str, int] = {}
        self._tails: dict[str, deque[str]] = {}

    def say(self, text: str) -> None:
        with self._lock:
            self._write(text)

    def line(self, name: str, text: str) -> None:
        """Shows one line of a program's output; may be called from any thread."""
        with self._lock:
            self._tails.setdefault(name, deque(maxlen=limits.TAIL_LINES)).append(text)
            prefix = f"{name:<{NAME_WIDTH}}|"
            if self.is_terminal:
                colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
                prefix = f"\x1b[{colour}m{prefix}{RESET}"
            self._write(f"{prefix} {text}")

    def tail(self, name: str) -> tuple[str, ...]:
        """Returns the last lines of a program."""
        with self._lock:
            return tuple(self._tails.get(name, ()))

    def _write(self, text: str) -> None:
        # A closed terminal must not stop the programs, nor keep the supervisor from stopping them.
        with suppress(OSError, ValueError):
            self._stream.write(text + "\n")
            self._stream.flush()
