"""One exchange with Redis within a given time, by a connection of the thread's own.

redis-py's clients take a connection out of a pool for each command, look at it, count and put it back, which costs more
than the command itself. Their timeouts are the connection's; here they are what the caller has left.
"""

import os
import threading
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

from django_redis import get_redis_connection
from redis.exceptions import ConnectionError as ConnectionLost

# A timeout of nothing would be none.
LEAST_SECONDS: Final = 0.001

Command = tuple[Any, ...]

_of_thread: Final = threading.local()


def exchange(commands: Sequence[Command], *, seconds: float) -> list[Any]:
    """What Redis answers to the commands, which may be run twice. Raises `RedisError`, at the latest after `seconds`.

    The time to connect comes on top, and is bounded by the timeouts in `CACHES["answers"]`.
    """
    connection = _connection()
    deadline = monotonic() + seconds
    try:
        return _talk(connection, commands, deadline)
    except ConnectionLost:
        # A server that was restarted since has closed it; nobody had looked.
        if monotonic() > deadline:
            raise
        return _talk(connection, commands, deadline)


def _connection() -> Any:
    process, connection = getattr(_of_thread, "held", (None, None))
    if process != os.getpid():
        connection = get_redis_connection("answers").connection_pool.make_connection()
        _of_thread.held = (os.getpid(), connection)
    return connection


def _talk(connection: Any, commands: Sequence[Command], deadline: float) -> list[Any]:
    try:
        connection.send_packed_command(connection.pack_commands(commands))
        return [connection.read_response(timeout=max(deadline - monotonic(), LEAST_SECONDS)) for _ in commands]
    except BaseException:
        # What is still to be read must not be taken for another's answer.
        connection.disconnect()
        raise
