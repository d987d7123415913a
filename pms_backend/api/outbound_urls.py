"""Checks URLs from input that we are to call later."""

from pms_backend import outbound
from pms_backend.api.exceptions import Invalid


class OutboundForbidden(Invalid, code="outbound_forbidden"):
    """The URL leads, or may lead, to a network that only we can reach."""


def check_outbound_url(url: str) -> None:
    """Raises `OutboundForbidden`. Queries DNS, so it must not be called in a transaction (ADR 0012)."""
    try:
        outbound.check_url(url)
    except outbound.Forbidden as error:
        raise OutboundForbidden(str(error)) from None
