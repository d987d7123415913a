from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class WebhooksConfig(AppConfig):
    name = "webhooks"
    verbose_name = gettext_lazy("Webhooks")

    def ready(self) -> None:
        """Connects the receiver of published events."""
        from webhooks import receivers

        receivers.connect()
