"""Sends messages to a channel in a thread of its own, so that one that hangs delays nothing."""

import itertools
import logging
import queue
import threading
from datetime import timedelta
from typing import Final, Protocol

from pms_backend.operations.alerts.digest import Message
from pms_backend.outbound import pause_before

logger = logging.getLogger(__name__)

FIRST_PAUSE: Final = timedelta(seconds=2)
LONGEST_PAUSE: Final = timedelta(seconds=60)
# How long a monitor that is asked to stop goes on sending.
LAST_SECONDS: Final = 3.0


class Refused(Exception):
    """The channel does not accept the message, however often it is sent."""


class Channel(Protocol):
    """Where messages are sent. `send` raises `Refused`, or any other exception if it may succeed later."""

    name: str

    def send(self, message: Message) -> None:
        """Sends one message, within seconds."""


class Sender:
    """Sends the messages of one channel, one after the other."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"alerts by {channel.name}", daemon=True)
        self._thread.start()

    def put(self, message: Message) -> None:
        """Sends it as soon as the channel takes it; returns at once."""
        self._messages.put(message)

    def stop(self) -> None:
        """Sends what waits for a few more seconds, each message once."""
        self._is_stopping.set()
        self._messages.put(None)
        self._thread.join(LAST_SECONDS)

    def _run(self) -> None:
        while (message := self._messages.get()) is not None:
            self._send(message)

    def _send(self, message: Message) -> None:
        for attempt in itertools.count(1):
            error = self._attempt(message)
            if error is None:
                return
            if isinstance(error, Refused) or self._is_stopping.is_set():
                logger.error("An alert could not be sent by %s: %s", self._channel.name, error)
                return
            logger.warning("An alert will be sent again by %s: %s", self._channel.name, error)
            pause = pause_before(attempt + 1, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
            self._is_stopping.wait(pause.total_seconds())

    def _attempt(self, message: Message) -> Exception | None:
        try:
            self._channel.send(message)
        except Exception as error:
            return error
        return None
