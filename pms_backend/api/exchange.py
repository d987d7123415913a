"""One exchange with Redis within a given time, by a connection of the thread's own.

redis-py's clients take a connection out of a pool for each command, look at it, count and put it back, which costs more
than the command itself. Their timeouts are the connection's; here they are what the caller has left. What every request
asks of Redis goes this way; for all else there are the clients.
"""

import os
import threading
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

from django.conf import settings
from django_redis import get_redis_connection
from redis.exceptions import ConnectionError as ConnectionLost

# A timeout of nothing would be none.
LEAST_SECONDS: Final = 0.001

Command = tuple[Any, ...]

_of_thread: Final = threading.local()


def exchange(commands: Sequence[Command], *, seconds: float | None = None, cache: str = "default") -> list[Any]:
    """What Redis answers to the commands, which may be run twice. Raises `RedisError`, at the latest after `seconds`.

    Those are `REDIS_TIMEOUT_SECONDS` where nothing else is said. The time to connect comes on top, and is bounded by
    the timeouts in `CACHES[cache]`.
    """
    connection = _connection(cache)
    deadline = monotonic() + (settings.REDIS_TIMEOUT_SECONDS if seconds is None else seconds)
    try:
        return _talk(connection, commands, deadline)
    except ConnectionLost:
        # A server that was restarted since has closed it; nobody had looked.
        if monotonic() > deadline:
            raise
        return _talk(connection, commands, deadline)


class _Held:
    """A thread's connection, which ends with the thread, or is left to the parent by a process that was forked."""

    def __init__(self, cache: str) -> None:
        self.process = os.getpid()
        pool = get_redis_connection(cache).connection_pool
        # Not the pool's own: it counts what it makes, and would make no more after the hundredth thread.
        self.connection = pool.connection_class(**pool.connection_kwargs)

    def __del__(self) -> None:
        self.connection.disconnect()


def _connection(cache: str) -> Any:
    held: _Held | None = getattr(_of_thread, cache, None)
    if held is None or held.process != os.getpid():
        held = _Held(cache)
        setattr(_of_thread, cache, held)
    return held.connection


def _talk(connection: Any, commands: Sequence[Command], deadline: float) -> list[Any]:
    try:
        connection.send_packed_command(connection.pack_commands(commands))
        return [connection.read_response(timeout=max(deadline - monotonic(), LEAST_SECONDS)) for _ in commands]
    except BaseException:
        # What is still to be read must not be taken for another's answer.
        connection.disconnect()
        raise
