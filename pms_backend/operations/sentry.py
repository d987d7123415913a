"""Errors in Sentry: what was unexpected, with its traceback, the request's id and the first line of its text.

That line may quote a value that somebody has sent; nothing else that people send is in it, and secrets are hidden.

Imported only where SENTRY_DSN is set.
"""

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Literal

import sentry_sdk
from django.conf import settings
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration

from pms_backend.api import context
from pms_backend.api.exceptions import DomainError, is_disk_full
from pms_backend.api.redaction import redacted
from pms_backend.metrics.error_logs import OF_RESPONSES, outage_of

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

# Of one kind, and of all kinds, a minute and process: a loop that fails is one kind.
MAX_OF_A_KIND: Final = 3
MAX_IN_ALL: Final = 30
MINUTE: Final = 60.0
# The rest of a database's error quotes rows.
MAX_VALUE_LENGTH: Final = 200
KEPT: Final = frozenset(
    {"event_id", "timestamp", "platform", "level", "logger", "message", "logentry", "exception", "tags", "fingerprint"}
    | {"server_name", "environment", "sdk", "type"}
)


def start() -> None:
    """Sends each error that is logged with an exception from now on."""
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(level=None, sentry_logs_level=None),
            ExcepthookIntegration(),
            DedupeIntegration(),
            AtexitIntegration(callback=lambda pending, timeout: None),
        ],
        before_send=_before_send,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        send_client_reports=False,
        auto_session_tracking=False,
        enable_backpressure_handling=False,
        # Otherwise it would run git.
        release="",
        # Empty: no proxy, whatever the environment says.
        http_proxy="",
        https_proxy="",
        shutdown_timeout=2,
    )


def capture_alert(key: tuple[str, str], text: str, level: Literal["error", "warning", "info"]) -> None:
    """Sends an alert; those of the same name and subject are one issue."""
    sentry_sdk.capture_event(
        {"message": text, "level": level, "fingerprint": ["alert", *key], "tags": {"alert": " ".join(key).strip()}}
    )


class KindLimit:
    """How many events of each kind a minute are sent; threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began_at = float("-inf")
        self._sent: Counter[str] = Counter()

    def allows(self, kind: str, now: float) -> bool:
        """Whether one more may be sent, which counts."""
        with self._lock:
            if now - self._began_at >= MINUTE:
                self._began_at = now
                self._sent.clear()
            if self._sent[kind] >= MAX_OF_A_KIND or self._sent.total() >= MAX_IN_ALL:
                return False
            self._sent[kind] += 1
            return True


_limit: Final = KindLimit()


def _before_send(event: "Event", hint: "Hint") -> "Event | None":
    is_alert = "alert" in event.get("tags", {})
    if not is_alert:
        error = hint["exc_info"][1] if hint.get("exc_info") else None
        if (
            error is None
            or _is_expected(error, event.get("logger"))
            or not _limit.allows(_kind_of(event), time.monotonic())
        ):
            return None
    return _reduced(event)


def _is_expected(error: BaseException, logger: str | None) -> bool:
    """What was answered with a 500 is unexpected, although an outage may be behind it."""
    is_of_outage = outage_of(error) != "" and logger not in OF_RESPONSES
    return isinstance(error, DomainError) or is_disk_full(error) or is_of_outage


def _kind_of(event: "Event") -> str:
    """The type of the exception and the place that raised it."""
    raised: dict[str, Any] = event["exception"]["values"][-1]
    frames = (raised.get("stacktrace") or {}).get("frames") or [{}]
    return f"{raised.get('type')} {frames[-1].get('module')} {frames[-1].get('function')}"


def _reduced(event: "Event") -> "Event":
    """The event with what names the error and its request, and without values that somebody may have sent."""
    found: dict[str, Any] = {name: value for name, value in event.items() if name in KEPT}
    if "logentry" in found:
        found["logentry"] = {"message": found["logentry"]["message"]}
    for raised in found.get("exception", {}).get("values", ()):
        lines = str(raised.get("value") or "").splitlines()
        raised["value"] = redacted(lines[0])[:MAX_VALUE_LENGTH] if lines else ""
    request_id = context.current().request_id
    tags = {**found.get("tags", {}), "program": settings.PROGRAM or "command"}
    found["tags"] = {**tags, "request_id": request_id} if request_id else tags
    return found  # type: ignore[return-value]  # a TypedDict
