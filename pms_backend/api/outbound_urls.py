"""URLs that somebody gives us to call, refused in the words of the API."""

from pms_backend import outbound
from pms_backend.api.exceptions import Invalid


class OutboundForbidden(Invalid):
    """We do not call this URL: it leads, or may lead, to where only we can go."""

    code = "outbound_forbidden"


def check_outbound_url(url: str) -> None:
    """Raises `OutboundForbidden`. Asks the DNS: not to be called in a transaction (docs/adr/0012)."""
    try:
        outbound.check_url(url)
    except outbound.Forbidden as error:
        raise OutboundForbidden(str(error)) from None
