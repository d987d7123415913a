"""Alerts as messages in Sentry."""

from pms_backend.operations import sentry
from pms_backend.operations.alerts import texts
from pms_backend.operations.alerts.digest import Message
from pms_backend.operations.models import AlertSeverity


class SentryChannel:
    """Sends each opening and each end as a message; those of one alert are one issue."""

    name = "Sentry"

    def send(self, message: Message) -> None:
        """Sends the message's alerts, one by one; Sentry's own thread calls its server."""
        for opening in message.openings:
            is_critical = opening.alert.finding.severity == AlertSeverity.CRITICAL
            sentry.capture_alert(opening.alert.key, texts.opening_text(opening), "error" if is_critical else "warning")
        for alert in message.resolved:
            sentry.capture_alert(alert.key, texts.resolved_text(alert), "info")
