"""All outgoing HTTP calls: limited in time and size, and only to allowed addresses (ADR 0012)."""

from pms_backend.outbound.backoff import pause_before
from pms_backend.outbound.client import Client, ClientBounds
from pms_backend.outbound.exceptions import (
    Forbidden,
    OutboundError,
    RateExceeded,
    RequestTooLarge,
    ResponseTooLarge,
    Unreachable,
)
from pms_backend.outbound.fetching import Bounds, Response, fetch
from pms_backend.outbound.guard import check_url
from pms_backend.outbound.posting import PostAnswer, PostBounds, Poster
from pms_backend.outbound.retry_after import http_date, retry_after_of
from pms_backend.outbound.targets import parse_target
from pms_backend.outbound.token_bucket import TokenBucket
from pms_backend.outbound.transactions import require_no_transaction
