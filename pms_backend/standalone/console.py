"""What the terminal shows: lines of the children, each with its name, and the supervisor's own."""

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
        # Otherwise it is a log, which others read and which is kept.
        self.is_terminal = self._stream.isatty()
        self._lock = threading.Lock()
        self._colours: dict[str, int] = {}
        self._tails: dict[str, deque[str]] = {}

    def say(self, text: str) -> None:
        with self._lock:
            self._write(text)

    def line(self, name: str, text: str) -> None:
        """One line of a child's output; may be called from any thread."""
        with self._lock:
            self._tails.setdefault(name, deque(maxlen=limits.TAIL_LINES)).append(text)
            prefix = f"{name:<{NAME_WIDTH}}|"
            if self.is_terminal:
                colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
                prefix = f"\x1b[{colour}m{prefix}{RESET}"
            self._write(f"{prefix} {text}")

    def tail(self, name: str) -> tuple[str, ...]:
        """The last lines of a child."""
        with self._lock:
            return tuple(self._tails.get(name, ()))

    def _write(self, text: str) -> None:
        # A terminal that was closed must not stop the children, nor the supervisor from stopping them.
        with suppress(OSError, ValueError):
            self._stream.write(text + "\n")
            self._stream.flush()
