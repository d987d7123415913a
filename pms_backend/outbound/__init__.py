"""Every HTTP call that we make: bounded in time and size, and kept from addresses that are nobody's business."""

from pms_backend.outbound.backoff import pause_before
from pms_backend.outbound.exceptions import AnswerTooLarge, Forbidden, OutboundError, Unreachable
from pms_backend.outbound.fetching import Answer, Bounds, fetch
from pms_backend.outbound.guard import check_url
from pms_backend.outbound.targets import parse_target

__all__ = [
    "Answer",
    "AnswerTooLarge",
    "Bounds",
    "Forbidden",
    "OutboundError",
    "Unreachable",
    "check_url",
    "fetch",
    "parse_target",
    "pause_before",
]
