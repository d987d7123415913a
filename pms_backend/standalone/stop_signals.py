"""The signals that stop the supervisor, handled only where it waits, so that none interrupts a step halfway."""

import signal
from queue import Empty, SimpleQueue
from types import FrameType

from pms_backend.standalone.exceptions import StopRequested

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    def __init__(self) -> None:
        # A handler may interrupt another handler: SimpleQueue.put is reentrant.
        self._queue: SimpleQueue[int] = SimpleQueue()
        self._received: list[int] = []
        for number in (*STOP, signal.SIGCHLD):
            signal.signal(number, self._handle)

    def pause(self, seconds: float) -> None:
        """Waits so long, or until a child process ends. Raises `StopRequested` after the first signal to stop."""
        self._wait(seconds)
        if self._received:
            raise StopRequested

    def is_interrupted_again(self, seconds: float) -> bool:
        """Waits like `pause` while the stack stops; returns whether Ctrl-C was pressed again.

        SIGTERM does not count, because make passes on to the supervisor one that the supervisor received, too.
        """
        self._wait(seconds)
        return signal.SIGINT in self._received[1:]

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._queue.put(number)

    def _wait(self, seconds: float) -> None:
        try:
            number = self._queue.get(timeout=seconds)
        except Empty:
            return
        if number in STOP:
            self._received.append(number)
