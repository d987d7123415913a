"""Admission of sockets: checks the address, origin, ticket or header, scope and kind, in this order."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from pms_backend.access import rates, services
from pms_backend.access.addresses import address_of
from pms_backend.access.authentication import caller_of_headers
from pms_backend.access.caller import Caller
from pms_backend.access.credentials import revalidate
from pms_backend.access.visibility import visibility_of

CLOSE_NOT_AUTHENTICATED: Final = 4001
CLOSE_FORBIDDEN: Final = 4003
# RFC 6455's registry: try again later.
CLOSE_TRY_LATER: Final = 1013


class SocketRefused(Exception):
    """The connection is closed with `code`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def admit(scope: Mapping[str, Any], *, required_scope: str) -> Caller:
    """The caller that may open this ASGI connection. Raises `SocketRefused`. It reads Redis and the database.

    A ticket in the query is redeemed, and then the headers are ignored.
    """
    headers = headers_of(scope["headers"])
    peer = (scope.get("client") or ("",))[0]
    verdict = rates.count_request("address", address_of(peer=peer, forwarded_for=headers.get("x-forwarded-for", "")))
    if verdict is not None and not verdict.allowed:
        raise SocketRefused(CLOSE_TRY_LATER, "too many requests")
    if not is_own_origin(headers):
        raise SocketRefused(CLOSE_FORBIDDEN, "foreign origin")
    ticket = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).get("ticket")
    caller = caller_of_headers(headers) if ticket is None else _caller_of_ticket(ticket)
    if caller is None:
        raise SocketRefused(CLOSE_NOT_AUTHENTICATED, "no valid key, token or ticket")
    if not may_watch(caller, required_scope):
        raise SocketRefused(CLOSE_FORBIDDEN, f"needs {required_scope}, and no storefront")
    return caller


def may_watch(caller: Caller, required_scope: str) -> bool:
    """Whether the caller has the scope and may see stock."""
    return required_scope in caller.scopes and visibility_of(caller).ledger


def headers_of(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """ASGI's headers by name; repeated headers are joined as Django joins them."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def is_own_origin(headers: Mapping[str, str]) -> bool:
    """Whether the `Origin` is this host, an allowed host, or in CORS_ALLOWED_ORIGINS.

    Only browsers send an `Origin`, and they always do.
    """
    origin = headers.get("origin")
    if origin is None or origin in settings.CORS_ALLOWED_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host:
        return False
    domain = f"[{host}]" if ":" in host else host
    own, _ = split_domain_port(headers.get("host", ""))
    return domain == own or validate_host(domain, settings.ALLOWED_HOSTS)


def _caller_of_ticket(tickets: list[str]) -> Caller | None:
    caller = services.redeem_ticket(ticket=tickets[0]) if len(tickets) == 1 else None
    # The caller's credential may have expired since the ticket was issued.
    return None if caller is None else revalidate([caller]).get(caller)
