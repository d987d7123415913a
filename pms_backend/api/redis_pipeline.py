"""One pipeline of Redis commands, by a connection of the thread's own; and one breaker for all of a process's uses.

redis-py's clients take a connection out of a pool for each command and put it back, which costs more than the command
itself. Here redis-py only connects and logs in; the commands are packed and the replies parsed by hiredis, in C. The
commands of every request go through this module, all others through the clients.

A Redis that hangs costs one request of a process `REDIS_TIMEOUT_SECONDS`; then no request asks it for `PAUSE_SECONDS`,
but for what other processes must know before a write is acknowledged.
"""

import logging
import os
import threading
import weakref
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

from django.conf import settings
from django_redis import get_redis_connection
from hiredis import PushNotification, Reader, pack_command
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as TimedOut

from pms_backend import metrics

logger = logging.getLogger(__name__)

# How long a Redis that did not answer is left alone.
PAUSE_SECONDS: Final = 1.0
# How long a write waits during the pause for one that may answer again. One that does answers in under a millisecond.
TIMEOUT_IN_PAUSE_SECONDS: Final = 0.025
_READ_BYTES: Final = 65_536
_INCOMPLETE: Final = object()
_LEFT_ALONE: Final = f"it did not answer within the last {PAUSE_SECONDS} s"

Command = tuple[Any, ...]


class RedisPaused(ConnectionLost):
    """Redis did not answer a moment ago, so it was not asked."""


def run_pipeline(commands: Sequence[Command], *, timeout_in_pause: float = 0.0) -> list[Any]:
    """Redis's replies to the commands, which may be run twice. Raises `RedisError`; all commands have run nevertheless.

    It waits `REDIS_TIMEOUT_SECONDS` for the replies to begin, and as long for the rest of long ones. The time to
    connect comes on top; the timeouts in `CACHES` bound it. With `timeout_in_pause`, in seconds, a Redis that is left
    alone is asked nevertheless, and waited for so long.
    """
    is_paused = breaker.is_open and not breaker.begin_trial()
    if is_paused and not timeout_in_pause:
        raise RedisPaused(_LEFT_ALONE)
    data = _packed(commands)
    connection = _connection()
    if is_paused:
        connection.set_timeout(timeout_in_pause)
    try:
        try:
            replies = connection.exchange(data, len(commands))
        except ConnectionLost:
            # The server was restarted since the last command and has closed the connection.
            replies = connection.exchange(data, len(commands))
    except RedisError as error:
        if is_paused:
            # This does not prolong the pause: otherwise, while there are writes, no reader would try Redis again.
            raise RedisPaused(_LEFT_ALONE) from error
        breaker.open()
        raise
    finally:
        if is_paused:
            connection.set_timeout(settings.REDIS_TIMEOUT_SECONDS)
    if breaker.is_open:
        breaker.close()
    for reply in replies:
        if isinstance(reply, ResponseError):
            try:
                raise reply
            finally:
                # The error refers to this frame. If the frame referred to the error, the connection would stay open
                # until garbage collection, after its thread has ended.
                del reply, replies, connection
    return replies


def send_pipeline(commands: Sequence[Command]) -> None:
    """Sends commands of which nobody needs to know whether they were run. Raises `RedisError` if they cannot be sent.

    The thread's next pipeline skips their replies.
    """
    if breaker.is_open:
        # The trial is for an exchange, whose reply tells more.
        raise RedisPaused(_LEFT_ALONE)
    try:
        _connection().send(_packed(commands), len(commands))
    except TimedOut:
        breaker.open()
        raise


def report_failure(use: str, consequence: str, error: Exception) -> None:
    """Counts a use that Redis failed; logs it, but not for each request while Redis is left alone."""
    metrics.redis_failures_total.labels(use).inc()
    if not isinstance(error, RedisPaused):
        logger.warning("%s, Redis does not answer: %s", consequence, error)


class Breaker:
    """Leaves a Redis that did not answer alone; after each pause one request tries it again."""

    def __init__(self) -> None:
        self.is_open = False
        self._until = 0.0
        self._lock = threading.Lock()

    def begin_trial(self) -> bool:
        """Whether Redis may be asked: once after each pause."""
        with self._lock:
            now = monotonic()
            if self.is_open and now < self._until:
                return False
            self._until = now + PAUSE_SECONDS
            return True

    def open(self) -> None:
        """Begins a pause."""
        with self._lock:
            self._until = monotonic() + PAUSE_SECONDS
            self.is_open = True

    def close(self) -> None:
        """Redis has answered."""
        self.is_open = False


