"""Alerts by e-mail."""

from django.conf import settings
from django.core.mail import EmailMessage

from pms_backend.operations.alerts import texts
from pms_backend.operations.alerts.digest import Message


class EmailChannel:
    """Sends messages by the server of EMAIL_URL to its recipients."""

    name = "e-mail"

    def send(self, message: Message) -> None:
        """Sends one message to all recipients."""
        EmailMessage(texts.subject_of(message), texts.text_of(message), to=settings.ALERT_EMAIL_TO).send()
