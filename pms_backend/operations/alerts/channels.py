"""The channels that the settings name."""

from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.utils.module_loading import import_string

from pms_backend.operations.alerts.sending import Channel

# The class of the channel by the setting that switches it on. One that is off is not imported, which saves memory.
CHANNELS: Final[Mapping[str, str]] = {
    "ALERT_WEBHOOK_URL": "pms_backend.operations.alerts.webhook_channel.WebhookChannel",
    "EMAIL_HOST": "pms_backend.operations.alerts.email_channel.EmailChannel",
    "SENTRY_DSN": "pms_backend.operations.alerts.sentry_channel.SentryChannel",
}


def channels() -> list[Channel]:
    """The channels that are switched on."""
    return [import_string(path)() for setting, path in CHANNELS.items() if getattr(settings, setting)]
