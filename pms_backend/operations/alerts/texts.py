"""The texts of messages, in English, as people read them in a chat, in an e-mail and in Sentry."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from pms_backend.operations.alerts.catalogue import what_of
from pms_backend.operations.alerts.digest import Message, Opening
from pms_backend.operations.alerts.tracker import TrackedAlert

RUNBOOK: Final = "docs/operations.md"
# Longer ones are in the admin.
MAX_DETAIL: Final = 300


def subject_of(message: Message) -> str:
    """One line that says what the message is about."""
    opened = dict.fromkeys(opening.alert.key[0] for opening in message.openings)
    resolved = dict.fromkeys(alert.key[0] for alert in message.resolved)
    parts = (f"{word}: {', '.join(names)}" for word, names in (("alert", opened), ("over", resolved)) if names)
    return f"[{_site()}] {'; '.join(parts)}"


def text_of(message: Message) -> str:
    """The whole message: a line for each alert, below the site that it is about."""
    lines = [subject_of(message)]
    lines += [f"ALERT {opening_text(opening)}" for opening in message.openings]
    lines += [f"OVER {resolved_text(alert)}" for alert in message.resolved]
    if message.silent_until is not None:
        lines.append(
            f"These were many messages. The next one comes after {_moment(message.silent_until)}, "
            "with what is open then. The admin has all alerts."
        )
    return "\n".join(lines)


def opening_text(opening: Opening) -> str:
    """What is wrong, since when, its detail, and where the runbook says what to do."""
    alert = opening.alert
    detail = " ".join(alert.finding.detail.split())[:MAX_DETAIL].rstrip(".")
    parts = (
        f"{_name(alert)}: {what_of(alert.key[0])}, since {_moment(alert.began_at)}{detail and f': {detail}'}.",
        _repeated(opening),
        f"See {RUNBOOK}, section “Alert: {alert.key[0]}”.",
    )
    return " ".join(part for part in parts if part)


def resolved_text(alert: TrackedAlert) -> str:
    """What is over, and for how long it lasted."""
    return f"{_name(alert)}: {what_of(alert.key[0])}. It lasted {_lasted(alert)}."


def duration(span: timedelta) -> str:
    """A duration in its two largest units, such as `1 h 5 min`."""
    seconds = max(round(span.total_seconds()), 0)
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for unit, size in units:
        if seconds >= size or (unit == "s" and not parts):
            parts.append(f"{seconds // size} {unit}")
        seconds %= size
    return " ".join(parts[:2])


def _repeated(opening: Opening) -> str:
    if not opening.repeated:
        return ""
    times = "once" if opening.repeated == 1 else f"{opening.repeated} times"
    end = f", and is over: the last time it lasted {_lasted(opening.alert)}" if opening.alert.resolved_at else ""
    return f"It has come back {times} since it was told{end}."


def _lasted(alert: TrackedAlert) -> str:
    return duration((alert.resolved_at or alert.began_at) - alert.began_at)


def _name(alert: TrackedAlert) -> str:
    name, subject = alert.key
    return f"{name} {subject}".strip()


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _site() -> str:
    """The name of this installation."""
    return next((host for host in settings.ALLOWED_HOSTS if host != "*"), "PMS")
