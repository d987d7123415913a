"""The actor, the door and the request id that events, movements, history and log lines record as their origin."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _

MAX_ACTOR_LENGTH = 150
MAX_REQUEST_ID_LENGTH = 128
REQUEST_ID_BYTES = 16
# The id is repeated in logs and responses, so one with other characters is replaced.
_VALID_REQUEST_ID = re.compile(rf"[A-Za-z0-9._:-]{{1,{MAX_REQUEST_ID_LENGTH}}}")


class Door(models.TextChoices):
    """The way by which a change comes in."""

    ADMIN = "admin", _("Admin")
    API = "api", _("API")
    PMS = "pms", _("PMS")
    IMPORT = "import", _("Import")
    SCHEDULE = "schedule", _("Schedule")
    COMMAND = "command", _("Command")
    SYSTEM = "system", _("System")


@dataclass(frozen=True, slots=True)
class Context:
    """`actor` is `client:NAME`, `user:NAME`, `pms:SLUG` or `system`."""

    actor: str = "system"
    request_id: str = ""
    door: Door = Door.SYSTEM


_current: ContextVar[Context] = ContextVar("context", default=Context())  # noqa: B039 - it is frozen


def current() -> Context:
    """The context of the running request, task or command."""
    return _current.get()


def request_id_from(sent: str) -> str:
    """The request id that a client sent in `X-Request-Id`, or a new one if that is missing or invalid."""
    return sent if sent and _VALID_REQUEST_ID.fullmatch(sent) else os.urandom(REQUEST_ID_BYTES).hex()


def request_id_header() -> dict[str, str]:
    """`X-Request-Id` for calls of others; nothing without a valid request id."""
    request_id = _current.get().request_id
    return {"X-Request-Id": request_id} if _VALID_REQUEST_ID.fullmatch(request_id) else {}


def request_id_of(headers: Mapping[str, str]) -> str:
    """The request id of somebody else's answer, by lower-case names; empty if there is no valid one."""
    sent = headers.get("x-request-id", "")
    return sent if _VALID_REQUEST_ID.fullmatch(sent) else ""


def set_actor(actor: str) -> None:
    """Sets the actor until the end of the enclosing `bind`."""
    now = _current.get()
    _current.set(Context(actor[:MAX_ACTOR_LENGTH], now.request_id, now.door))


def set_request_id(request_id: str) -> None:
    """Sets the request id until the end of the enclosing `bind`, if it is a valid one."""
    if _VALID_REQUEST_ID.fullmatch(request_id):
        now = _current.get()
        _current.set(Context(now.actor, request_id, now.door))


def begin(new: Context) -> Token[Context]:
    """Sets the context until `end`, where a block with `bind` is not possible."""
    return _current.set(new)


def end(token: Token[Context]) -> None:
    """Sets the context as it was before `begin`."""
    _current.reset(token)


@contextmanager
def acting_as(actor: str) -> Iterator[None]:
    """Sets the actor within the block; the request and its door stay."""
    now = _current.get()
    with bind(actor=actor, request_id=now.request_id, door=now.door):
        yield


@contextmanager
def bind(*, actor: str = "system", request_id: str = "", door: Door = Door.SYSTEM) -> Iterator[None]:
    """Sets the actor, the request id and the door within the block."""
    token = _current.set(Context(actor[:MAX_ACTOR_LENGTH], request_id[:MAX_REQUEST_ID_LENGTH], door))
    try:
        yield
    finally:
        _current.reset(token)
