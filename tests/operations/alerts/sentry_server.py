"""A local server that receives events as Sentry does."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import sentry_sdk
from django.test import override_settings

from pms_backend.operations import sentry
from tests.outbound.servers import LocalServer, saying, serving


class SentryServer:
    """The events that have come, in their order."""

    def __init__(self, server: LocalServer) -> None:
        self.server = server

    def events(self) -> list[dict[str, Any]]:
        """What was sent until now."""
        sentry_sdk.flush(timeout=5)
        return [event for request in self.server.received for event in _events_of(request.body, request.headers)]

    def raw(self) -> bytes:
        """All that was sent, unpacked."""
        self.events()
        return b"".join(_unpacked(request.body, request.headers) for request in self.server.received)


@contextmanager
def sentry_on() -> Iterator[SentryServer]:
    """Sentry is set in this process, and sends to a local server."""
    with serving(saying(b"{}")) as server:
        dsn = f"http://publickey@127.0.0.1:{server.port}/7"
        with override_settings(SENTRY_DSN=dsn, PROGRAM="web"):
            sentry.start()
            try:
                yield SentryServer(server)
            finally:
                sentry_sdk.get_client().close(timeout=5)
                sentry_sdk.get_global_scope().set_client(None)


def _unpacked(body: bytes, headers: Any) -> bytes:
    return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body


def _events_of(body: bytes, headers: Any) -> Iterator[dict[str, Any]]:
    _, *items = _unpacked(body, headers).split(b"\n")
    for header, payload in zip(items[::2], items[1::2], strict=False):
        if orjson.loads(header)["type"] == "event":
            yield orjson.loads(payload)
