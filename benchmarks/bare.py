"""The least Python around SQL: a WSGI application that answers paths by functions, on a connection for each thread."""

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.string import TextLoader


@dataclass(frozen=True, slots=True)
class BareRequest:
    """What a function gets."""

    connection: psycopg.Connection[tuple[Any, ...]]
    path: str
    environ: dict[str, Any]

    def body(self) -> bytes:
        """The bytes of the body."""
        return bytes(self.environ["wsgi.input"].read(int(self.environ["CONTENT_LENGTH"])))


# The status line and the body.
Answer = tuple[str, bytes]
Handler = Callable[[BareRequest], Answer]

OK = "200 OK"
CREATED = "201 Created"
CONFLICT = "409 Conflict", b"{}"


class BareApplication:
    """`handlers` by path; for the paths that have none, that of the longest beginning."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers
        self._beginnings = sorted(handlers, key=len, reverse=True)
        self._of_thread = threading.local()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answers a request."""
        path = environ["PATH_INFO"]
        handler = self._handlers.get(path) or self._handler_of_beginning(path)
        status, body = ("200 OK", b"{}") if handler is None else handler(BareRequest(self._connection(), path, environ))
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _handler_of_beginning(self, path: str) -> Handler | None:
        return next((self._handlers[beginning] for beginning in self._beginnings if path.startswith(beginning)), None)

    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        connection: psycopg.Connection[tuple[Any, ...]] | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._of_thread.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
            # JSON is sent as it is received.
            connection.adapters.register_loader("jsonb", TextLoader)
        return connection
