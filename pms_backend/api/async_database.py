"""Database reads from asynchronous code."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from pms_backend.api.database_connections import close_lost_connection

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

READ_THREADS: Final = 4


class Reader:
    """Runs reads in its own threads, each with a database connection that is replaced when it is broken."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="read")

    async def read(
        self, function: Callable[Parameters, Result], *arguments: Parameters.args, **more: Parameters.kwargs
    ) -> Result:
        """Runs `function` in a thread, without blocking the loop; returns or raises what it does."""

        def with_live_connection() -> Result:
            close_lost_connection()
            try:
                return function(*arguments, **more)
            finally:
                close_old_connections()

        return await sync_to_async(with_live_connection, thread_sensitive=False, executor=self._threads)()


# By default asgiref runs all of a process's reads one after another in a single thread.
_reader: Final = Reader(READ_THREADS)
read = _reader.read
