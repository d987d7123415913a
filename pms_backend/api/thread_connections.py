"""A thread's database connection ends with the thread.

The web server ends threads that have nothing to do and starts others. Django's connection lies in a cycle of objects:
it would stay open until the garbage is collected, and a quiet house held three times the connections of a busy one.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections

from pms_backend.api.slow_bodies import WSGIApplication

_of_thread: Final = threading.local()


class _Held:
    def __init__(self) -> None:
        self._connection = connections[DEFAULT_DB_ALIAS]

    def __del__(self) -> None:
        self._connection.close()


def with_connections_of_threads(application: WSGIApplication) -> WSGIApplication:
    """The application, whose threads take their connections with them."""

    def served(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not hasattr(_of_thread, "held"):
            _of_thread.held = _Held()
        return application(environ, start_response)

    return served
