"""Traces, for code of every layer: without a tracer these functions do nothing (docs/adr/0028)."""

from collections.abc import Callable, Mapping, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Tracer(Protocol):
    """What `pms_backend/tracing.py` implements with OpenTelemetry."""

    def call_span(
        self, method: str, host: str, port: int | None, headers: MutableMapping[str, str]
    ) -> AbstractContextManager[Callable[[int], None]]:
        """See `call_span` below."""

    def carrier(self) -> dict[str, str]:
        """See `carrier` below."""

    def continued(self, carrier: Mapping[str, str]) -> AbstractContextManager[None]:
        """See `continued` below."""


_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Starts tracing in this process, or ends it."""
    global _tracer
    _tracer = tracer


def call_span(
    method: str, host: str, port: int | None, headers: MutableMapping[str, str]
) -> AbstractContextManager[Callable[[int], None]]:
    """A span of an outgoing call, which adds `traceparent` to its headers; tell what it yields the answer's status.

    Neither path nor query are part of the span, since some services have their secret there.
    """
    return nullcontext(_ignore_status) if _tracer is None else _tracer.call_span(method, host, port, headers)


def carrier() -> dict[str, str]:
    """The present place in the trace, to send with a message or to give to a thread; empty outside of a trace."""
    return {} if _tracer is None else _tracer.carrier()


def continued(carrier: Mapping[str, str]) -> AbstractContextManager[None]:
    """Spans within the block belong to the trace of the carrier."""
    return nullcontext() if _tracer is None else _tracer.continued(carrier)


def _ignore_status(_: int) -> None:
    pass
