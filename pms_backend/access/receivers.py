"""Receivers of Django's login signals: they write the audit log."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.http import HttpRequest

from pms_backend.access.addresses import client_address
from pms_backend.access.services import LOGIN, record_audit, record_failed_login
from pms_backend.api import context

MAX_NAME_LENGTH = 150


def connect() -> None:
    """Connects the receivers; called once, when the apps are ready."""
    user_logged_in.connect(write_login, dispatch_uid="audit log")
    user_logged_out.connect(write_logout, dispatch_uid="audit log")
    user_login_failed.connect(write_failed_login, dispatch_uid="audit log")


def write_login(request: HttpRequest, user: AbstractUser, **_: Any) -> None:
    """Logs a login."""
    _write("user.logged_in", user.get_username(), request)


def write_logout(request: HttpRequest, user: AbstractUser | None, **_: Any) -> None:
    """Logs a logout."""
    if user is not None:
        _write("user.logged_out", user.get_username(), request)


def write_failed_login(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Logs a failed login, without the password."""
    name = _stored(str(credentials.get("username", "")))
    record_failed_login(name=name, address=client_address(request) if request else "unknown")


def _write(action: str, username: str, request: HttpRequest | None) -> None:
    name = _stored(username)
    with context.acting_as(f"user:{name}"), transaction.atomic():
        address = client_address(request) if request else None
        record_audit(action=action, subject=f"{LOGIN}:{name}", name=name, address=address)


def _stored(username: str) -> str:
    return username.replace("\x00", "")[:MAX_NAME_LENGTH]