breaker: Final = Breaker()


class _OfThread(threading.local):
    connection: "_ThreadConnection | None" = None


_of_thread: Final = _OfThread()


class _ThreadConnection:
    """The connection of one thread; it is closed when the thread ends. A forked process opens its own."""

    def __init__(self) -> None:
        self.process = os.getpid()
        pool = get_redis_connection("default").connection_pool
        # Not from the pool: it counts every connection that it makes, and refuses after the hundredth thread.
        self._connection = pool.connection_class(**pool.connection_kwargs)
        self._socket: Any = None
        self._reader = Reader()
        self._timeout: float = settings.REDIS_TIMEOUT_SECONDS
        self._unread_count = 0
        # redis-py's connection is part of a reference cycle, so it would stay open until garbage collection. When the
        # interpreter exits, the kernel closes it; the modules that redis-py needs for that may be gone by then.
        weakref.finalize(self, self._connection.disconnect).atexit = False  # type: ignore[misc]  # typeshed: slots

    def set_timeout(self, seconds: float) -> None:
        """How long it waits from now on: for a connection, for replies to begin, and for the rest of long ones."""
        self._timeout = self._connection.socket_timeout = self._connection.socket_connect_timeout = seconds
        if self._socket is not None:
            self._socket.settimeout(seconds)

    def exchange(self, data: bytes, count: int) -> list[Any]:
        """The replies to these commands, errors among them. Raises `ConnectionLost` or `TimedOut`."""
        try:
            if self._socket is None:
                self._connect()
            self._socket.sendall(data)
            replies = self._read(self._unread_count + count)
        except OSError as error:
            self._close()
            raise _as_redis_error(error) from error
        except BaseException:
            self._close()
            raise
        if self._unread_count:
            del replies[: self._unread_count]
            self._unread_count = 0
        return replies

    def send(self, data: bytes, count: int) -> None:
        """Leaves the replies to the next exchange. Raises `ConnectionLost` or `TimedOut`."""
        try:
            if self._socket is None:
                self._connect()
            # Before they are sent: whatever interrupts that, nobody takes their replies for those of other commands.
            self._unread_count += count
            self._socket.sendall(data)
        except OSError as error:
            self._close()
            raise _as_redis_error(error) from error
        except BaseException:
            self._close()
            raise

    def _connect(self) -> None:
        self._connection.connect()
        self._socket = self._connection._sock
        self._socket.settimeout(self._timeout)
        self._reader = Reader(protocolError=ConnectionLost, replyError=_error_of, notEnoughData=_INCOMPLETE)

    def _read(self, count: int) -> list[Any]:
        self._receive()
        reader, deadline = self._reader, 0.0
        replies: list[Any] = []
        while True:
            reply = reader.gets()
            if reply is _INCOMPLETE:
                # Each wait is bounded by the socket's timeout, those for the parts of a long reply by one more.
                deadline = deadline or monotonic() + self._timeout
                if monotonic() > deadline:
                    raise TimeoutError
                self._receive()
            elif type(reply) is not PushNotification:
                replies.append(reply)
                count -= 1
                if not count:
                    if reader.has_data() and type(reader.gets()) is not PushNotification:
                        raise ConnectionLost("Redis has sent more replies than it was sent commands.")
                    return replies

    def _receive(self) -> None:
        received = self._socket.recv(_READ_BYTES)
        if not received:
            raise ConnectionLost("Redis has closed the connection.")
        self._reader.feed(received)

    def _close(self) -> None:
        # Replies that were not read yet must not be taken for those of the next commands.
        self._socket, self._unread_count = None, 0
        self._connection.disconnect()


def _packed(commands: Sequence[Command]) -> bytes:
    if len(commands) == 1:
        packed: bytes = pack_command(commands[0])
        return packed
    return b"".join([pack_command(command) for command in commands])


def _connection() -> _ThreadConnection:
    held = _of_thread.connection
    if held is None or held.process != os.getpid():
        held = _of_thread.connection = _ThreadConnection()
    return held


def _as_redis_error(error: OSError) -> RedisError:
    if isinstance(error, TimeoutError):
        return TimedOut(f"no reply within {settings.REDIS_TIMEOUT_SECONDS} s")
    return ConnectionLost(str(error))


def _error_of(text: str) -> ResponseError:
    return NoScriptError(text) if text.startswith("NOSCRIPT") else ResponseError(text)
