"""Database reads beside an event loop."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections, connection

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

READ_THREADS: Final = 4


class Reader:
    """Some threads, each with a database connection of its own, which is replaced when it is broken."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="read")

    async def read(
        self, function: Callable[Parameters, Result], *arguments: Parameters.args, **more: Parameters.kwargs
    ) -> Result:
        """What `function` returns or raises; the loop goes on meanwhile."""

        def looked_after() -> Result:
            close_old_connections()
            # PostgreSQL may have been restarted since; whoever comes now need not learn of it.
            if connection.connection is not None and not connection.is_usable():
                connection.close()
            try:
                return function(*arguments, **more)
            finally:
                close_old_connections()

        return await sync_to_async(looked_after, thread_sensitive=False, executor=self._threads)()


# By default all of a process's reads would wait for one another in a single thread.
_reader: Final = Reader(READ_THREADS)
read = _reader.read
