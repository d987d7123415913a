"""The alerts with which the next monitor goes on, in a file: the database may be what is away."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from django.conf import settings

from pms_backend.operations.alerts.tracker import Finding, TrackedAlert
from pms_backend.operations.models import AlertSeverity

logger = logging.getLogger(__name__)

FILE_NAME: Final = "alerts.json"


def read_kept() -> list[TrackedAlert]:
    """What the monitor before this one has kept; nothing if there is no such file, or it is not whole."""
    try:
        return [_alert(row) for row in orjson.loads((settings.RUN_DIR / FILE_NAME).read_bytes())]
    except (OSError, ValueError, LookupError, TypeError):
        return []


def write_kept(alerts: Sequence[TrackedAlert]) -> None:
    """Replaces the file at once; on a full disk it stays as it is."""
    written = settings.RUN_DIR / f"{FILE_NAME}.new"
    try:
        settings.RUN_DIR.mkdir(parents=True, exist_ok=True)
        written.write_bytes(orjson.dumps(alerts))
        written.replace(settings.RUN_DIR / FILE_NAME)
    except OSError as error:
        logger.warning("The next monitor will not know which alerts are open: %s", error)


def _alert(row: dict[str, Any]) -> TrackedAlert:
    name, subject = row["key"]
    return TrackedAlert(
        key=(name, subject),
        finding=Finding(AlertSeverity(row["finding"]["severity"]), row["finding"]["detail"]),
        began_at=datetime.fromisoformat(row["began_at"]),
        is_open=True,
        told_at=_moment(row["told_at"]),
        resolved_at=_moment(row["resolved_at"]),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
