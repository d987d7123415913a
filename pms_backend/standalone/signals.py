"""Signals as something that is waited for at chosen moments, so that none cuts a step in half."""

import signal
from queue import Empty, SimpleQueue
from types import FrameType

from pms_backend.standalone.exceptions import StopRequested

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    def __init__(self) -> None:
        # SimpleQueue.put may interrupt itself, as a handler must be able to.
        self._queue: SimpleQueue[int] = SimpleQueue()
        self._stops: list[int] = []
        for number in (*STOP, signal.SIGCHLD):
            signal.signal(number, self._note)

    def pause(self, seconds: float) -> None:
        """Returns then, or as soon as a child ends; StopRequested from the first signal to stop on."""
        self._take(seconds)
        if self._stops:
            raise StopRequested

    def is_urgent(self, seconds: float) -> bool:
        """While stopping: waits like `pause`, and says whether Ctrl-C was pressed again.

        SIGTERM does not count twice, because make hands on to the supervisor one that it got along with it.
        """
        self._take(seconds)
        return self._stops[1:].count(signal.SIGINT) > 0

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._queue.put(number)

    def _take(self, seconds: float) -> None:
        try:
            number = self._queue.get(timeout=seconds)
        except Empty:
            return
        if number in STOP:
            self._stops.append(number)
