"""All outgoing HTTP calls: limited in time and size, and only to allowed addresses (ADR 0012)."""

from pms_backend.outbound.backoff import pause_before
from pms_backend.outbound.exceptions import Forbidden, OutboundError, ResponseTooLarge, Unreachable
from pms_backend.outbound.fetching import Bounds, Response, fetch
from pms_backend.outbound.guard import check_url
from pms_backend.outbound.targets import parse_target
