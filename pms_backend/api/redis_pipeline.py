"""One pipeline of Redis commands within a given time, by a connection of the thread's own.

redis-py's clients take a connection out of a pool for each command and put it back, which costs more than the command
itself. Their timeouts belong to the connection; here the caller gives the time that it has left. The commands of every
request go through this module, all others through the clients.
"""

import os
import threading
import weakref
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

from django.conf import settings
from django_redis import get_redis_connection
from redis.exceptions import ConnectionError as ConnectionLost

# redis-py takes a timeout of 0 for no timeout.
MINIMUM_SECONDS: Final = 0.001

Command = tuple[Any, ...]

_of_thread: Final = threading.local()


def run_pipeline(commands: Sequence[Command], *, seconds: float | None = None, cache: str = "default") -> list[Any]:
    """Redis's replies to the commands, which may be run twice. Raises `RedisError`, at the latest after `seconds`.

    The default is `REDIS_TIMEOUT_SECONDS`. The time to connect comes on top; the timeouts in `CACHES[cache]` bound it.
    """
    connection = _connection(cache)
    deadline = monotonic() + (settings.REDIS_TIMEOUT_SECONDS if seconds is None else seconds)
    try:
        return _run(connection, commands, deadline)
    except ConnectionLost:
        # The server was restarted since the last command and has closed the connection.
        if monotonic() > deadline:
            raise
        return _run(connection, commands, deadline)


class _ThreadConnection:
    """The connection of one thread; it is closed when the thread ends. A forked process opens its own."""

    def __init__(self, cache: str) -> None:
        self.process = os.getpid()
        pool = get_redis_connection(cache).connection_pool
        # Not from the pool: it counts every connection that it makes, and refuses after the hundredth thread.
        self.connection = pool.connection_class(**pool.connection_kwargs)
        # redis-py's connection is part of a reference cycle, so it would stay open until garbage collection. When the
        # interpreter exits, the kernel closes it; the modules that redis-py needs for that may be gone by then.
        weakref.finalize(self, self.connection.disconnect).atexit = False  # type: ignore[misc]  # typeshed: slots


def _connection(cache: str) -> Any:
    held: _ThreadConnection | None = getattr(_of_thread, cache, None)
    if held is None or held.process != os.getpid():
        held = _ThreadConnection(cache)
        setattr(_of_thread, cache, held)
    return held.connection


def _run(connection: Any, commands: Sequence[Command], deadline: float) -> list[Any]:
    try:
        connection.send_packed_command(connection.pack_commands(commands))
        return [connection.read_response(timeout=max(deadline - monotonic(), MINIMUM_SECONDS)) for _ in commands]
    except BaseException:
        # Replies that were not read yet must not be taken for those of the next commands.
        connection.disconnect()
        raise
