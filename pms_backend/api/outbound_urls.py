"""Checks URLs from input that we are to call later."""

from pms_backend import outbound
from pms_backend.api.exceptions import Invalid
from pms_backend.api.problems import FieldError


class OutboundForbidden(Invalid, code="outbound_forbidden"):
    """The URL leads, or may lead, to a network that only we can reach."""


def check_outbound_url(url: str, *, pointer: str = "") -> None:
    """Raises `OutboundForbidden`, for the member at `pointer` if one is given.

    Queries DNS, so it must not be called in a transaction (ADR 0012).
    """
    try:
        outbound.check_url(url)
    except outbound.Forbidden as error:
        errors = [FieldError(pointer, OutboundForbidden.code, str(error))] if pointer else []
        raise OutboundForbidden(str(error), errors=errors) from None
