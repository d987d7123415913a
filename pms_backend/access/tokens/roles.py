"""The scopes of a Supabase user, from `app_metadata`, which only the project's own back end can write."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from pms_backend.access.scopes import ALL_SCOPES

FORM = 'JWT_ROLE_SCOPES must be JSON of role to scopes such as {"editor": ["products:read", "products:write"]}'


def scopes_of(app_metadata: Any) -> frozenset[str]:
    """The known scopes in `scopes`; without any, those of `role`; else empty."""
    if not isinstance(app_metadata, Mapping):
        return frozenset()
    named, role = app_metadata.get("scopes"), app_metadata.get("role")
    scopes = _known(named) if isinstance(named, list) else frozenset[str]()
    if scopes or not isinstance(role, str):
        return scopes
    return parse_role_scopes(settings.JWT_ROLE_SCOPES).get(role, frozenset())


@functools.lru_cache(maxsize=8)
def parse_role_scopes(setting: str) -> dict[str, frozenset[str]]:
    """The scopes of each role, given as a list or comma-separated. Raises `ImproperlyConfigured`."""
    try:
        roles = orjson.loads(setting.strip() or "{}")
    except orjson.JSONDecodeError as error:
        raise ImproperlyConfigured(f"{FORM}: {error}.") from None
    if not isinstance(roles, dict):
        raise ImproperlyConfigured(f"{FORM}; it is {setting!r}.")
    return {role: _scopes_of_role(role, scopes) for role, scopes in roles.items()}


def _scopes_of_role(role: str, scopes: Any) -> frozenset[str]:
    words = scopes.split(",") if isinstance(scopes, str) else scopes
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ImproperlyConfigured(f"{FORM}; {role} has {scopes!r}.")
    names = frozenset(word.strip() for word in words)
    if unknown := sorted(names - set(ALL_SCOPES)):
        raise ImproperlyConfigured(f"{FORM}; {role} has {unknown[0]!r}, which is not a scope.")
    return names


def _known(words: Iterable[Any]) -> frozenset[str]:
    return frozenset(word for word in words if isinstance(word, str) and word in ALL_SCOPES)
