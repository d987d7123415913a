"""The actor and the request id that events, movements and log lines record as their origin."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

MAX_ACTOR_LENGTH = 150
MAX_REQUEST_ID_LENGTH = 128
# The id is repeated in logs and responses, so one with other characters is replaced.
_VALID_REQUEST_ID = re.compile(rf"[A-Za-z0-9._:-]{{1,{MAX_REQUEST_ID_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Context:
    """`actor` is `client:NAME`, `user:NAME`, `pms:SLUG` or `system`."""

    actor: str = "system"
    request_id: str = ""


_current: ContextVar[Context] = ContextVar("context", default=Context())  # noqa: B039 - it is frozen


def current() -> Context:
    """The context of the running request, task or command."""
    return _current.get()


def request_id_from(sent: str) -> str:
    """The request id that a client sent in `X-Request-Id`, or a new one if that is missing or invalid."""
    return sent if _VALID_REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex


def set_actor(actor: str) -> None:
    """Sets the actor until the end of the enclosing `bind`."""
    _current.set(replace(_current.get(), actor=actor[:MAX_ACTOR_LENGTH]))


@contextmanager
def bind(*, actor: str = "system", request_id: str = "") -> Iterator[None]:
    """Sets the actor and the request id within the block."""
    token = _current.set(Context(actor=actor[:MAX_ACTOR_LENGTH], request_id=request_id[:MAX_REQUEST_ID_LENGTH]))
    try:
        yield
    finally:
        _current.reset(token)
